"""Metrics: what the account earned, what it cost, and whether the signal knew anything.

`study` looks at one factor, `performance` at one series of returns, `collect` puts all of it
into what becomes ``metrics.json``, `tables` into ``ic.parquet`` and ``quantiles.parquet``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from engine.panel import BoolArray, FloatArray
from engine.periods import Span, span
from engine.validation.ic import newey_west_t, overlap_lags, quantile_returns, rank_ic, summary
from engine.validation.sharpe import sharpe_error

UNITS = {
    "annual": "rows of the active period, and the years from the close before it to its last; "
    "every figure per year counts rows_per_year, their ratio",
    "performance.*.total_return": "fraction",
    "performance.*.cagr": "fraction per year",
    "performance.*.volatility": "fraction per year (standard deviation, annualised)",
    "performance.*.sharpe": "per year, of returns in excess of what cash earns",
    "performance.*.sharpe_se": "per year (standard error of sharpe, for autocorrelated returns: "
    "1.96 of it to both sides cover in 95 %; Lazarus, Lewis, Stock & Watson 2018)",
    "performance.*.sortino": "per year, of returns in excess of what cash earns",
    "performance.*.max_drawdown": "fraction, <= 0",
    "performance.*.max_drawdown_days": "rows from the peak to recovery, or to the end",
    "performance.*.calmar": "cagr over |max_drawdown|",
    "performance.*.hit_rate": "share of the days with a return other than 0 that gained",
    "performance.*.skew": "of returns",
    "performance.*.kurtosis": "of returns, above the normal's",
    "performance.*.best_day": "fraction",
    "performance.*.worst_day": "fraction",
    "performance.*.n_days": "rows from the first position to the end, or to ruin",
    "regimes.*.mean_return": "fraction per year (arithmetic, net)",
    "regimes.*.volatility": "fraction per year (net)",
    "regimes.*.sharpe": "per year (net, in excess of what cash earns)",
    "regimes.*.share": "share of the active days",
    "regimes.*.n_days": "trading days after a close with this state the likeliest",
    "turnover": "two-way, fraction of equity",
    "exposure": "mean fraction of equity",
    "costs": "bps of equity per year; positive is paid",
    "signal, forecasts.*, factors.*": "information coefficients per date, not annualised; "
    "standard errors: Newey & West (1987) with 3 * `horizon` lags",
    "*.quantiles": "mean forward return over `horizon` days, lowest to highest values",
    "horizon": "trading days",
}


class Account(Protocol):
    """What metrics need of an account; arrays have shape (T,), in fractions of equity."""

    @property
    def dates(self) -> pd.DatetimeIndex:
        """UTC dates."""

    @property
    def net(self) -> FloatArray:
        """Simple returns after costs."""

    @property
    def gross(self) -> FloatArray:
        """Simple returns before costs."""

    @property
    def risk_free(self) -> FloatArray:
        """Simple returns of an account that is all in cash."""

    @property
    def turnover(self) -> FloatArray:
        """Two-way turnover."""

    @property
    def costs(self) -> Mapping[str, FloatArray]:
        """Costs by component, positive when paid."""

    @property
    def long(self) -> FloatArray:
        """Sum of the positive weights."""

    @property
    def short(self) -> FloatArray:
        """Size of the negative weights, >= 0."""


@dataclass(frozen=True, eq=False)
class Study:
    """How one factor related to what came after it.

    Parameters
    ----------
    summary : dict of str to float
        See `engine.validation.ic.summary`.
    rank_ic : float array, shape (T,)
    quantiles : float array, shape (T, Q)
        Mean outcome by factor bucket, lowest values first.
    horizon : int
        Trading days that the outcome spans.
    """

    summary: dict[str, float]
    rank_ic: FloatArray
    quantiles: FloatArray
    horizon: int


def study(factor: FloatArray, outcome: FloatArray, horizon: int, q: int = 5) -> Study:
    """Study a (T, N) factor against the (T, N) outcome over `horizon` days."""
    ranks = rank_ic(factor, outcome)
    return Study(
        summary(factor, outcome, horizon, ranks),
        ranks,
        quantile_returns(factor, outcome, q),
        horizon,
    )


def performance(
    net: FloatArray, rows_per_year: float, risk_free: FloatArray | float = 0.0
) -> dict[str, float]:
    """Summarise simple returns up to their end, or to ruin.

    Parameters
    ----------
    net : float array, shape (T,)
        Simple return per row. NaN is skipped. The first that is -1 or less is a total loss,
        and what comes after it counts nowhere.
    rows_per_year : float
        Of these returns (`engine.periods.span`).
    risk_free : float array, shape (T,), or float
        What cash earned over each row, as a simple return.

    Returns
    -------
    dict of str to float
        ``total_return``, ``cagr``, ``volatility``, ``sharpe`` and ``sortino`` (of the excess
        over `risk_free`; the latter over the root mean square of negative excess returns),
        ``sharpe_se`` (`engine.validation.sharpe.sharpe_error`), ``max_drawdown`` (<= 0, from a
        start of 1), ``max_drawdown_days`` (rows from the deepest drawdown's peak to its
        recovery, or to the end), ``calmar``, ``hit_rate`` (over rows with a return other than
        0), ``skew``, ``kurtosis`` (excess), ``best_day``, ``worst_day`` and ``n_days`` (rows).
        A ratio without a denominator is NaN, and all is NaN without returns.
    """
    known = np.isfinite(net) & (np.arange(len(net)) < until_ruin(net))
    r = np.maximum(net[known], -1.0)
    excess = r - np.broadcast_to(risk_free, net.shape)[known]
    n = len(r)
    wealth = np.cumprod(1.0 + r, dtype=np.float64)
    total = float(wealth[-1] - 1.0) if n else np.nan
    mean = float(excess.mean()) if n else np.nan
    downside = float(np.sqrt(np.mean(np.minimum(excess, 0.0) ** 2))) if n else np.nan
    depth, length = _drawdown(wealth)
    moved = r[r != 0.0]
    cagr = float((1.0 + total) ** (rows_per_year / n) - 1.0) if n else np.nan
    year = float(np.sqrt(rows_per_year))
    return {
        "total_return": total,
        "cagr": cagr,
        "volatility": _deviation(r) * year,
        "sharpe": _over(mean, _deviation(excess)) * year,
        "sharpe_se": sharpe_error(excess) * year,
        "sortino": _over(mean, downside) * year,
        "max_drawdown": depth,
        "max_drawdown_days": length,
        "calmar": _over(cagr, abs(depth)),
        "hit_rate": float((moved > 0).mean()) if len(moved) else np.nan,
        "skew": _moment(r, 3),
        "kurtosis": _moment(r, 4) - 3.0,
        "best_day": float(r.max()) if n else np.nan,
        "worst_day": float(r.min()) if n else np.nan,
        "n_days": n,
    }


def until_ruin(net: FloatArray) -> int:
    """How many rows count: up to the first that lost everything, or all of them."""
    ruined = np.flatnonzero(net <= -1.0)
    return int(ruined[0]) + 1 if len(ruined) else len(net)


def collect(
    account: Account,
    *,
    benchmark: FloatArray,
    regimes: FloatArray,
    states: Sequence[str],
    signal: Study,
    forecasts: Mapping[str, Study],
    factors: Mapping[str, Study],
    horizon: int,
) -> dict[str, Any]:
    """Return what becomes ``metrics.json``; `units` in it explains every key.

    Performance, exposure, turnover and costs are over the account's active period: from its
    first position to the end, or to ruin. What is per year goes by the period's own rows over
    its own time. A day belongs to the regime that was likeliest at the close
    before it, when its positions were known.

    Parameters
    ----------
    account : Account
    benchmark : float array, shape (T,)
        Returns of the equal-weighted market (`engine.benchmark`).
    regimes : float array, shape (T, S)
        Filtered probabilities; NaN rows belong to no regime.
    states : sequence of str, length S
    signal : Study
        Of `mf_score`.
    forecasts, factors : mapping of str to Study
    horizon : int
        Trading days that the label spans.

    Returns
    -------
    dict
        Plain values, keys sorted, null for NaN.
    """
    active = _active(account)
    long, short = account.long[active], account.short[active]
    exposure = {"long": long, "short": short, "gross": long + short, "net": long - short}
    daily = _mean(account.turnover[active])
    dates = account.dates[active]
    annual = active_span(account.dates, active)
    year = annual.rows_per_year
    costs = {name: _mean(rate[active]) * year * 1e4 for name, rate in account.costs.items()}
    series = {"net": account.net, "gross": account.gross, "benchmark": benchmark}
    content = {
        "active": {
            "start": _text(dates[0]) if len(dates) else None,
            "end": _text(dates[-1]) if len(dates) else None,
        },
        "annual": annual.plain(),
        "performance": {
            name: performance(values[active], year, account.risk_free[active])
            for name, values in series.items()
        },
        "regimes": by_regime(account.net, active, regimes, states, year, account.risk_free),
        "turnover": {"per_day": daily, "per_year": daily * year},
        "exposure": {name: _mean(values) for name, values in exposure.items()},
        "costs": {**costs, "total": float(sum(costs.values()))},
        "signal": _evidence(signal),
        "forecasts": {name: _evidence(made) for name, made in forecasts.items()},
        "factors": {name: _evidence(made) for name, made in factors.items()},
        "horizon": horizon,
        "units": UNITS,
    }
    plain: dict[str, Any] = _plain(content)
    return plain


def by_regime(
    net: FloatArray,
    active: BoolArray,
    regimes: FloatArray,
    states: Sequence[str],
    rows_per_year: float,
    risk_free: FloatArray | float = 0.0,
) -> dict[str, dict[str, float]]:
    """Net performance on the days after each state was the likeliest.

    Parameters
    ----------
    net : float array, shape (T,)
    active : bool array, shape (T,)
    regimes : float array, shape (T, S)
    states : sequence of str, length S
    rows_per_year : float
        Of the active period.
    risk_free : float array, shape (T,), or float
    """
    excess = net - risk_free
    known = np.isfinite(regimes).all(axis=1)
    likeliest = np.where(known, np.argmax(np.nan_to_num(regimes), axis=1), -1)
    before = np.concatenate([[-1], likeliest[:-1]])
    out = {}
    for index, state in enumerate(states):
        days = active & (before == index)
        ratio = _over(_mean(excess[days]), _deviation(excess[days]))
        out[state] = {
            "mean_return": _mean(net[days]) * rows_per_year,
            "volatility": _deviation(net[days]) * np.sqrt(rows_per_year),
            "sharpe": ratio * np.sqrt(rows_per_year),
            "share": _over(float(days.sum()), float(active.sum())),
            "n_days": int(days.sum()),
        }
    return out


def tables(dates: pd.DatetimeIndex, studies: Mapping[str, Study]) -> dict[str, pd.DataFrame]:
    """Frames that the report draws from, by artifact name.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``ic``: ``timestamp``, then the rank IC per date of each study. ``quantiles``: ``name``,
        ``quantile`` (1 is lowest), ``mean`` outcome over the dates and ``standard_error``
        (Newey & West, with three times the study's horizon as lags).
    """
    ic = pd.DataFrame({"timestamp": dates, **{k: made.rank_ic for k, made in studies.items()}})
    rows = []
    for name, made in studies.items():
        for bucket, values in enumerate(made.quantiles.T, start=1):
            test = newey_west_t(values, overlap_lags(made.horizon))
            rows.append((name, bucket, test.mean, test.standard_error))
    columns = ["name", "quantile", "mean", "standard_error"]
    return {"ic": ic, "quantiles": pd.DataFrame(rows, columns=columns)}


def _active(account: Account) -> BoolArray:
    """From the first position to the end, or to the day of ruin."""
    held: BoolArray = np.logical_or.accumulate(account.long + account.short > 0.0)
    held[until_ruin(account.net) :] = False
    return held


def active_span(dates: pd.DatetimeIndex, active: BoolArray) -> Span:
    """Rows of the active period, and the years from the close before it to its last."""
    rows = np.flatnonzero(active)
    eve = dates[rows[0] - 1] if len(rows) and rows[0] else None
    return span(dates[active], eve)


def _evidence(made: Study) -> dict[str, Any]:
    quantiles = [
        newey_west_t(values, overlap_lags(made.horizon)).mean for values in made.quantiles.T
    ]
    return {**made.summary, "quantiles": quantiles}


def _drawdown(wealth: FloatArray) -> tuple[float, int]:
    """Depth (<= 0) of the deepest drawdown, and periods from its peak to recovery or end."""
    path = np.concatenate([[1.0], wealth])
    peak = np.maximum.accumulate(path)
    drawdown = path / peak - 1.0
    if len(path) == 1:
        return np.nan, 0
    bottom = int(np.argmin(drawdown))
    if drawdown[bottom] == 0.0:
        return 0.0, 0
    start = int(np.flatnonzero(path[: bottom + 1] == peak[bottom])[-1])
    recovered = np.flatnonzero(path[bottom:] >= peak[bottom])
    stop = bottom + int(recovered[0]) if len(recovered) else len(path) - 1
    return float(drawdown[bottom]), stop - start


def _text(date: pd.Timestamp) -> str:
    """A date, with its time where it has one."""
    return f"{date:%Y-%m-%d %H:%M}".removesuffix(" 00:00")


def _mean(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan


def _deviation(values: FloatArray) -> float:
    """Standard deviation (n - 1); exactly 0 for a constant, NaN below two values."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return np.nan
    return 0.0 if known.min() == known.max() else float(known.std(ddof=1))


def _moment(values: FloatArray, order: int) -> float:
    """Standardised central moment; NaN for a constant."""
    if not _deviation(values) > 0.0:
        return np.nan
    error = values - values.mean()
    return float(np.mean(error**order) / np.mean(error**2) ** (order / 2))


def _over(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0.0 else np.nan


def _plain(value: Any) -> Any:
    """Sorted keys, Python's own numbers, None for NaN."""
    if isinstance(value, Mapping):
        return {str(key): _plain(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value
