"""Small markets for tests: invented, the same on every call, with the dirt of real ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from engine.core.groups import with_stranger
from engine.core.panel import BoolArray, FloatArray, Panel

SECTORS = ("Energy", "Health Care", "Technology", "")  # "": a symbol without a label
HOLIDAYS = ((1, 1), (7, 4), (12, 25))


def small_panel(seed: int = 0, days: int = 320, symbols: int = 10) -> Panel:
    """Return a market with late listings, a delisting, suspensions and membership gaps.

    Parameters
    ----------
    seed : int
        What makes this market and no other.
    days, symbols : int
        T and N.

    Returns
    -------
    Panel
        ``open``, ``high``, ``low``, ``close`` (NaN without a bar) and ``volume`` (a few more
        NaN); a stretch of constant closes; groups ``sector`` (one label is missing); series
        ``vix``; membership that starts late, and one with a gap.
    """
    random = np.random.default_rng([seed, 20])
    state = np.where(random.random(days) < 0.02, 1.0, 0.0).cumsum() % 2.0  # calm, turbulent
    vol = 0.006 * (1.0 + 1.5 * state)
    market = vol * random.standard_t(5, days)
    own = 0.012 * random.standard_t(5, (days, symbols))
    beta = random.uniform(0.5, 1.5, symbols)
    growth = 0.0003 + market[:, None] * beta + own
    close = random.uniform(10, 200, symbols) * np.exp(np.cumsum(growth, axis=0))
    close[days // 10 : days // 10 + 12, 2:3] = close[days // 10 : days // 10 + 1, 2:3]
    listed = _place_bars(days, symbols)
    return Panel(
        dates=_dates(days),
        symbols=tuple(f"S{i:0{len(str(max(symbols - 1, 10)))}d}" for i in range(symbols)),
        fields=_bars(random, close, listed),
        groups={"sector": tuple(SECTORS[i % len(SECTORS)] for i in range(symbols))},
        series={"vix": 1e4 / 252**0.5 * vol * np.exp(0.1 * random.standard_normal(days))},
        member=_member(days, symbols),
    )


def panels() -> dict[str, Panel]:
    """Return markets that a plugin must survive, by what is peculiar to them."""
    whole = small_panel()
    closes = replace(whole, fields={"close": whole["close"]}, groups={}, series={})
    return {
        "whole": whole,
        "one symbol": small_panel(1, symbols=1),
        "closes only": closes,
        "three dates": whole.cut(3),
        "one date": whole.cut(1),
    }


def with_ghost(panel: Panel) -> Panel:
    """The panel with one more symbol, the last, that never has a bar."""
    nothing = np.full((len(panel.dates), 1), np.nan)
    return replace(
        panel,
        symbols=(*panel.symbols, "ZZZZ"),
        fields={k: np.hstack([array, nothing]) for k, array in panel.fields.items()},
        groups={name: with_stranger(each) for name, each in panel.groups.items()},
        member=np.hstack([panel.member, np.isnan(nothing)]),
    )


def with_gap(panel: Panel) -> Panel:
    """The panel with a date in the middle on which nothing has a bar."""
    row = len(panel.dates) // 2
    fields = {k: array.copy() for k, array in panel.fields.items()}
    for array in fields.values():
        array[row] = np.nan
    return panel.with_fields(fields)


def _dates(days: int) -> pd.DatetimeIndex:
    every = pd.bdate_range("2019-01-02", periods=days + days // 60 + 3, tz="UTC")
    open_ = [(day.month, day.day) not in HOLIDAYS for day in every]
    return every[np.array(open_)][:days]


def _place_bars(days: int, symbols: int) -> BoolArray:
    """Where a symbol has a bar: one comes late, one goes, two pause."""
    listed = np.ones((days, symbols), bool)
    listed[: days // 4, 1:2] = False
    listed[days // 2 : days // 2 + 3, 0:1] = False
    listed[2 * days // 3 : 2 * days // 3 + 9, 3:4] = False
    listed[4 * days // 5 :, 6:7] = False
    return listed


def _member(days: int, symbols: int) -> BoolArray:
    member = np.ones((days, symbols), bool)
    member[days // 3 : days // 2, 4:5] = False
    member[: days // 5, 5:6] = False
    return member


def _bars(
    random: np.random.Generator, close: FloatArray, listed: BoolArray
) -> dict[str, FloatArray]:
    wiggle = random.lognormal(0.0, 0.004, close.shape)
    span = np.abs(random.normal(0.0, 0.006, (2, *close.shape)))
    volume = np.floor(random.lognormal(13.0, 0.5, close.shape))
    volume[random.random(close.shape) < 0.02] = np.nan
    bars = {
        "open": close * wiggle,
        "high": np.maximum(close, close * wiggle) * (1.0 + span[0]),
        "low": np.minimum(close, close * wiggle) * (1.0 - span[1]),
        "close": close,
        "volume": volume,
    }
    return {name: np.where(listed, array, np.nan) for name, array in bars.items()}
