"""A file of mends: what it sets and takes out, what it refuses, and what a run says of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import check_data

import engine
from engine.bars.findings import Policy
from engine.bars.inspect.finding import DataFinding, Example
from engine.bars.inspect.wording import line
from engine.bars.layout import build
from engine.core.errors import ConfigError, DataError
from engine.core.universe import Universe
from engine.schemas.bars import PRICES

DAYS = pd.bdate_range("2021-03-01", periods=30, tz="UTC")


@pytest.fixture
def bars() -> pd.DataFrame:
    """Three symbols; B's close of the 11th day is a hundred times too large."""
    rng = np.random.default_rng(3)
    rows = []
    for symbol in "ABC":
        close = 20.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, len(DAYS))))
        close[10] *= 100.0 if symbol == "B" else 1.0
        rows.append(pd.DataFrame({"timestamp": DAYS, "symbol": symbol, "close": close,
                                  "volume": 1000.0}))  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def mends(folder: Path, *rows: str) -> Policy:
    path = folder / "mends.csv"
    path.write_text("\n".join(["symbol,date,field,value", *rows]) + "\n", "utf-8")
    return Policy(mends=str(path))


def test_values_are_set_and_taken_out_and_bars_too(bars, tmp_path):
    policy = mends(tmp_path, "B,2021-03-15,close,20.5", "A, 2021-03-02,volume,drop",
                   "C,2021-03-03,,drop", "A,2021-03-05,close,drop")  # fmt: skip
    panel, found = build(bars, Universe(), policy)
    assert panel["close"][10, 1] == 20.5
    assert np.isnan(panel["volume"][1, 0])
    assert panel["close"][1, 0] == bars["close"][1]
    assert np.isnan(panel["close"][2, 2]), "a whole bar"
    assert np.isnan(panel["close"][4, 0]), "without its close there is no bar"
    assert (found.mends, found.rows_out) == (4, 88)
    untouched, _ = build(bars, Universe())
    others = np.ones(panel.shape, bool)
    others[10, 1] = others[2, 2] = others[4, 0] = False
    np.testing.assert_array_equal(panel["close"][others], untouched["close"][others])
    assert bars["close"][40] > 1000.0, "the source's own frame is left alone"


def test_a_parquet_file_will_do(bars, tmp_path):
    rows = {"symbol": ["B"], "date": [DAYS[10]], "field": ["close"], "value": [20.5]}
    pd.DataFrame(rows).to_parquet(tmp_path / "m.parquet")
    panel, _ = build(bars, Universe(), Policy(mends=str(tmp_path / "m.parquet")))
    assert panel["close"][10, 1] == 20.5


def test_what_meets_no_bar_is_told(bars, tmp_path, caplog):
    policy = mends(
        tmp_path, "B,2021-03-15,close,20.5", "B,2021-03-14,close,20.5", "Z,2021-03-15,,drop"
    )
    _, found = build(bars, Universe(), policy)
    assert found.mends == 1
    assert "B 2021-03-14 close: meets no bar, like 2 of its 3 rows in all" in caplog.text


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("B,2021-03-15,close,much", "B 2021-03-15 close: value 'much' is no number: write one"),
        ("B,2021-03-15,close,inf", "value 'inf' is no number"),
        ("B,2021-03-15,close,", "value '' is no number"),
        ("B,2021-03-15,clse,1", "the bars have no field 'clse'; did you mean 'close'?"),
        ("B,2021-03-15,,1", "no field: name one, or write drop to take the bar out"),
        ("B,15.3.2021,close,1", "a date is not such as 2020-01-31"),
        ("B,2021-03-15,close,1\nB,2021-03-15,close,2", "mended above already; keep one"),
    ],
)
def test_a_slip_is_refused_with_its_row(row, said, bars, tmp_path):
    with pytest.raises(DataError, match=said.replace("?", r"\?")):
        build(bars, Universe(), mends(tmp_path, row))


def test_a_file_that_is_none_is_refused(bars, tmp_path):
    with pytest.raises(ConfigError, match=r"bars.mends=.*nowhere.csv: No such file or directory"):
        build(bars, Universe(), Policy(mends=str(tmp_path / "nowhere.csv")))
    (tmp_path / "other.csv").write_text("symbol,day\nA,1\n", "utf-8")
    with pytest.raises(ConfigError, match="no column date, field, value; it has symbol, day"):
        build(bars, Universe(), Policy(mends=str(tmp_path / "other.csv")))


def test_a_run_says_what_is_odd_and_what_was_mended(bars, tmp_path, caplog):
    whole = bars.assign(**dict.fromkeys(PRICES, bars["close"]))
    rows = [f"B,2021-03-15,{name},20.5" for name in PRICES]
    words = ["+bundle=ai_tech_core", "universe=all", "costs=free", "report=none",
             "portfolio.quantile=0.4", '+factors.mom="delta(close, 2)"', "decision.seasoning=0",
             "bundle.factors=[{name: mom, weight: 1.0, direction: positive}]"]  # fmt: skip
    engine.run(words, path=tmp_path / "dirty", bars=whole)
    warned = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    said = [line for line in warned if line.startswith("data: ")]
    assert len(said) == 1
    assert "1 bad tick (worst: 2021-03-15 B close" in said[0]
    assert "see data.json in the run folder" in said[0]
    caplog.clear()
    path = mends(tmp_path, *rows).mends
    engine.run([*words, f"bars.mends={path}"], path=tmp_path / "mended", bars=whole)
    assert "bad tick" not in caplog.text
    for name in ("manifest", "data"):
        assert json.loads((tmp_path / "mended" / f"{name}.json").read_text("utf-8"))["mends"] == 4


def test_data_check_mends_too(bars, tmp_path, capsys):
    bars.to_csv(tmp_path / "bars.csv", index=False)
    word = f"bars.mends={mends(tmp_path, 'B,2021-03-15,close,20.5').mends}"
    check_data([str(tmp_path / "bars.csv")])
    assert "bad_tick" in capsys.readouterr().out
    check_data([str(tmp_path / "bars.csv"), word])
    assert "bad_tick" not in capsys.readouterr().out


def test_the_line_names_wrong_prices_first():
    def found(name: str, count: int, severity: str = "warning") -> DataFinding:
        return DataFinding(name, count, 0.1, severity, "", (Example("2020-01-02", "A", 1.0, "x"),))

    some = [found("stale", 500), found("missed_split", 18), found("jump", 9, "info")]
    assert line(some) == "18 missed split (worst: 2020-01-02 A x), 500 stale"
    assert line([found("jump", 9, "info")]) == ""
