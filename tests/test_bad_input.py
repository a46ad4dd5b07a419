"""What a user meets at the prompt after a mistake: one clear line, exit code 2, nothing that
looks like a finished run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import CORE

from engine.cli.prompt import main
from engine.core.folders import MARKER

ML = "+bundle=ai_tech_core_ml"
Prompt = Callable[..., str]


@pytest.fixture
def prompt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Prompt:
    """Type a command that must fail; return what it printed on stderr."""
    monkeypatch.chdir(tmp_path)

    def typed(*words: str) -> str:
        code = main(["run", *words])
        error = capfd.readouterr().err
        assert code == 2, error
        assert error.startswith(("engine: ", "WARNING: windows of up to "))
        assert "Traceback" not in error
        finished = [
            f.parent for f in tmp_path.rglob("manifest.json") if not (f.parent / MARKER).exists()
        ]
        assert finished == []
        return error

    return typed


def bars(days: int = 700, symbols: int = 12) -> pd.DataFrame:
    """A clean long frame of random walks; every value is made up."""
    random = np.random.default_rng(1)
    dates = pd.bdate_range("2015-01-01", periods=days)
    close = 50 * np.exp(np.cumsum(random.normal(0, 0.01, (days, symbols)), axis=0))
    frame = pd.DataFrame(
        {
            "date": np.repeat(dates, symbols),
            "symbol": np.tile([f"S{i:02d}" for i in range(symbols)], days),
            "close": close.ravel(),
        }
    )
    return frame.assign(
        open=frame.close,
        high=frame.close * 1.01,
        low=frame.close * 0.99,
        volume=random.uniform(1e6, 2e6, len(frame)),
    )


def own_file(tmp_path: Path, frame: pd.DataFrame) -> list[str]:
    path = tmp_path / "bars.parquet"
    frame.to_parquet(path)
    return [CORE, "universe=all", "source=parquet", f"source.path={path}"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no bundle is chosen: add +bundle=NAME"),
        (["+bundle=ai_tech_cor"], "bundle=ai_tech_cor: no such bundle; did you mean 'ai_tech_core"),
        ([CORE, "model=rigde"], "model=rigde: no such model; did you mean 'ridge'?"),
        ([CORE, "+model.alhpa=2"], "model.alhpa: no such field; did you mean 'alpha'?"),
        ([CORE, "model.alhpa=2"], "model.alhpa: no such key; did you mean 'alpha'?"),
        ([CORE, "model.alpha=two"], "model.alpha"),
        ([CORE, "costs.fees_bps=-1"], "costs.fees_bps"),
        ([CORE, "costs.delisting_return=0"], "has moved: write delisting.long_return"),
        ([CORE, "+costs.delisting_return=0"], "has moved: write delisting.long_return"),
        ([CORE, "backtest.delist_after=9"], "has moved: write delisting.after"),
        ([CORE, "delisting.long_return=0.1"], "long_return=0.1: choose auto, or a number"),
        ([CORE, "delisting.short_return=-0.3"], "delisting.short_return=-0.3: choose 0 or more"),
        ([CORE, "delisting.after=0"], "delisting.after=0: choose 1 or more"),
        ([CORE, "portfolio.quantile=0.9"], "portfolio.quantile"),
        ([CORE, "+exposure.calm=-1"], "exposure.calm"),
        ([CORE, "+label.horizon=0"], "label.horizon"),
        ([CORE, "regime.name=hm"], "regime.name=hm: no such regime; did you mean 'hmm'?"),
        ([CORE, "bundle.factors.0.weight=0.3"], "weights sum to 0.9"),
        ([CORE, "bundle.factors.0.name=returns_12"], "nothing produces 'returns_12'; did you mean"),
        ([CORE, "bundle.factors.0.direction=up"], "direction"),
        ([CORE, "--experimental-rerun", "x.pickle"], "which the engine never does"),
        ([CORE, "source.seed=["], "source.seed=[: this override cannot be read"),
        ([CORE, "seed=-1"], "seed=-1: "),
        ([CORE, "source=sample", "seed=-1"], "seed=-1: write a whole number from 0 to 4294967295"),
        ([CORE, "source=sample", "seed=much"], "seed=much: write a whole number"),
        ([CORE, "model.alpha=nan"], "model.alpha=nan: write a finite number"),
        ([CORE, "costs.fees_bps=inf"], "costs.fees_bps=inf: write a finite number"),
        ([CORE, "bundle.factors.0.weight=nan"], "returns_12m has weight nan: write one from 0"),
        ([CORE, "universe.symbols=[A,1E5]"], "universe.symbols: 100000.0 is read as float"),
        ([CORE, "universe.symbols=[TRUE]"], "universe.symbols: True is read as bool, not as text"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_configuration(prompt: Prompt, words: list[str], message: str) -> None:
    error = prompt(*words)
    assert message in error
    assert len(error.strip().splitlines()) == 1


def test_a_formula_error_has_a_caret_under_the_column(prompt: Prompt) -> None:
    lines = prompt(CORE, "factors.rv_20.formula='rank(close,, 2)'").splitlines()
    assert lines[2].index("^") == lines[1].index(",, 2") + 1


def test_an_unknown_operator_suggests_the_nearest(prompt: Prompt) -> None:
    assert "did you mean 'rank'?" in prompt(CORE, "factors.rv_20.formula='rnak(close)'")


def test_universe_and_source_that_do_not_overlap(prompt: Prompt, tmp_path: Path) -> None:
    words = own_file(tmp_path, bars())
    error = prompt(*[word for word in words if word != "universe=all"])
    assert "12" in error
    assert "S00" in error


def test_too_few_symbols_for_a_cross_section(prompt: Prompt, tmp_path: Path) -> None:
    error = prompt(*own_file(tmp_path, bars(symbols=1)))
    assert "at most 1 symbol has a bar on a date" in error


def test_too_few_symbols_for_the_quantile(prompt: Prompt, tmp_path: Path) -> None:
    error = prompt(*own_file(tmp_path, bars(symbols=4)))
    assert "portfolio.quantile: 0.2 of at most 4 names" in error


def test_too_few_dates_for_the_lookback(prompt: Prompt, tmp_path: Path) -> None:
    error = prompt(*own_file(tmp_path, bars(days=200)))
    assert error.startswith("WARNING: windows of up to 252 rows, and the bars have 200 dates: ")
    assert "\nengine: bundle.factors: returns_12m has no value on any of the 200 dates" in error
    assert "it reads 252 rows back" in error


def test_too_few_dates_for_the_splits(prompt: Prompt, tmp_path: Path) -> None:
    words = own_file(tmp_path, bars(days=300))
    assert "validation." in prompt(ML, *words[1:])


def test_too_few_dates_for_the_horizon(prompt: Prompt, tmp_path: Path) -> None:
    words = own_file(tmp_path, bars(days=300))
    error = prompt(ML, *words[1:], "label.horizon=400")
    assert "label.horizon" in error or "validation." in error


def test_a_missing_file_suggests_its_neighbour(prompt: Prompt, tmp_path: Path) -> None:
    own_file(tmp_path, bars())
    error = prompt(CORE, "source=parquet", f"source.path={tmp_path / 'barz.parquet'}")
    assert "barz.parquet" in error
    assert "bars.parquet" in error


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1 and then nonsense PAR1"])
def test_an_empty_or_truncated_file(prompt: Prompt, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bars.parquet"
    path.write_bytes(content)
    assert str(path) in prompt(CORE, "source=parquet", f"source.path={path}")


def test_a_file_without_a_close(prompt: Prompt, tmp_path: Path) -> None:
    error = prompt(*own_file(tmp_path, bars().rename(columns={"close": "last"})))
    assert "source.columns.close=" in error


@pytest.mark.parametrize(
    ("content", "words", "message"),
    [
        ("date,symbol,close\n03/04/2015,A,1\n", [], "'03/04/2015' in row 1: day or month first?"),
        ("date;symbol;close\n2015-04-03;A;1\n", [], "set \"source.separator=';'\""),
        ('date,symbol,close\n2015-04-03,A,"1,5"\n', [], "set \"source.decimal=','\""),
        ("date,symbol,close\n2015-04-03,A,1\n", ["source.encoding=utf-7a"], "source.encoding"),
        ("date,symbol,close\n2015-04-03,Ä,1\n", ["source.encoding=ascii"], "byte 0xc3"),
    ],
)  # fmt: skip
def test_a_csv_of_another_custom(
    prompt: Prompt, tmp_path: Path, content: str, words: list[str], message: str
) -> None:
    (tmp_path / "bars.csv").write_text(content, encoding="utf-8")
    error = prompt(CORE, "universe=all", "source=csv", "source.path=bars.csv", *words)
    assert message in error
    assert len(error.strip().splitlines()) == 1


def test_text_in_a_number_column(prompt: Prompt, tmp_path: Path) -> None:
    frame = bars().astype({"close": object})
    frame.loc[7, "close"] = "n/a?"
    frame["close"] = frame["close"].astype(str)
    assert "n/a?" in prompt(*own_file(tmp_path, frame))


@pytest.mark.parametrize(
    ("column", "value", "finding"),
    [("close", np.inf, "nonfinite"), ("close", -3.0, "nonpositive"), ("open", 0.0, "nonpositive")],
)
def test_impossible_prices(
    prompt: Prompt, tmp_path: Path, column: str, value: float, finding: str
) -> None:
    frame = bars()
    frame.loc[100, column] = value
    assert f"bars.{finding}=drop" in prompt(*own_file(tmp_path, frame))


def test_duplicate_rows(prompt: Prompt, tmp_path: Path) -> None:
    frame = bars()
    twice = pd.concat([frame.iloc[:6], frame.iloc[5:]])
    assert "bars.duplicates=drop" in prompt(*own_file(tmp_path, twice))


def test_a_folder_that_cannot_be_written(prompt: Prompt, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    assert "hydra.run.dir" in prompt(CORE, f"hydra.run.dir={tmp_path}/taken/run")
