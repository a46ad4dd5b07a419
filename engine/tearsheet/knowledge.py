"""What the score, the forecasts and the factors know, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from engine.metrics import Study
from engine.panel import BoolArray, FloatArray
from engine.ranks import average_ranks
from engine.validation.ic import coverage, ic, newey_west_t, overlap_lags

HORIZONS = (1, 5, 10, 20, 40, 60)  # trading days after the entry
LAGS = (1, 20)  # trading days between two rankings
STEP = 5  # every fifth date: daily ones overlap, and would take five times as long


def knowledge(
    studied: Mapping[str, FloatArray], forward: Callable[[int], FloatArray], known: BoolArray
) -> dict[str, pd.DataFrame]:
    """How long each factor's knowledge lasts, and how much of it the others have.

    Correlations are of ranks per date, over the cells that both have, on every fifth date.
    Ranks are taken once over all the cells that a factor has.

    Parameters
    ----------
    studied : mapping of str to float array, shape (T, N)
        Score, forecasts and factors.
    forward : callable
        Days to the forward return over them, shape (T, N).
    known : bool array, shape (T, N)
        Where a value could be: members with a bar.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``decay``: ``name``, ``days``, ``rank_ic``, ``standard_error`` (Newey & West over the
        overlap). ``correlations``: ``name``, ``other``, ``correlation`` for each pair.
        ``persistence``: ``name``, ``rank_autocorrelation_{1,20}d``, ``coverage`` of `known`.
    """
    ranks = {name: average_ranks(values) for name, values in studied.items()}
    some = {name: made[::STEP] for name, made in ranks.items()}
    pairs = [(a, b, _mean(ic(some[a], some[b]))) for a, b in combinations(some, 2)]
    lasting = [
        (name, *(persistence(made, lag) for lag in LAGS), coverage(studied[name], known))
        for name, made in ranks.items()
    ]
    head = ["name", *(f"rank_autocorrelation_{lag}d" for lag in LAGS), "coverage"]
    return {
        "decay": _decay(some, forward),
        "correlations": pd.DataFrame(pairs, columns=["name", "other", "correlation"]),
        "persistence": pd.DataFrame(lasting, columns=head),
    }


def persistence(ranks: FloatArray, lag: int) -> float:
    """Mean correlation of a date's ranks with those `lag` dates before, every fifth date."""
    return _mean(ic(ranks[lag::STEP], ranks[:-lag:STEP]))


def _decay(ranks: Mapping[str, FloatArray], forward: Callable[[int], FloatArray]) -> pd.DataFrame:
    rows = []
    for days in HORIZONS:
        outcome = average_ranks(forward(days)[::STEP])
        lags = -(-overlap_lags(days) // STEP)  # in dates looked at
        for name, made in ranks.items():
            test = newey_west_t(ic(made, outcome), lags)
            rows.append((name, days, test.mean, test.standard_error))
    return pd.DataFrame(rows, columns=["name", "days", "rank_ic", "standard_error"])


def by_regime(made: Study, regimes: FloatArray, states: Sequence[str]) -> pd.DataFrame:
    """Mean outcome of each bucket after the closes with each likeliest state.

    Returns
    -------
    pandas.DataFrame
        ``regime``, ``quantile`` (1 is lowest), ``mean``, ``standard_error`` (Newey & West),
        ``dates``; NaN for a state that never came.
    """
    certain = np.isfinite(regimes).all(axis=1)
    likeliest = np.where(certain, np.argmax(np.nan_to_num(regimes), axis=1), -1)
    rows = []
    for index, state in enumerate(states):
        here = likeliest == index
        for bucket, values in enumerate(made.quantiles.T, start=1):
            inside = np.where(here, values, np.nan)
            test = newey_west_t(inside, overlap_lags(made.horizon))
            rows.append(
                (state, bucket, test.mean, test.standard_error, int(np.isfinite(inside).sum()))
            )
    columns = ["regime", "quantile", "mean", "standard_error", "dates"]
    return pd.DataFrame(rows, columns=columns)


def _mean(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan
