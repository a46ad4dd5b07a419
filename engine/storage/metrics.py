"""What ``metrics.json`` holds, typed; `engine.study.collect` writes it, and names every unit.

A number is None where it is not defined. Fields of fixed blocks stand in the order of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.core.periods import Span

SCORE = "mf_score"
TOTAL = "total"  # beside the costs by component


@dataclass(frozen=True)
class Active:
    """First and last date with a position, up to ruin; None where nothing was ever held."""

    end: str | None
    start: str | None


@dataclass(frozen=True)
class Annual:
    """Rows of the active period, the years in which they were made, and their ratio."""

    rows: int
    rows_per_year: float | None
    years: float

    @property
    def span(self) -> Span:
        """Rows and years."""
        return Span(self.rows, self.years)


@dataclass(frozen=True)
class Returns:
    """What one series of returns came to over the active period.

    Parameters
    ----------
    best_day, worst_day, total_return : float, optional
        Fractions.
    cagr, volatility : float, optional
        Fractions per year.
    calmar : float, optional
        `cagr` over the size of `max_drawdown`.
    hit_rate : float, optional
        Share of the rows with a return other than 0 that gained.
    kurtosis, skew : float, optional
        Of the returns; kurtosis in excess of the normal's.
    max_drawdown : float, optional
        Fraction, <= 0.
    max_drawdown_days : int
        Rows from the peak to recovery, or to the end.
    n_days : int
        Rows with returns.
    sharpe, sharpe_se, sortino : float, optional
        Per year, of returns in excess of what cash earns; `sharpe_se` is a standard error.
    """

    best_day: float | None
    cagr: float | None
    calmar: float | None
    hit_rate: float | None
    kurtosis: float | None
    max_drawdown: float | None
    max_drawdown_days: int
    n_days: int
    sharpe: float | None
    sharpe_se: float | None
    skew: float | None
    sortino: float | None
    total_return: float | None
    volatility: float | None
    worst_day: float | None


@dataclass(frozen=True)
class Performance:
    """The account after and before costs, and the equal-weighted market."""

    benchmark: Returns
    gross: Returns
    net: Returns


@dataclass(frozen=True)
class Regime:
    """Net performance on the rows after closes at which one state was the likeliest.

    Parameters
    ----------
    mean_return, volatility : float, optional
        Fractions per year; the mean is arithmetic.
    n_days : int
        Rows.
    share : float, optional
        Of the active rows.
    sharpe : float, optional
        Per year, in excess of what cash earns.
    """

    mean_return: float | None
    n_days: int
    share: float | None
    sharpe: float | None
    volatility: float | None


@dataclass(frozen=True)
class Turnover:
    """Two-way, in fractions of equity; a day is a row."""

    per_day: float | None
    per_year: float | None


@dataclass(frozen=True)
class Exposure:
    """Means over the active period, in fractions of equity; `short` >= 0."""

    gross: float | None
    long: float | None
    net: float | None
    short: float | None


@dataclass(frozen=True)
class Unfilled:
    """Shares of the weight asked for that were never filled, by cause.

    Parameters
    ----------
    cap : float, optional
        Cut by the cap on the size of orders.
    cash : float, optional
        For want of cash.
    size : float, optional
        Too small to be an order.
    suspension : float, optional
        Waited for a bar that never came.
    """

    cap: float | None
    cash: float | None
    size: float | None
    suspension: float | None


@dataclass(frozen=True)
class Fills:
    """How much of what was decided was filled, over all dates.

    Parameters
    ----------
    asked : float
        Sum of |weight decided - weight held| when targets were issued, in equities.
    filled : float, optional
        Share of it.
    never_traded : tuple of str
        Symbols that were decided to be held and have no order.
    unfilled : Unfilled
    """

    asked: float
    filled: float | None
    never_traded: tuple[str, ...]
    unfilled: Unfilled


@dataclass(frozen=True)
class Decisions:
    """What the decisions went by.

    Parameters
    ----------
    kept_without_score : int
        Holdings left alone, of members with a bar.
    picks : int
        Places on either side that were given to names by rank.
    picks_by_tie : float
        Share of them that no score decided.
    taken : int
        Closes at which the portfolio returned weights.
    without_any_score : int
        Decisions that were due when no name had a score.
    """

    kept_without_score: int
    picks: int
    picks_by_tie: float
    taken: int
    without_any_score: int


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """How values related to the returns that came after them.

    Runs of earlier versions lack `hit_rate` and the p-values.

    Parameters
    ----------
    coverage : float, optional
        Share of the known outcomes for which the value is known.
    hit_rate : float, optional
        Share of the dates with a rank IC on which it is above 0.
    ic_mean, ic_se, ic_t, rank_ic_mean, rank_ic_se, rank_ic_t : float, optional
        Information coefficients per date: mean, standard error (Newey & West) and their ratio.
    ic_p, rank_ic_p : float, optional
        Two-sided p-values of the ratios (`engine.study.fixed_b`).
    icir : float, optional
        Mean over standard deviation of the rank IC, per date.
    n_dates : int
        Dates with a rank IC.
    quantiles : tuple of float, optional
        Mean forward return by bucket, lowest values first.
    """

    coverage: float | None
    hit_rate: float | None = None
    ic_mean: float | None
    ic_p: float | None = None
    ic_se: float | None
    ic_t: float | None
    icir: float | None
    n_dates: int
    quantiles: tuple[float | None, ...]
    rank_ic_mean: float | None
    rank_ic_p: float | None = None
    rank_ic_se: float | None
    rank_ic_t: float | None


@dataclass(frozen=True)
class Beyond:
    """A result that is too good to be true, and the limit that it passed."""

    value: float
    limit: float


@dataclass(frozen=True)
class Metrics:
    """What a run came to.

    Parameters
    ----------
    active : Active
    annual : Annual
    costs : mapping of str to float
        By component and in `TOTAL`, in bps of equity per year; positive is paid.
    decisions : Decisions
    delisting, interest : float, optional
        Lost on delistings and earned on cash, in bps of equity per year.
    exposure : Exposure
    factors, forecasts : mapping of str to Evidence
        By name.
    fills : Fills
    horizon : int
        Rows that an outcome spans.
    performance : Performance
    regimes : mapping of str to Regime
        By state.
    signal : Evidence
        Of the score.
    turnover : Turnover
    units : mapping of str to str
        What each key of the file means.
    too_good : mapping of str to Beyond
        By name of the result; runs of earlier versions lack it.
    """

    active: Active
    annual: Annual
    costs: Mapping[str, float | None]
    decisions: Decisions
    delisting: float | None
    exposure: Exposure
    factors: Mapping[str, Evidence]
    fills: Fills
    forecasts: Mapping[str, Evidence]
    horizon: int
    interest: float | None
    performance: Performance
    regimes: Mapping[str, Regime]
    signal: Evidence
    turnover: Turnover
    units: Mapping[str, str]
    too_good: Mapping[str, Beyond] = field(default_factory=dict)

    @property
    def evidence(self) -> dict[str, Evidence]:
        """The score's, then each forecast's and each factor's, by name."""
        return {SCORE: self.signal, **self.forecasts, **self.factors}

    @property
    def total_cost(self) -> float | None:
        """All components together."""
        return self.costs.get(TOTAL)

    @property
    def cost_parts(self) -> dict[str, float | None]:
        """Costs by component, without their total."""
        return {name: bps for name, bps in self.costs.items() if name != TOTAL}
