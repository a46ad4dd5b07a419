"""``engine export``: forecasts as files for other programs."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import engine
from engine.cli import main
from engine.storage.export import name_frequency

WORDS = [
    "+bundle=ai_tech_core_ml", "model=each", "model@model.models.xgboost=lasso", "report=none",
    "source.n_symbols=12", "source.n_days=420", "universe=all", "validation.min_train=300",
    "validation.n_splits=2", "label.horizon=5", "backtest.engine=fast",
]  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return engine.run(WORDS, path=tmp_path_factory.mktemp("runs") / "run").path


def test_each_forecast_is_a_file_with_what_made_it(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "forecasts", str(run), "--out", str(tmp_path / "alphas")]) == 0
    stems = [f"ml_alpha_{key}_5d_all_1d" for key in ("each", "ridge", "xgboost")]
    assert capsys.readouterr().out.split() == [
        str(tmp_path / "alphas" / f"{stem}{end}")
        for stem in stems
        for end in (".parquet", "_metadata.json")
    ]
    whole = pd.read_parquet(run / "forecasts.parquet")
    made = pd.read_parquet(tmp_path / "alphas" / f"{stems[1]}.parquet")
    assert list(made)[:4] == ["timestamp", "symbol", "ml_alpha_ridge_5d", "fwd_return_5d"]
    assert "split" not in made
    pd.testing.assert_frame_equal(made, whole[[*made]])
    told = json.loads((tmp_path / "alphas" / f"{stems[1]}_metadata.json").read_text("utf-8"))
    assert told["forecast"] == "ml_alpha_ridge_5d"
    assert told["model"]["models"]["xgboost"]["name"] == "lasso"
    assert len(told["splits"]) == 2


def test_a_run_without_a_model_has_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plain"
    engine.run(["+bundle=ai_tech_core", *WORDS[3:7]], path=path)
    assert main(["export", "forecasts", str(path)]) == 2
    assert f"{path}: no forecasts.json: the run had no model" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "engine export forecasts"),
        (["a", "b"], "export forecasts: 2 run folders are named; name one"),
        (["nowhere"], "nowhere: no such folder"),
    ],
)
def test_mistakes_are_one_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["export", "forecasts", *words])
    text = capsys.readouterr()
    assert said in text.out + text.err


@pytest.mark.parametrize(
    ("step", "name"), [("1D", "1d"), ("1h", "1h"), ("5min", "5min"), ("7D", "7d"), ("4h", "4h")]
)
def test_how_far_bars_lie_apart(step: str, name: str) -> None:
    assert name_frequency(pd.date_range("2020-01-01", periods=5, freq=step, tz="UTC")) == name
    assert name_frequency(pd.bdate_range("2020-01-01", periods=30, tz="UTC")) == "1d"
