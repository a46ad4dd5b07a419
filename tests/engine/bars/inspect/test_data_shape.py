"""Findings of single rows: the policy's own checks, with examples and the key that decides."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from engine.bars.findings import Policy
from engine.bars.inspect.finding import DataFinding
from engine.bars.inspect.inspection import examine, inspect
from engine.bars.layout import build
from engine.core.errors import DataError, PluginError
from engine.core.universe import Universe

DAYS = pd.bdate_range("2021-03-01", periods=6, tz="UTC")


def clean() -> pd.DataFrame:
    close = np.array([10.0, 10.1, 10.2, 10.1, 10.3, 10.2])
    return pd.DataFrame(
        {
            "timestamp": DAYS,
            "symbol": "A",
            "open": close,
            "high": close + 0.1,
            "low": close - 0.1,
            "close": close,
            "volume": [5.0, 6.0, 7.0, 8.0, 9.0, 10.0],
        }
    )


def look(frame: pd.DataFrame, universe: Universe | None = None) -> dict[str, DataFinding]:
    return {item.name: item for item in inspect(frame, universe or Universe())}


def test_clean_rows_have_no_finding() -> None:
    assert look(clean()) == {}


def test_the_extent_counts_rows_symbols_and_sessions() -> None:
    seen = examine(clean(), Universe(calendar="XNYS"))
    assert (seen.rows, seen.symbols, seen.sessions) == (6, 1, 6)
    assert (seen.start, seen.end, seen.coverage) == ("2021-03-01", "2021-03-08", 1.0)
    assert not seen.refused


@pytest.mark.parametrize(
    ("column", "value", "name", "severity"),
    [
        ("close", np.nan, "missing_close", "warning"),
        ("volume", np.inf, "nonfinite", "error"),
        ("low", 0.0, "nonpositive", "error"),
        ("low", -1.0, "nonpositive", "error"),
        ("volume", -1.0, "nonpositive", "error"),
        ("high", 9.0, "ohlc", "warning"),
    ],
)
def test_a_cell_that_is_wrong_is_found(column: str, value: float, name: str, severity: str) -> None:
    frame = clean()
    frame.loc[2, column] = value
    found = look(frame)
    assert list(found) == [name]
    assert (found[name].count, found[name].severity) == (1, severity)
    assert found[name].key == ("" if name == "missing_close" else f"bars.{name}")
    assert found[name].examples[0].date == "2021-03-03"


def test_a_row_that_is_no_bar_is_found_once_and_left_out_of_what_follows() -> None:
    """Neither a second price of a day nor an infinite one makes a return."""
    close = 10.0 + 0.01 * np.random.default_rng(0).normal(size=60)
    days = pd.bdate_range("2021-03-01", periods=60, tz="UTC")
    frame = pd.DataFrame({"timestamp": days, "symbol": "A", "close": close})
    again = frame.iloc[[30]].assign(close=99.0)
    found = look(pd.concat([frame, again]).sort_values("timestamp", kind="stable"))
    assert list(found) == ["duplicates"]
    assert (found["duplicates"].count, found["duplicates"].examples[0].note) == (1, "close=99")
    frame.loc[40, "close"] = np.inf
    assert list(look(frame)) == ["nonfinite"]


def test_dates_out_of_order_are_found() -> None:
    found = look(clean().iloc[[0, 2, 1, 3, 4, 5]])
    assert (found["unsorted"].count, found["unsorted"].severity) == (1, "error")


def test_a_holiday_is_found_when_the_calendar_is_known() -> None:
    frame = clean().assign(timestamp=pd.bdate_range("2021-12-20", periods=6, tz="UTC"))
    found = look(frame, Universe(calendar="XNYS"))
    assert [e.date for e in found["off_calendar"].examples] == ["2021-12-24"]
    assert found["off_calendar"].key == "bars.off_calendar"
    assert look(frame) == {}


def test_a_policy_that_lets_dirt_pass_makes_it_a_warning() -> None:
    frame = clean()
    frame.loc[2, "low"] = 0.0
    seen = examine(frame, Universe(), Policy(nonpositive="drop"))
    assert [(f.name, f.severity) for f in seen.findings] == [("nonpositive", "warning")]
    assert not seen.refused


@pytest.mark.parametrize("column", ["low", "volume", "high"])
def test_refused_is_what_a_run_refuses(column: str) -> None:
    """The report's errors and the door of a run agree."""
    frame = clean()
    frame.loc[2, column] = -5.0
    refused = examine(frame, Universe()).refused
    assert refused
    with pytest.raises(DataError):
        build(frame, Universe())


def test_rows_without_any_close_are_refused() -> None:
    seen = examine(clean().assign(close=np.nan), Universe(calendar="XNYS"))
    assert (seen.symbols, seen.refused) == (0, True)


def test_the_worst_examples_come_first_and_there_are_five() -> None:
    frame = pd.concat([clean().assign(symbol=name) for name in "AB"], ignore_index=True)
    frame["low"] = -np.arange(12.0)
    (finding,) = [f for f in inspect(frame, Universe()) if f.name == "nonpositive"]
    assert finding.count == 12
    assert [e.value for e in finding.examples] == [12.0, 11.0, 10.0, 9.0, 8.0]


def test_a_symbol_that_the_source_lacks_is_found() -> None:
    found = look(clean(), Universe(symbols=["A", "B"]))
    assert [e.symbol for e in found["absent"].examples] == ["B"]
    assert found["absent"].share == 0.5


def test_no_rows_at_all_are_an_error_of_one_line() -> None:
    with pytest.raises(DataError, match="the source has no rows: name another file"):
        inspect(clean().iloc[:0], Universe())


def test_a_frame_without_close_is_no_bars() -> None:
    with pytest.raises(PluginError, match="no column 'close'"):
        inspect(clean().drop(columns="close"), Universe())
