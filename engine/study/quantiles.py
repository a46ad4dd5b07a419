"""What each quantile of a factor earned day by day, in each regime, and who came and went.

Quantiles are cut at the close, among the members with a bar and a value, whatever came after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.core.panel import FloatArray
from engine.kernels.buckets import bucket_rows, count_new, mean_rows
from engine.study.ic import RankedOutcome, correlate, ic, newey_west_each, overlap_lags
from engine.study.metrics import Study
from engine.study.regimes import find_likeliest

COUNT = 5
DECILES = 10
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
    made = np.empty(ranks.shape, np.int8)
    bucket_rows(np.ascontiguousarray(ranks), count, made)
    return made


def means(groups: Buckets, values: FloatArray, count: int = COUNT) -> FloatArray:
    """Equal-weighted mean of the known values in each quantile, then in all, (T, count + 1)."""
    made = np.empty((len(groups), count + 1))
    mean_rows(groups, np.ascontiguousarray(values), made)
    return made


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
    earned = np.full((len(dates), len(groups), COUNT + 1), np.nan)
    for at, made in enumerate(groups.values()):
        earned[ENTRY:, at] = means(made, next_day)[:-ENTRY]
    return _list_daily(dates, [*groups], earned, [*COLUMNS, "all"])


def _list_daily(
    dates: pd.DatetimeIndex, names: Sequence[str], values: FloatArray, columns: Sequence[str]
) -> pd.DataFrame:
    """A row for each date and name, in their order, of values (T, K, columns)."""
    rows = values.reshape(len(dates) * len(names), len(columns))
    frame = pd.DataFrame(rows, columns=list(columns))
    every = pd.array(list(names), dtype="str").take(np.tile(np.arange(len(names)), len(dates)))
    frame.insert(0, "name", pd.Series(every))
    frame.insert(0, "timestamp", dates.repeat(len(names)))
    return frame


def newcomers(groups: Buckets, bucket: int, lag: int) -> float:
    """Mean share of a quantile's names that were not in it `lag` dates before.

    Dates without quantiles, then or now, are left out.
    """
    shares = share_new(groups, bucket, lag)
    known = np.isfinite(shares)
    return float(shares[known].mean()) if known.any() else np.nan


def share_new(groups: Buckets, bucket: int, lag: int) -> FloatArray:
    """Share of a quantile's names that were not in it `lag` dates before, shape (T - lag,).

    NaN on dates without quantiles, then or now.
    """
    now, before = groups[lag:], groups[:-lag]
    size, new = np.empty((2, len(now)), np.intp)
    count_new(now, before, bucket, size, new)
    shares: FloatArray = np.full(len(size), np.nan)
    return np.divide(new, size, out=shares, where=(size > 0) & (new >= 0))


def turnover_table(dates: pd.DatetimeIndex, ranks: Mapping[str, FloatArray]) -> pd.DataFrame:
    """How much of each ranking is new since the row before, on all dates.

    Definitions are those of alphalens for a period of 1: ``rank_turnover`` is 1 less the
    correlation of the ranks with those before, over the names that have both.

    Parameters
    ----------
    dates : pandas.DatetimeIndex, shape (T,)
    ranks : mapping of str to float array, shape (T, N)

    Returns
    -------
    pandas.DataFrame
        ``timestamp``, ``name``, ``rank_turnover``, and ``top_new`` and ``bottom_new``: the share of
        the names in the highest and the lowest quantile that were not in it. NaN without ranks,
        then or now.
    """
    new = np.full((len(dates), len(ranks), 3), np.nan)
    for at, made in enumerate(ranks.values()):
        groups = buckets(made)
        new[1:, at, 0] = 1.0 - ic(made[1:], made[:-1])
        new[1:, at, 1] = share_new(groups, COUNT - 1, 1)
        new[1:, at, 2] = share_new(groups, 0, 1)
    return _list_daily(dates, [*ranks], new, ["rank_turnover", "top_new", "bottom_new"])


def decile_table(
    ranks: Mapping[str, FloatArray], ranked: RankedOutcome, horizon: int
) -> pd.DataFrame:
    """Mean outcome of the highest tenth less that of the lowest, over the dates.

    Parameters
    ----------
    ranks : mapping of str to float array, shape (T, N)
        Per date.
    ranked : RankedOutcome
        What came after.
    horizon : int
        Rows that it spans.

    Returns
    -------
    pandas.DataFrame
        ``name``, ``buckets`` (10, or as many as leave two names each on the median date, but 2
        at least), ``spread`` in the outcome's unit, ``standard_error``, ``t`` and ``p``
        (`MeanTest`), ``dates``; a date with fewer names than buckets is left out.
    """
    counts, spreads = [], []
    known = ranked.twice > 0
    for values in ranks.values():
        names = np.count_nonzero(known & np.isfinite(values), axis=1)
        usual = float(np.median(names[names > 0])) if names.any() else 0.0
        count = min(max(int(usual) // 2, 2), DECILES)
        made = correlate(values, ranked, ranks=values, pearson=False, q=count).quantiles
        counts.append(count)
        spreads.append(made[:, -1] - made[:, 0])
    tests = newey_west_each(np.array(spreads), overlap_lags(horizon))
    rows = [
        (name, count, test.mean, test.standard_error, test.t, test.p, test.n)
        for name, count, test in zip(ranks, counts, tests, strict=True)
    ]
    columns = ["name", "buckets", "spread", "standard_error", "t", "p", "dates"]
    return pd.DataFrame(rows, columns=columns)


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
        every = np.ascontiguousarray(made.quantiles.T)
        inside = [np.where(state_of == index, every, np.nan) for index in range(len(states))]
        tests = newey_west_each(np.concatenate(inside), overlap_lags(made.horizon))
        cells = product(states, range(1, len(every) + 1))
        for (state, bucket), test in zip(cells, tests, strict=True):
            rows.append((name, state, bucket, test.mean, test.standard_error, test.n))
    columns = ["name", "regime", "quantile", "mean", "standard_error", "dates"]
    return pd.DataFrame(rows, columns=columns)
