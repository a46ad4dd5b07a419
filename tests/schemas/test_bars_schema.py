"""The contract of bars: one frame that keeps it, and one that breaks each check."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from pandera.errors import SchemaErrors

from engine.schemas.bars import bars_schema, ohlc_excess

FIELDS = ["open", "high", "low", "close", "volume", "pe"]
SORTED = "rows ascend by timestamp, then symbol"
UNIQUE = "no (timestamp, symbol) pair comes twice"
UTC = "timestamps are in UTC"


def bars() -> pd.DataFrame:
    """Two symbols on two days."""
    days = pd.DatetimeIndex(["2020-01-02", "2020-01-02", "2020-01-03", "2020-01-03"], tz="UTC")
    return pd.DataFrame(
        {
            "timestamp": days,
            "symbol": pd.Categorical(["A", "B", "A", "B"]),
            "open": [10.0, 20.0, 11.0, np.nan],
            "high": [12.0, 22.0, 12.0, 23.0],
            "low": [9.0, 19.0, 10.0, 20.0],
            "close": [11.0, 21.0, 11.0, 22.0],
            "volume": [100.0, 0.0, np.nan, 5.0],
            "pe": [15.0, -3.0, np.nan, 8.0],
        }
    )


def failed(frame: pd.DataFrame, keep: frozenset[str] = frozenset()) -> set[tuple[str, str]]:
    """(column, check) of every failure."""
    schema = bars_schema([c for c in frame if c not in ("timestamp", "symbol")], keep)
    with pytest.raises(SchemaErrors) as caught:
        schema.validate(frame, lazy=True)
    cases = caught.value.failure_cases
    return {
        (str(c), str(k).split(":")[0]) for c, k in zip(cases["column"], cases["check"], strict=True)
    }


def put(column: str, row: int, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def broken(frame: pd.DataFrame) -> pd.DataFrame:
        frame.loc[row, column] = value
        return frame

    return broken


def test_good_bars_pass_unchanged() -> None:
    frame = bars()
    pd.testing.assert_frame_equal(bars_schema(FIELDS).validate(frame, lazy=True), bars())


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_any_unit_of_time_will_do(unit: str) -> None:
    frame = bars()
    frame["timestamp"] = frame["timestamp"].dt.as_unit(unit)
    bars_schema(FIELDS).validate(frame, lazy=True)


def test_close_alone_is_enough() -> None:
    bars_schema(["close"]).validate(bars()[["timestamp", "symbol", "close"]], lazy=True)


@pytest.mark.parametrize(
    ("break_it", "column", "check"),
    [
        (put("close", 0, np.nan), "close", "not_nullable"),
        (put("close", 0, np.inf), "close", "no infinities"),
        (put("pe", 0, -np.inf), "pe", "no infinities"),
        (put("close", 0, 0.0), "close", "greater_than(0.0)"),
        (put("open", 0, 0.0), "open", "greater_than(0.0)"),
        (put("high", 0, -1.0), "high", "greater_than(0.0)"),
        (put("low", 0, 0.0), "low", "greater_than(0.0)"),
        (put("volume", 0, -1.0), "volume", "greater_than_or_equal_to(0.0)"),
        (put("low", 0, 10.5), "low", "ohlc"),
        (put("high", 0, 10.5), "high", "ohlc"),
        (put("high", 3, 21.0), "high", "ohlc"),
        (put("symbol", 0, None), "symbol", "not_nullable"),
        (put("timestamp", 3, pd.NaT), "timestamp", "not_nullable"),
        (lambda f: f.iloc[[2, 3, 0, 1]], "close", SORTED),
        (lambda f: f.iloc[[1, 0, 2, 3]], "close", SORTED),
        (lambda f: f.iloc[[0, 1, 1, 2]], "close", UNIQUE),
        (lambda f: f.iloc[[0, 1, 2, 0]], "close", UNIQUE),
        (lambda f: f.assign(symbol=f["symbol"].astype(str)), "symbol", "dtype('category')"),
        (lambda f: f.assign(volume=[1, 2, 3, 4]), "volume", "dtype('float64')"),
        (lambda f: f.assign(pe=f["pe"].astype("float32")), "pe", "dtype('float64')"),
        (lambda f: f.assign(timestamp=f["timestamp"].dt.tz_localize(None)), "timestamp", UTC),
        (
            lambda f: f.assign(timestamp=f["timestamp"].dt.tz_convert("Asia/Tokyo")),
            "timestamp",
            UTC,
        ),
    ],
)
def test_each_check_can_fail(
    break_it: Callable[[pd.DataFrame], pd.DataFrame], column: str, check: str
) -> None:
    found = failed(break_it(bars()))
    assert check in {name for _, name in found}
    assert check in (SORTED, UNIQUE, "ohlc") or (column, check) in found


def test_missing_and_unknown_columns_are_refused() -> None:
    with pytest.raises(SchemaErrors, match="COLUMN_NOT_IN_DATAFRAME"):
        bars_schema(FIELDS).validate(bars().drop(columns="close"), lazy=True)
    with pytest.raises(SchemaErrors, match="COLUMN_NOT_IN_SCHEMA"):
        bars_schema(["close"]).validate(bars(), lazy=True)


def test_kept_findings_are_not_checked() -> None:
    crossed, free = put("low", 0, 10.5)(bars()), put("open", 0, -1.0)(bars())
    bars_schema(FIELDS, frozenset({"ohlc"})).validate(crossed, lazy=True)
    bars_schema(FIELDS, frozenset({"ohlc", "nonpositive"})).validate(free, lazy=True)
    assert {name for _, name in failed(free, frozenset({"nonpositive"}))} == {"ohlc"}


def test_sorting_follows_names_not_category_codes() -> None:
    frame = bars()
    frame["symbol"] = frame["symbol"].cat.reorder_categories(["B", "A"])
    bars_schema(FIELDS).validate(frame, lazy=True)


def test_ohlc_excess_is_a_fraction_of_close_and_forgives_rounding() -> None:
    prices = {
        "open": np.array([10.0, 10.0, 10.0, np.nan]),
        "high": np.array([10.0, 9.0, 10.0 - 1e-12, 10.0]),
        "close": np.array([10.0, 9.0, 10.0, 20.0]),
    }
    np.testing.assert_allclose(ohlc_excess(prices), [0.0, 1.0 / 9.0, 0.0, 0.5])
