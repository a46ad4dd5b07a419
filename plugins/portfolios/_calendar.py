"""On which rows a portfolio decides; each row is judged by the rows up to it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

import engine


def rebalance_rows(
    dates: pd.DatetimeIndex, signal: engine.FloatArray, rebalance: str, every: int
) -> engine.BoolArray:
    """Whether each row is one to decide on, shape (T,).

    Parameters
    ----------
    dates : pandas.DatetimeIndex, shape (T,)
    signal : float array, shape (T, N)
        No row before the first finite signal is one to decide on.
    rebalance : {"daily", "weekly", "monthly", "every_n"}
        Every row; the first of each ISO week; the first of each month; or every `every` rows,
        counted from the first with a signal. The first row with a signal is always one.
    every : int
        Rows between decisions for ``every_n``.
    """
    first: engine.BoolArray = np.zeros(len(dates), bool)
    first[np.flatnonzero(np.isfinite(signal).any(axis=1))[:1]] = True
    started: engine.BoolArray = np.maximum.accumulate(np.isfinite(signal).any(axis=1))
    if rebalance == "daily":
        return started
    if rebalance == "every_n":
        nth: engine.BoolArray = (np.cumsum(started) - 1) % every == 0
        return started & nth
    if rebalance == "weekly":
        iso = dates.isocalendar()
        period = iso["year"].to_numpy(np.int64) * 100 + iso["week"].to_numpy(np.int64)
    else:
        period = np.asarray(dates.year * 100 + dates.month, np.int64)
    return first | (started & _changed(period))


def _changed(period: npt.NDArray[np.int64]) -> engine.BoolArray:
    changed = np.ones(len(period), bool)
    changed[1:] = period[1:] != period[:-1]
    return changed
