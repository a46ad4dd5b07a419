"""Returns over time: what the report reads off ``returns.parquet``."""

from __future__ import annotations

import numpy as np
import pandas as pd

from engine.core.panel import FloatArray
from engine.core.periods import span
from engine.study.returns import growth, performance

WINDOW = 126  # rows: half a year of days


def rolling(
    net: pd.Series[float], market: pd.Series[float], risk_free: pd.Series[float]
) -> pd.DataFrame:
    """Sharpe ratio, volatility and beta over the `WINDOW` rows up to each date.

    Parameters
    ----------
    net, market, risk_free : pandas.Series, length T
        Simple returns, of the account, the market and cash.

    Returns
    -------
    pandas.DataFrame
        ``sharpe`` (of the excess over cash) and ``volatility`` (fraction) per year, by all the
        rows over all their time; ``beta``: slope of `net` on `market`. NaN
        before the window is full, and for a ratio whose denominator does not vary.
    """
    window, excess = net.rolling(WINDOW), (net - risk_free).rolling(WINDOW)
    deviation, variance = excess.std(), market.rolling(WINDOW).var()
    year = float(np.sqrt(span(pd.DatetimeIndex(net.index)).rows_per_year))
    return pd.DataFrame(
        {
            "sharpe": (excess.mean() / deviation.where(deviation > 1e-12)) * year,
            "volatility": window.std() * year,
            "beta": window.cov(market) / variance.where(variance > 1e-18),
        }
    )


def monthly(net: pd.Series[float]) -> pd.DataFrame:
    """Compounded returns, years × months 1 to 12; NaN for a month without a date."""
    dates = pd.DatetimeIndex(net.index)
    grown = (1.0 + net).groupby([dates.year, dates.month]).prod() - 1.0
    return grown.unstack().reindex(columns=range(1, 13))


def yearly(
    net: pd.Series[float], market: pd.Series[float], risk_free: pd.Series[float]
) -> pd.DataFrame:
    """One row a calendar year, from its own dates alone.

    Parameters
    ----------
    net, market, risk_free : pandas.Series, length T
        Simple returns, of the account, the market and cash.

    Returns
    -------
    pandas.DataFrame
        ``net`` and ``market`` (total returns), ``volatility`` and ``sharpe`` (per year, by
        the calendar year's own rows over its own time; the latter of the excess over cash),
        ``max_drawdown`` (<= 0), ``n_days``; the index is the year.
    """
    rows, eve = {}, None
    for year, returns in net.groupby(pd.DatetimeIndex(net.index).year):
        dates = pd.DatetimeIndex(returns.index)
        made = performance(
            np.asarray(returns, np.float64),
            span(dates, eve).rows_per_year,
            np.asarray(risk_free.loc[dates], np.float64),
        )
        eve = dates[-1]
        total = float(growth(market.loc[returns.index].to_numpy(np.float64))[-1]) - 1.0
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
