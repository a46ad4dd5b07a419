"""The obvious way to compute the operators whose groups a formula makes; see `slow`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]
Part = Callable[["pd.Series[float]"], "pd.Series[float]"]


def indneutralize_by(x: FloatArray, y: FloatArray) -> FloatArray:
    return _values(x, y, _less_mean)


def group_mean_by(x: FloatArray, y: FloatArray) -> FloatArray:
    return _values(x, y, lambda part: part - _less_mean(part))


def group_zscore_by(x: FloatArray, y: FloatArray) -> FloatArray:
    def of(part: pd.Series[float]) -> pd.Series[float]:
        far = _less_mean(part)
        return far / far.std() if (part != part.iloc[0]).any() else far * np.nan

    return _values(x, y, of)


def group_rank_by(x: FloatArray, y: FloatArray) -> FloatArray:
    return _values(x, y, lambda part: part.rank(pct=True))


def group_unit_rank_by(x: FloatArray, y: FloatArray) -> FloatArray:
    def of(part: pd.Series[float]) -> pd.Series[float]:
        return (part.rank() - 1.0) / (len(part) - 1) if len(part) > 1 else part * 0.0 + 0.5

    return _values(x, y, of)


def _aggregate(what: str) -> Callable[[FloatArray, FloatArray], FloatArray]:
    """What pandas tells of the values together, at each of them."""
    return lambda x, y: _values(x, y, lambda part: pd.Series(part.agg(what), part.index))


group_sum_by = _aggregate("sum")
group_count_by = _aggregate("count")
group_min_by = _aggregate("min")
group_max_by = _aggregate("max")
group_median_by = _aggregate("median")
group_std_by = _aggregate("std")


def _less_mean(part: pd.Series[float]) -> pd.Series[float]:
    far = part - part.iloc[0]
    return far - far.mean()


def _values(x: FloatArray, y: FloatArray, of: Part) -> FloatArray:
    """Apply `of` to the values of each date that have one y."""
    out = np.full(x.shape, np.nan)
    for t in range(len(x)):
        known = np.flatnonzero(~np.isnan(x[t]) & ~np.isnan(y[t]))
        for value in set(y[t, known].tolist()):
            mine = known[y[t, known] == value]
            out[t, mine] = of(pd.Series(x[t, mine]))
    return out
