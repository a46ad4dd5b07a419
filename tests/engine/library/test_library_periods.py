"""Bars that are too many for one panel are kept a period at a time, with the bytes of the whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import engine

MINUTES, NAMES = 360, [f"N{k}" for k in range(12)]
FORMULAS = {
    "quick": "rank(ts_mean(close, 20) / close)",
    "moved": "zscore(correlation(close, volume, 15))",
    "broad": "returns - market",
}
LOOKBACK = 20  # the most that `engine factors list` says, and the close before for `returns`


def make_minutes() -> pd.DataFrame:
    draw = np.random.default_rng(8)
    shape = MINUTES, len(NAMES)
    close = 40.0 * np.exp(np.cumsum(0.001 * draw.normal(size=shape), axis=0))
    close[draw.random(shape) < 0.03] = np.nan
    times = pd.date_range("2024-03-04 14:30", periods=MINUTES, freq="min", tz="UTC")
    bars = pd.DataFrame(
        {
            "timestamp": np.repeat(times, len(NAMES)),
            "symbol": np.tile(NAMES, MINUTES),
            "close": close.ravel(),
            "volume": np.exp(draw.normal(8.0, 1.0, shape)).ravel(),
        }
    )
    return bars.dropna(ignore_index=True)


def keep(folder: Path, bars: pd.DataFrame, since: pd.Timestamp) -> dict[str, pd.DataFrame]:
    with engine.store(path=folder, bars=bars) as store:
        for name, formula in FORMULAS.items():
            store.register(name, formula)
        return {name: store.read(name, first=since).wide() for name in FORMULAS}


def test_a_store_a_period_holds_the_bytes_of_one_store_of_all(tmp_path: Path) -> None:
    bars = make_minutes()
    times = pd.DatetimeIndex(bars["timestamp"].unique())
    whole = keep(tmp_path / "whole", bars, times[0])
    for number in range(3):
        first, stop = 120 * number, 120 * (number + 1)
        span = times[max(first - LOOKBACK, 0) : stop]
        part = keep(tmp_path / str(number), bars[bars["timestamp"].isin(span)], times[first])
        for name, values in part.items():
            wanted = whole[name].loc[times[first] : times[stop - 1]]
            pd.testing.assert_frame_equal(values, wanted, check_exact=True, check_freq=False)
