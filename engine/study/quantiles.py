"""What each quantile of a factor earned day by day, in each regime, and who came and went.

Quantiles are cut at the close, among the members with a bar and a value, whatever came after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.core.panel import FloatArray
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
    shares = share_new(groups, bucket, lag)
    known = np.isfinite(shares)
    return float(shares[known].mean()) if known.any() else np.nan


def share_new(groups: Buckets, bucket: int, lag: int) -> FloatArray:
    """Share of a quantile's names that were not in it `lag` dates before, shape (T - lag,).

    NaN on dates without quantiles, then or now.
    """
    now, before = (groups[lag:] == bucket), (groups[:-lag] == bucket)
    size, ranked = now.sum(axis=1), (groups[:-lag] >= 0).any(axis=1)
    shares: FloatArray = np.full(len(size), np.nan)
    np.divide((now & ~before).sum(axis=1), size, out=shares, where=(size > 0) & ranked)
    return shares


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
    frames = []
    for name, made in ranks.items():
        groups, first = buckets(made), np.full(min(1, len(dates)), np.nan)
        columns = {
            "rank_turnover": 1.0 - ic(made[1:], made[:-1]),
            "top_new": share_new(groups, COUNT - 1, 1),
            "bottom_new": share_new(groups, 0, 1),
        }
        since = {key: np.concatenate([first, values]) for key, values in columns.items()}
        frames.append(pd.DataFrame({"timestamp": dates, "name": name, **since}))
    return pd.concat(frames).sort_values("timestamp", kind="stable", ignore_index=True)


def decile_table(
    selected: Mapping[str, FloatArray], ranked: RankedOutcome, horizon: int
) -> pd.DataFrame:
    """Mean outcome of the highest tenth less that of the lowest, over the dates.

    Parameters
    ----------
    selected : mapping of str to float array, shape (T, N)
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
    known = np.isfinite(ranked.values)
    for values in selected.values():
        names = (known & np.isfinite(values)).sum(axis=1)
        usual = float(np.median(names[names > 0])) if names.any() else 0.0
        count = min(max(int(usual) // 2, 2), DECILES)
        made = correlate(values, ranked, pearson=False, q=count).quantiles
        counts.append(count)
        spreads.append(made[:, -1] - made[:, 0])
    tests = newey_west_each(np.array(spreads), overlap_lags(horizon))
    rows = [
        (name, count, test.mean, test.standard_error, test.t, test.p, test.n)
        for name, count, test in zip(selected, counts, tests, strict=True)
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
        for index, state in enumerate(states):
            inside = np.where(state_of == index, made.quantiles.T, np.nan)
            tests = newey_west_each(inside, overlap_lags(made.horizon))
            for bucket, test in enumerate(tests, start=1):
                rows.append((name, state, bucket, test.mean, test.standard_error, test.n))
    columns = ["name", "regime", "quantile", "mean", "standard_error", "dates"]
    return pd.DataFrame(rows, columns=columns)
