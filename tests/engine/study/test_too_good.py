"""What nobody gets from the past alone is called too good to be true, wherever a run is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import engine
from engine.cli.prompt import main
from engine.config.compose import compose_config
from engine.core.errors import ConfigError
from engine.core.fields import structure
from engine.pipeline.settings import read
from engine.plugin.registry import installed
from engine.study.too_good import TooGood, too_good_line

METRICS = {
    "signal": {"rank_ic_mean": 0.96},
    "forecasts": {"ml": {"rank_ic_mean": None}},
    "factors": {"low": {"rank_ic_mean": -0.3}, "fair": {"rank_ic_mean": 0.2}},
    "performance": {"net": {"sharpe": 12.5}},
}


def test_results_beyond_a_limit_are_named_with_it() -> None:
    assert TooGood().find(METRICS) == {
        "rank_ic.mf_score": {"value": 0.96, "limit": 0.2},
        "rank_ic.low": {"value": -0.3, "limit": 0.2},
        "sharpe": {"value": 12.5, "limit": 4.0},
    }
    assert too_good_line(TooGood(ic=0.9).find(METRICS)) == (
        "too good to be true: the rank IC of mf_score is 0.96 (too_good.ic=0.9), the net Sharpe "
        "ratio is 12.50 (too_good.sharpe=4); look for what was not known then: a shifted factor, "
        "a later revision, a price of the future"
    )


def test_a_large_loss_is_not_too_good() -> None:
    lost = {**METRICS, "performance": {"net": {"sharpe": -12.5}}}
    assert "sharpe" not in TooGood().find(lost)


@pytest.mark.parametrize(
    ("word", "limits"),
    [
        ("too_good.ic=null", (None, 4.0)),
        ("too_good.sharpe=null", (0.2, None)),
        ("too_good=null", (None, None)),
        ("too_good.sharpe=6", (0.2, 6.0)),
    ],
)
def test_limits_are_typed_without_a_plus_and_null_switches_off(
    word: str, limits: tuple[float | None, float | None]
) -> None:
    made = read(compose_config(["+bundle=ai_tech_core", word]), installed()).too_good
    assert (made.ic, made.sharpe) == limits
    assert len(made.find(METRICS)) == 2 * (limits[0] is not None) + (limits[1] is not None)


@pytest.mark.parametrize(
    ("key", "value"), [("ic", 1.5), ("ic", -0.1), ("sharpe", -1.0), ("ic", "x")]
)
def test_a_wrong_limit_is_refused(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"^too_good\.{key}"):
        structure(TooGood, {key: value}, "too_good")


def test_a_factor_of_the_next_returns_is_called_so_from_prompt_to_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["+bundle=ai_tech_core", "source.n_days=400", "universe.name=few"]
    bars = engine.run([*words, "report=none"], path=tmp_path / "one").table("bars")
    close = bars.pivot(index="timestamp", columns="symbol", values="close")
    later = (close.shift(-21) / close - 1.0).reset_index()
    leak = later.melt("timestamp", value_name="leak").dropna()
    leak.to_parquet(tmp_path / "leak.parquet")
    file = f"+factors.leak={{name: file, path: {tmp_path}/leak.parquet, column: leak}}"
    bundle = "bundle.factors=[{name: leak, weight: 1.0, direction: positive}]"
    capsys.readouterr()
    assert main(["run", *words, file, bundle, f"hydra.run.dir={tmp_path}/two"]) == 0
    said = "too good to be true: the rank IC of mf_score is 0."
    assert f"WARNING: {said}" in capsys.readouterr().err
    metrics = json.loads((tmp_path / "two" / "metrics.json").read_text())
    assert metrics["too_good"]["rank_ic.leak"]["value"] > 0.9
    assert metrics["too_good"]["sharpe"]["value"] > 4.0
    manifest = json.loads((tmp_path / "two" / "manifest.json").read_text())
    assert [line for line in manifest["warnings"] if line.startswith(said)]
    page = (tmp_path / "two" / "report.html").read_text("utf-8")
    verdict = page.split('<section class="verdict">')[1].split("</section>")[0]
    assert verdict.count("): too good to be true; look for what was not known then") == 2
    assert "more than chance alone would explain" not in verdict
    assert main(["compare", str(tmp_path / "one"), str(tmp_path / "two")]) == 0
    assert f"\ntwo: {said}" in capsys.readouterr().out
