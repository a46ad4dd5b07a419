"""Masks, and the checks that look back: each answer for a date rests on the past alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from builders import ALL

from engine.bars.dirt import DIRT, Limits
from engine.bars.findings import Policy
from engine.bars.layout import build, read
from engine.core.panel import Panel
from engine.schemas.bars import bars_schema

DAYS = pd.bdate_range("2021-01-04", periods=40, tz="UTC")
LOOKING_BACK = ("thin", "absurd")


def market(symbols: int = 12, seed: int = 0) -> pd.DataFrame:
    """Bars by date, then symbol, without a fault."""
    noise = np.random.default_rng(seed).normal(0.0, 0.02, (len(DAYS), symbols))
    close = 50.0 * np.exp(np.cumsum(noise, axis=0))
    return pd.DataFrame(
        {
            "timestamp": DAYS.repeat(symbols),
            "symbol": [f"S{i:02}" for i in range(symbols)] * len(DAYS),
            "open": close.ravel(),
            "high": close.ravel() * 1.01,
            "low": close.ravel() * 0.99,
            "close": close.ravel(),
            "volume": 1e6,
        }
    )


def dirty(seed: int = 0) -> pd.DataFrame:
    """The same with absurd prices and days on which most rows are missing."""
    frame, random = market(seed=seed), np.random.default_rng([seed, 1])
    for column in ("open", "high", "low", "close"):
        at = random.choice(len(frame), 12, replace=False)
        frame.loc[at, column] *= random.choice([1e-3, 0.02, 60.0, 1e3], 12)
    holiday = frame["timestamp"].isin(DAYS[[9, 21, 33]]) & (random.random(len(frame)) < 0.75)
    return frame[~holiday].reset_index(drop=True)


def cell(frame: pd.DataFrame, day: int, symbol: str) -> int:
    return int(
        frame.index[(frame["timestamp"] == DAYS[day]) & (frame["symbol"] == symbol)].to_numpy()[0]
    )


def with_value(column: str, value: float) -> pd.DataFrame:
    frame = market()
    frame.loc[cell(frame, 25, "S03"), column] = value
    return frame


def badness(frame: pd.DataFrame, name: str, limits: Limits | None = None) -> pd.Series[float]:
    rows = read(frame, ALL)
    found = DIRT[name].badness(rows, np.ones(len(rows), bool), ALL, limits or Limits())
    return pd.Series(found, index=[frame["timestamp"], frame["symbol"]]).sort_index()


def same(left: Panel, right: Panel) -> None:
    assert (left.symbols, list(left.dates)) == (right.symbols, list(right.dates))
    for name in left.fields:
        np.testing.assert_array_equal(left[name], right[name])


@pytest.mark.parametrize(
    ("name", "column", "value", "masked"),
    [
        ("nonfinite", "volume", np.inf, {"volume"}),
        ("nonfinite", "high", np.inf, {"high"}),
        ("nonpositive", "volume", -1.0, {"volume"}),
        ("nonpositive", "low", 0.0, {"low"}),
        ("absurd", "low", 1e-4, {"low"}),
        ("ohlc", "high", 1.0, {"open", "high", "low"}),  # low and open cross it, as the close does
        ("ohlc", "low", 1e3, {"open", "high", "low"}),
    ],
)
def test_mask_takes_the_wrong_values_and_leaves_the_bar(
    name: str, column: str, value: float, masked: set[str]
) -> None:
    frame = with_value(column, value)
    panel, findings = build(frame, ALL, Policy(**{name: "mask"}))
    gone = {field for field, array in panel.fields.items() if np.isnan(array[25, 3])}
    assert gone == masked
    assert panel.present.all()
    assert (findings.counts[name], findings.actions[name], findings.rows_out) == (1, "mask", 480)
    assert sum(np.isnan(array).sum() for array in panel.fields.values()) == len(masked)
    assert frame[column].iloc[cell(frame, 25, "S03")] == value  # the source's frame is not touched
    bars_schema(list(panel.fields)).validate(panel.long(panel.fields), lazy=True)


@pytest.mark.parametrize(
    ("name", "value"), [("nonfinite", np.inf), ("nonpositive", -1.0), ("absurd", 1e6)]
)
def test_to_mask_a_close_is_to_drop_its_bar(name: str, value: float) -> None:
    frame = with_value("close", value)
    masked, found = build(frame, ALL, Policy(**{name: "mask"}))
    dropped, _ = build(frame, ALL, Policy(**{name: "drop"}))
    assert not masked.present[25, 3]
    assert found.rows_out == 479
    same(masked, dropped)


def test_a_close_outside_its_range_stays_and_the_range_goes() -> None:
    panel, _ = build(with_value("close", 49.0 * 1.5), ALL, Policy(ohlc="mask"))
    assert panel["close"][25, 3] == 49.0 * 1.5
    assert np.isnan(panel["high"][25, 3])
    assert np.isfinite(panel["open"][25, 3])


def test_a_masked_value_is_not_found_again() -> None:
    panel, findings = build(with_value("low", -1e9), ALL, Policy(nonpositive="mask"))
    assert (findings.counts["nonpositive"], findings.counts["absurd"]) == (1, 0)
    assert np.isnan(panel["low"][25, 3])


def test_what_is_kept_is_counted_and_left_alone() -> None:
    panel, findings = build(with_value("close", 1e6), ALL, Policy(ohlc="keep"))
    assert panel["close"][25, 3] == 1e6
    assert (findings.counts["absurd"], findings.actions["absurd"]) == (1, "keep")


@pytest.mark.parametrize("seed", range(3))
def test_absurd_is_the_distance_from_the_median_of_the_twenty_closes_before(seed: int) -> None:
    frame = dirty(seed)
    by_symbol = frame.groupby("symbol")["close"]
    usual = by_symbol.transform(lambda x: x.shift(1).rolling(20, min_periods=5).median())
    prices = frame[["open", "high", "low", "close"]].div(usual, axis=0)
    times = np.fmax(prices, 1.0 / prices).max(axis=1)
    expected = times.where(times >= 100.0, 0.0)
    expected.index = pd.MultiIndex.from_frame(frame[["timestamp", "symbol"]])
    found = badness(frame, "absurd")
    assert (found > 0).sum() > 10
    np.testing.assert_allclose(found, expected.sort_index(), rtol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_thin_counts_the_symbols_of_the_twenty_dates_before(seed: int) -> None:
    frame = dirty(seed)
    dates = sorted(frame["timestamp"].unique())
    expected = {}
    for i, day in enumerate(dates):
        before = frame[frame["timestamp"].isin(dates[max(i - 20, 0) : i])]["symbol"].unique()
        live, today = len(before), frame[frame["timestamp"] == day]["symbol"]
        share = today.isin(before).sum() / max(live, 1)
        expected[day] = 1.0 - share if live >= 10 and share < 0.3333 else 0.0
    found = badness(frame, "thin")
    assert (found > 0).any()
    np.testing.assert_allclose(found, [expected[day] for day, _ in found.index], rtol=1e-12)


@pytest.mark.parametrize("name", LOOKING_BACK)
def test_the_future_changes_no_answer(name: str) -> None:
    frame = dirty()
    whole = badness(frame, name)
    for stop in range(1, len(DAYS)):
        past = frame["timestamp"] <= DAYS[stop]
        expected = whole[whole.index.get_level_values(0) <= DAYS[stop]]
        pd.testing.assert_series_equal(badness(frame[past], name), expected)
        other = frame.assign(close=frame["close"].where(past, 1e9)).iloc[: past.sum() + 3]
        pd.testing.assert_series_equal(badness(other, name)[expected.index], expected)


@pytest.mark.parametrize("name", LOOKING_BACK)
def test_the_order_of_rows_and_symbols_changes_no_answer(name: str) -> None:
    frame = dirty()
    mixed = frame.sample(frac=1.0, random_state=0)
    pd.testing.assert_series_equal(badness(mixed, name), badness(frame, name))


def test_the_share_and_the_factor_are_settings() -> None:
    frame = market()
    frame.loc[cell(frame, 25, "S03"), "low"] /= 10.0
    frame = frame[(frame["timestamp"] != DAYS[30]) | (frame["symbol"] < "S06")]
    assert build(frame, ALL)[1].counts["absurd"] == build(frame, ALL)[1].counts["thin"] == 0
    panel, findings = build(
        frame, ALL, Policy(absurd="mask", absurd_times=8.0, thin="drop", thin_share=0.6)
    )
    assert (findings.counts["absurd"], findings.counts["thin"]) == (1, 6)
    assert DAYS[30] not in panel.dates
    assert np.isnan(panel["low"][25, 3])
