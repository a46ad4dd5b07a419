"""The numbers of the tear sheet: what the report draws beside the metrics.

Three parts: the returns over time (`rolling`, `monthly`, `yearly`, `tail`), read by the report
from ``returns.parquet``; what the account held (`positions`); and what the factors know and for
how long (`knowledge`, `by_regime`). The last two become tables in the run folder. Everything
here is a statistic about the past. Nothing in it may feed a decision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from engine.metrics import PERIODS, Study, performance
from engine.panel import BoolArray, FloatArray, Panel, forward_fill
from engine.validation.ic import average_ranks, coverage, ic, newey_west_t, overlap_lags

WINDOW = 126  # trading days, half a year
HORIZONS = (1, 5, 10, 20, 40, 60)  # trading days after the entry
LAGS = (1, 20)  # trading days between two rankings
STEP = 5  # every fifth date: daily ones overlap, and would take five times as long


def rolling(net: pd.Series[float], market: pd.Series[float]) -> pd.DataFrame:
    """Sharpe ratio, volatility and beta over the `WINDOW` rows up to each date.

    Parameters
    ----------
    net, market : pandas.Series, length T
        Simple daily returns.

    Returns
    -------
    pandas.DataFrame
        ``sharpe`` and ``volatility`` (fraction) per year, ``beta``: slope of `net` on `market`.
        NaN before the window is full, and for a ratio whose denominator does not vary.
    """
    window = net.rolling(WINDOW)
    deviation, variance = window.std(), market.rolling(WINDOW).var()
    year = float(np.sqrt(PERIODS))
    return pd.DataFrame(
        {
            "sharpe": (window.mean() / deviation.where(deviation > 1e-12)) * year,
            "volatility": deviation * year,
            "beta": window.cov(market) / variance.where(variance > 1e-18),
        }
    )


def monthly(net: pd.Series[float]) -> pd.DataFrame:
    """Compounded returns, years × months 1 to 12; NaN for a month without a date."""
    dates = pd.DatetimeIndex(net.index)
    grown = (1.0 + net).groupby([dates.year, dates.month]).prod() - 1.0
    return grown.unstack().reindex(columns=range(1, 13))


def yearly(net: pd.Series[float], market: pd.Series[float]) -> pd.DataFrame:
    """One row a calendar year, from its own dates alone.

    Returns
    -------
    pandas.DataFrame
        ``net`` and ``market`` (total returns), ``volatility`` and ``sharpe`` (per year),
        ``max_drawdown`` (<= 0), ``n_days``; the index is the year.
    """
    rows = {}
    for year, returns in net.groupby(pd.DatetimeIndex(net.index).year):
        made = performance(np.asarray(returns, np.float64))
        total = float(np.prod(1.0 + market.loc[returns.index].to_numpy(np.float64))) - 1.0
        keys = ("volatility", "sharpe", "max_drawdown", "n_days")
        row = {"net": made["total_return"], "market": total, **{key: made[key] for key in keys}}
        rows[int(str(year))] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def tail(net: FloatArray, share: float = 0.05) -> tuple[float, float]:
    """Value at risk and expected shortfall of daily returns, as returns.

    Returns
    -------
    tuple of float
        The smallest return that at least `share` of the days did not exceed, and the mean of
        the days up to it (historical simulation); NaN without a finite return.
    """
    known = net[np.isfinite(net)]
    if not len(known):
        return np.nan, np.nan
    worst = float(np.quantile(known, share, method="inverted_cdf"))
    return worst, float(known[known <= worst].mean())


def positions(
    panel: Panel, realised: FloatArray, target: FloatArray, delisting_return: float
) -> dict[str, pd.DataFrame]:
    """What the account held, by name, date and sector.

    Parameters
    ----------
    panel : Panel
    realised : float array, shape (T, N)
        Weights at each close, as fractions of equity.
    target : float array, shape (T, N)
        Weights decided at each close; NaN holds.
    delisting_return : float
        From a delisted name's last close to what its holders got, -1 to 0.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``names``: ``symbol``, ``weight`` at the last close, ``contribution`` (see
        `contributions`), ``days`` held. ``positions``: ``timestamp``, ``gross``,
        ``target_gross``, ``effective_names``. ``sectors``: ``timestamp``, ``sector``, ``net``,
        ``gross``, where a sector is known; else no row.
    """
    names = pd.DataFrame(
        {
            "symbol": list(panel.symbols),
            "weight": realised[-1],
            "contribution": contributions(realised, panel, delisting_return),
            "days": (realised != 0.0).sum(axis=0),
        }
    )
    dates = pd.DataFrame(
        {
            "timestamp": panel.dates,
            "gross": np.abs(realised).sum(axis=1),
            "target_gross": target_gross(target, panel.present),
            "effective_names": effective_names(realised),
        }
    )
    sectors = sector_weights(panel.dates, realised, panel.groups.get("sector", ()))
    return {"names": names, "positions": dates, "sectors": sectors}


def contributions(realised: FloatArray, panel: Panel, delisting_return: float) -> FloatArray:
    """Weight at the close before × return, summed over the dates, shape (N,); before costs.

    A holding that went without a bar was paid out on delisting: that return is
    `delisting_return`. With fills at the close the sum over the names is that of ``gross``.
    """
    paid_out = ~panel.present & (realised == 0.0)
    returns = np.where(paid_out, delisting_return, panel.returns)
    earned: FloatArray = np.nansum(realised[:-1] * returns[1:], axis=0)
    return earned


def effective_names(realised: FloatArray) -> FloatArray:
    """(Σ|w|)² / Σw², shape (T,): how many equal positions would be as concentrated; or NaN."""
    size, squares = np.abs(realised).sum(axis=1), (realised**2).sum(axis=1)
    names: FloatArray = np.full(len(size), np.nan)
    np.divide(size**2, squares, out=names, where=squares > 0.0)
    return names


def target_gross(target: FloatArray, present: BoolArray) -> FloatArray:
    """Σ|target| in force at each close, shape (T,): decided at an earlier one, and not since.

    A name's last target holds until the next, or until its last bar.
    """
    alive = np.logical_or.accumulate(present[::-1], axis=0)[::-1]
    size = np.where(alive, np.abs(forward_fill(target)), 0.0)
    out = np.zeros(len(target))
    out[1:] = np.nansum(size[:-1], axis=1)
    return out


def sector_weights(
    dates: pd.DatetimeIndex, realised: FloatArray, labels: Sequence[str]
) -> pd.DataFrame:
    """Net and gross weight per date and sector, both ascending; a label "" is ``unknown``."""
    named = np.array([label or "unknown" for label in labels] if any(labels) else [], str)
    names = np.unique(named)
    member = np.zeros((realised.shape[1], len(names)))  # one-hot, (N, sectors)
    if len(names):
        member[:] = named[:, None] == names
    return pd.DataFrame(
        {
            "timestamp": dates.repeat(len(names)),
            "sector": pd.Series(np.tile(names, len(dates)), dtype="str"),
            "net": (realised @ member).ravel(),
            "gross": (np.abs(realised) @ member).ravel(),
        }
    )


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
