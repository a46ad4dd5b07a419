"""What the score, the forecasts and the factors know, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from engine.core.panel import BoolArray, FloatArray
from engine.kernels.ranks import average_ranks
from engine.study import quantiles
from engine.study.ic import coverage, ic, newey_west_each, overlap_lags

HORIZONS = (1, 5, 10, 20, 40, 60)  # trading days after the entry
LAGS = (1, 20)  # trading days between two rankings
STEP = 5  # dates between two of decay and correlations: daily ones would take five times as long


def knowledge_tables(
    dates: pd.DatetimeIndex,
    ranks: Mapping[str, FloatArray],
    forward: Callable[[int], FloatArray],
    known: BoolArray,
) -> dict[str, pd.DataFrame]:
    """How long each factor's knowledge lasts, and how much of it the others have.

    Correlations are of ranks per date, over the cells that both have; those of ``decay`` and
    ``correlations`` on every fifth date, what lasts and who is new on every date. Ranks are
    taken once over all the cells that a factor has, unlike those of `rank_ic`.

    Parameters
    ----------
    dates : pandas.DatetimeIndex, shape (T,)
    ranks : mapping of str to float array, shape (T, N)
        Of score, forecasts and factors; see `rank_finite`.
    forward : callable
        Days to the forward return over them, shape (T, N).
    known : bool array, shape (T, N)
        Where a value could be: members with a bar.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``decay``: ``name``, ``days``, ``rank_ic``, ``standard_error`` (Newey & West over the
        overlap). ``correlations``: ``name``, ``other``, ``correlation`` for each pair.
        ``persistence``: ``name``, ``rank_autocorrelation_{1,20}d``, ``coverage`` of `known`,
        ``top_new_{1,5,20}d`` and ``bottom_new_{1,5,20}d`` (see `quantiles.newcomers`).
        ``coverage``: ``timestamp``, then the share of `known` with a value, by name.
        ``quantile_returns``: see `quantiles.daily`.
    """
    some, next_day = {name: made[::STEP] for name, made in ranks.items()}, forward(1)
    pairs = [(a, b, _mean(ic(some[a], some[b]))) for a, b in combinations(some, 2)]
    groups = {name: quantiles.buckets(made) for name, made in ranks.items()}
    lasting = [
        {
            "name": name,
            **{f"rank_autocorrelation_{lag}d": persistence(made, lag) for lag in LAGS},
            "coverage": coverage(made, known),
            **_count_newcomers(groups[name]),
        }
        for name, made in ranks.items()
    ]
    return {
        "decay": _decay(some, lambda days: next_day if days == 1 else forward(days)),
        "correlations": pd.DataFrame(pairs, columns=["name", "other", "correlation"]),
        "persistence": pd.DataFrame(lasting),
        "coverage": _measure_coverage(dates, ranks, known),
        "quantile_returns": quantiles.daily(dates, groups, next_day),
    }


def _count_newcomers(groups: quantiles.Buckets) -> dict[str, float]:
    ends = {"top": quantiles.COUNT - 1, "bottom": 0}
    return {
        f"{end}_new_{lag}d": quantiles.newcomers(groups, bucket, lag)
        for end, bucket in ends.items()
        for lag in quantiles.NEWCOMER_LAGS
    }


def _measure_coverage(
    dates: pd.DatetimeIndex, ranks: Mapping[str, FloatArray], known: BoolArray
) -> pd.DataFrame:
    cells = known.sum(axis=1)
    shares = {
        name: np.divide(
            np.isfinite(made).sum(axis=1), cells, out=np.full(len(cells), np.nan), where=cells > 0
        )
        for name, made in ranks.items()
    }
    return pd.DataFrame({"timestamp": dates, **shares})


def persistence(ranks: FloatArray, lag: int) -> float:
    """Mean correlation of a date's ranks with those `lag` dates before."""
    return _mean(ic(ranks[lag:], ranks[:-lag]))


def _decay(ranks: Mapping[str, FloatArray], forward: Callable[[int], FloatArray]) -> pd.DataFrame:
    rows = []
    for days in HORIZONS:
        outcome = average_ranks(forward(days)[::STEP])
        lags = -(-overlap_lags(days) // STEP)  # in dates looked at
        tests = newey_west_each(np.array([ic(made, outcome) for made in ranks.values()]), lags)
        for name, test in zip(ranks, tests, strict=True):
            rows.append((name, days, test.mean, test.standard_error))
    return pd.DataFrame(rows, columns=["name", "days", "rank_ic", "standard_error"])


def _mean(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan
