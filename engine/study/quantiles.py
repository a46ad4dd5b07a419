"""What each quantile of a factor earned day by day, in each regime, and who came and went.

Quantiles are cut at the close, among the members with a bar and a value, whatever came after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.core.panel import FloatArray
from engine.study.ic import newey_west_t, overlap_lags
from engine.study.metrics import Study
from engine.study.regimes import find_likeliest

COUNT = 5
COLUMNS = tuple(f"q{number}" for number in range(1, COUNT + 1))
ENTRY = 2  # rows from a ranking to the close that its first day's return is earned at
NEWCOMER_LAGS = (1, 5, 20)  # trading days between two rankings

Buckets = npt.NDArray[np.int8]


def buckets(ranks: FloatArray, count: int = COUNT) -> Buckets:
    """Quantile of each cell, shape (T, N): 0 is lowest, -1 where there is none.

    Parameters
    ----------
    ranks : float array, shape (T, N)
        Average ranks per date, NaN where there is no value; ties share a quantile.
    count : int
        Quantiles. A date with fewer values, or with a single one for all, has none.
    """
    known = np.isfinite(ranks)
    n = known.sum(axis=1, keepdims=True)
    lowest = np.min(ranks, axis=1, where=known, initial=np.inf, keepdims=True)
    middle = (n + 1) / 2.0  # everyone's rank on a date without any difference
    usable = known & (n >= count) & (lowest < middle)
    place = (2.0 * np.where(usable, ranks, 1.0) - 1.0) * count // np.maximum(2 * n, 1)
    return np.where(usable, place, -1.0).astype(np.int8)


def means(groups: Buckets, values: FloatArray, count: int = COUNT) -> FloatArray:
    """Equal-weighted mean of the known values in each quantile, shape (T, count)."""
    used = (groups >= 0) & np.isfinite(values)
    cell = np.nonzero(used)[0] * count + groups[used]
    size = len(groups) * count
    number = np.bincount(cell, minlength=size)
    total = np.bincount(cell, weights=values[used], minlength=size)
    mean: FloatArray = np.divide(total, number, out=np.full(size, np.nan), where=number > 0)
    return mean.reshape(len(groups), count)


def daily(
    dates: pd.DatetimeIndex, groups: Mapping[str, Buckets], next_day: FloatArray
) -> pd.DataFrame:
    """Each quantile's return on every date, held for one day from the close after its ranking.

    Rankings of each close t are bought at the close of t + 1 and sold at that of t + 2, so one
    day's returns do not overlap those of the next.

    Parameters
    ----------
    dates : pandas.DatetimeIndex, shape (T,)
    groups : mapping of str to int array, shape (T, N)
        Of `buckets`.
    next_day : float array, shape (T, N)
        Return from the close of t + 1 to that of t + 2.

    Returns
    -------
    pandas.DataFrame
        ``timestamp`` (when it was earned), ``name``, ``q1`` (lowest values) to ``q5``, ``all``
        (equal-weighted mean of all ranked names). NaN where a quantile is empty.
    """
    frames = []
    for name, made in groups.items():
        both = np.full((len(dates), COUNT + 1), np.nan)
        both[ENTRY:, :COUNT] = means(made, next_day)[:-ENTRY]
        together = np.where(made >= 0, 0, -1).astype(np.int8)
        both[ENTRY:, COUNT:] = means(together, next_day, 1)[:-ENTRY]
        frames.append(pd.DataFrame(both, columns=[*COLUMNS, "all"]))
        frames[-1].insert(0, "name", name)
        frames[-1].insert(0, "timestamp", dates)
    return pd.concat(frames).sort_values("timestamp", kind="stable", ignore_index=True)


def newcomers(groups: Buckets, bucket: int, lag: int) -> float:
    """Mean share of a quantile's names that were not in it `lag` dates before.

    Dates without quantiles, then or now, are left out.
    """
    now, before = (groups[lag:] == bucket), (groups[:-lag] == bucket)
    size, ranked = now.sum(axis=1), (groups[:-lag] >= 0).any(axis=1)
    known = (size > 0) & ranked
    if not known.any():
        return np.nan
    return float(((now & ~before).sum(axis=1)[known] / size[known]).mean())


def by_regime(
    studies: Mapping[str, Study], regimes: FloatArray, states: Sequence[str]
) -> pd.DataFrame:
    """Mean outcome of each quantile after the closes with each likeliest state.

    Returns
    -------
    pandas.DataFrame
        ``name``, ``regime``, ``quantile`` (1 is lowest), ``mean``, ``standard_error`` (Newey &
        West), ``dates``; NaN for a state that never came.
    """
    state_of = find_likeliest(regimes)
    rows = []
    for name, made in studies.items():
        for index, state in enumerate(states):
            here = state_of == index
            for bucket, values in enumerate(made.quantiles.T, start=1):
                inside = np.where(here, values, np.nan)
                test = newey_west_t(inside, overlap_lags(made.horizon))
                count = int(np.isfinite(inside).sum())
                rows.append((name, state, bucket, test.mean, test.standard_error, count))
    columns = ["name", "regime", "quantile", "mean", "standard_error", "dates"]
    return pd.DataFrame(rows, columns=columns)
