"""Metrics: what the account earned, what it cost, and whether the signal knew anything.

`study` looks at one factor, `performance` at one series of returns, `collect` puts all of it
into what becomes ``metrics.json``, `tables` into ``ic.parquet`` and ``quantiles.parquet``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pandas as pd

from engine.core.panel import BoolArray, FloatArray
from engine.core.periods import Span, span
from engine.core.plain import by_key, to_plain
from engine.study.ic import (
    MeanTest,
    RankedOutcome,
    correlate,
    coverage,
    newey_west_each,
    overlap_lags,
    summary,
)
from engine.study.regimes import find_likeliest
from engine.study.returns import deviation, mean, performance, ratio, until_ruin

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
    "performance.*.hit_rate": "share of the rows with a return other than 0 that gained",
    "performance.*.skew": "of returns",
    "performance.*.kurtosis": "of returns, above the normal's",
    "performance.*.best_day": "fraction",
    "performance.*.worst_day": "fraction",
    "performance.*.n_days": "rows from the first position to the end, or to ruin",
    "regimes.*.mean_return": "fraction per year (arithmetic, net)",
    "regimes.*.volatility": "fraction per year (net)",
    "regimes.*.sharpe": "per year (net, in excess of what cash earns)",
    "regimes.*.share": "share of the active rows",
    "regimes.*.n_days": "rows after a close with this state the likeliest; 'no regime': with none",
    "turnover": "two-way, fraction of equity",
    "exposure": "mean fraction of equity",
    "costs": "bps of equity per year; positive is paid. Gross is net with the costs and what "
    "delistings took put back",
    "interest": "bps of equity per year, earned on cash; in net and gross alike",
    "delisting": "bps of equity per year, lost on delistings against the last close",
    "fills.asked": "sum of |weight decided - weight held| when targets were issued, in equities",
    "fills.filled": "share of it",
    "fills.unfilled.*": "share of it never filled: cut by the cap, waiting for a bar that never "
    "came, for want of cash, or too small to be an order",
    "fills.never_traded": "symbols that were decided to be held and have no order",
    "decisions.taken": "closes at which the portfolio returned weights",
    "decisions.kept_without_score": "holdings left alone at them, of members with a bar",
    "decisions.without_any_score": "decisions that were due when no name had a score",
    "decisions.picks": "places on either side that were given to names by rank",
    "decisions.picks_by_tie": "share of them that no score decided",
    "signal, forecasts.*, factors.*": "information coefficients per date, not annualised; "
    "standard errors: Newey & West (1987) with 3 * `horizon` lags; t is not a normal's, and p is "
    "two-sided, for as many lags and overlap (after Kiefer & Vogelsang 2005)",
    "*.hit_rate": "share of the dates with a rank IC on which it is above 0",
    "*.quantiles": "mean forward return over `horizon` rows, lowest to highest values",
    "too_good.*": "results beyond the limits of the conf node too_good: value and limit",
    "horizon": "rows",
}

NO_REGIME = "no regime"  # rows after a close at which no state was known


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
    def interest(self) -> FloatArray:
        """Earned on cash."""

    @property
    def delisting(self) -> FloatArray:
        """Lost on delistings, >= 0."""

    @property
    def asked(self) -> FloatArray:
        """Σ |weight decided - weight held| when targets were issued."""

    @property
    def unfilled(self) -> Mapping[str, FloatArray]:
        """The part of it that was never filled, by cause."""

    @property
    def never_traded(self) -> Sequence[str]:
        """Symbols that were decided to be held and have no order."""

    @property
    def decisions(self) -> Mapping[str, float]:
        """What the decisions went by."""

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
        See `engine.study.ic.summary`.
    rank_ic : float array, shape (T,)
    quantiles : float array, shape (T, Q)
        Mean outcome by factor bucket, lowest values first.
    horizon : int
        Rows that the outcome spans.
    """

    summary: dict[str, float]
    rank_ic: FloatArray
    quantiles: FloatArray
    horizon: int

    @cached_property
    def earned(self) -> list[MeanTest]:
        """What each bucket earned, lowest values first."""
        return newey_west_each(self.quantiles.T, overlap_lags(self.horizon))


def study(
    factor: FloatArray,
    outcome: RankedOutcome,
    horizon: int,
    q: int = 5,
    ranks: FloatArray | None = None,
) -> Study:
    """Study a (T, N) factor, and its ranks, against the (T, N) outcome over `horizon` rows."""
    found = correlate(factor, outcome, ranks=ranks, q=q)
    covered = coverage(factor, np.isfinite(outcome.values))
    return Study(summary(found, covered, horizon), found.rank_ic, found.quantiles, horizon)


def collect(
    account: Account,
    *,
    benchmark: FloatArray,
    regimes: FloatArray,
    states: Sequence[str],
    knowledge: Mapping[str, Any],
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
        Returns of the equal-weighted market (`engine.study.market`).
    regimes : float array, shape (T, S)
        Filtered probabilities; NaN rows belong to no regime.
    states : sequence of str, length S
    knowledge : mapping
        Of `summarize`.
    horizon : int
        Rows that the label spans.

    Returns
    -------
    dict
        Plain values, keys sorted, null for NaN.
    """
    active = _active(account)
    long, short = account.long[active], account.short[active]
    exposure = {"long": long, "short": short, "gross": long + short, "net": long - short}
    daily = mean(account.turnover[active])
    dates = account.dates[active]
    annual = active_span(account.dates, active)
    year = annual.rows_per_year
    costs = {name: mean(rate[active]) * year * 1e4 for name, rate in account.costs.items()}
    series = {"net": account.net, "gross": account.gross, "benchmark": benchmark}
    content = {
        "active": {
            "start": _text(dates[0]) if len(dates) else None,
            "end": _text(dates[-1]) if len(dates) else None,
        },
        "annual": annual.as_dict(),
        "performance": {
            name: performance(values[active], year, account.risk_free[active])
            for name, values in series.items()
        },
        "regimes": by_regime(account.net, active, regimes, states, year, account.risk_free),
        "turnover": {"per_day": daily, "per_year": daily * year},
        "exposure": {name: mean(values) for name, values in exposure.items()},
        "costs": {**costs, "total": float(sum(costs.values()))},
        "interest": mean(account.interest[active]) * year * 1e4,
        "delisting": mean(account.delisting[active]) * year * 1e4,
        "fills": fills(account),
        "decisions": dict(account.decisions),
        **knowledge,
        "horizon": horizon,
        "units": UNITS,
    }
    made: dict[str, Any] = by_key(to_plain(content))
    return made


def fills(account: Account) -> dict[str, Any]:
    """How much of what was decided was filled, over all dates, and why the rest was not."""
    asked = float(account.asked.sum())
    unfilled = {cause: ratio(float(lost.sum()), asked) for cause, lost in account.unfilled.items()}
    return {
        "asked": asked,
        "filled": 1.0 - sum(unfilled.values()),
        "unfilled": unfilled,
        "never_traded": list(account.never_traded),
    }


def by_regime(
    net: FloatArray,
    active: BoolArray,
    regimes: FloatArray,
    states: Sequence[str],
    rows_per_year: float,
    risk_free: FloatArray | float = 0.0,
) -> dict[str, dict[str, float]]:
    """Net performance on the rows after each state was the likeliest, and on those after none.

    The latter, `NO_REGIME`, are told where there are any: the shares add up to 1.

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
    before = np.concatenate([[-1], find_likeliest(regimes)[:-1]])
    parts = {state: active & (before == index) for index, state in enumerate(states)}
    if (active & (before < 0)).any():
        parts[NO_REGIME] = active & (before < 0)
    out = {}
    for state, days in parts.items():
        sharpe = ratio(mean(excess[days]), deviation(excess[days]))
        out[state] = {
            "mean_return": mean(net[days]) * rows_per_year,
            "volatility": deviation(net[days]) * np.sqrt(rows_per_year),
            "sharpe": sharpe * np.sqrt(rows_per_year),
            "share": ratio(float(days.sum()), float(active.sum())),
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
        for bucket, test in enumerate(made.earned, start=1):
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


def summarize(
    studies: Mapping[str, Study], forecasts: Collection[str], factors: Collection[str]
) -> dict[str, Any]:
    """Return what score, forecasts and factors knew, in plain values, null for NaN.

    Parameters
    ----------
    studies : mapping of str to Study
        Of ``mf_score`` and of the others.
    forecasts, factors : collection of str
        Which of the others are forecasts, and which factors.

    Returns
    -------
    dict
        ``signal``, and ``forecasts`` and ``factors`` by name: each a study's summary, with
        ``quantiles``, the mean outcome of each bucket.
    """
    plain: dict[str, Any] = to_plain(
        {
            "signal": _summarize(studies["mf_score"]),
            "forecasts": {name: _summarize(studies[name]) for name in forecasts},
            "factors": {name: _summarize(studies[name]) for name in factors},
        }
    )
    return plain


def _summarize(made: Study) -> dict[str, Any]:
    return {**made.summary, "quantiles": [test.mean for test in made.earned]}


def _text(date: pd.Timestamp) -> str:
    """A date, with its time where it has one."""
    return f"{date:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
