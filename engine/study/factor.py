"""A report on one factor: rank ICs, quantile returns and turnover, by date and by horizon.

1. Returns of each horizon start at the close `delay` rows after the ranking.
2. A cell counts where the factor and the returns of all horizons are known: horizons then differ by
   nothing but their length, and ranks and quantiles are the same for all. That is alphalens' rule.
3. The factor is ranked once; each horizon's outcomes are ranked and held against it in one pass.
4. Turnover of a horizon compares a date with the one as many rows before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.core.errors import ConfigError, DataError
from engine.core.panel import BoolArray, FloatArray
from engine.kernels.ranks import average_ranks
from engine.study.ic import RankedOutcome, correlate, hit_rate, ic, newey_west_t, overlap_lags
from engine.study.quantiles import Buckets, buckets
from engine.study.returns import mean

PERIODS = (1, 5, 10, 20, 60)

Counts = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class FactorReport:
    """What one factor knew of the returns over each of H horizons.

    Parameters
    ----------
    rank_ic : pandas.DataFrame, T × H
        Spearman's correlation of factor and return on each date.
    quantiles : pandas.DataFrame, T × (H × Q)
        Mean return of each quantile; columns are (horizon, quantile), 1 is lowest.
    turnover : pandas.DataFrame, T × (H × Q)
        Share of each quantile's names that were not in it so many rows before.
    rank_autocorrelation : pandas.DataFrame, T × H
        Correlation of the ranks with those so many rows before.
    """

    rank_ic: pd.DataFrame
    quantiles: pd.DataFrame
    turnover: pd.DataFrame
    rank_autocorrelation: pd.DataFrame

    def summary(self) -> pd.DataFrame:
        """One row for each horizon.

        ``rank_ic``, its ``standard_error``, ``t`` and ``p`` (`MeanTest`), ``hit_rate`` (share of
        dates above 0), ``spread`` (highest less lowest quantile, per horizon) with
        ``spread_t`` and ``spread_p``, ``rank_autocorrelation``, ``top_turnover`` and
        ``bottom_turnover`` (means over dates) and ``dates``.
        """
        horizons = [int(horizon) for horizon in self.rank_ic.columns.to_numpy()]
        rows = {horizon: self._summarize(horizon) for horizon in horizons}
        return pd.DataFrame(rows).T.rename_axis("horizon")

    def _summarize(self, horizon: int) -> dict[str, float]:
        ics, lasting, earned, new = (
            frame[horizon].to_numpy(np.float64)
            for frame in (self.rank_ic, self.rank_autocorrelation, self.quantiles, self.turnover)
        )
        test = newey_west_t(ics, overlap_lags(horizon))
        spread = newey_west_t(earned[:, -1] - earned[:, 0], overlap_lags(horizon))
        return {
            "rank_ic": test.mean,
            "standard_error": test.standard_error,
            "t": test.t,
            "p": test.p,
            "hit_rate": hit_rate(ics),
            "spread": spread.mean,
            "spread_t": spread.t,
            "spread_p": spread.p,
            "rank_autocorrelation": mean(lasting),
            "top_turnover": mean(new[:, -1]),
            "bottom_turnover": mean(new[:, 0]),
            "dates": float(test.n),
        }


def report_factor(
    factor: pd.DataFrame,
    closes: pd.DataFrame,
    horizons: Sequence[int] = PERIODS,
    *,
    quantiles: int = 5,
    delay: int = 1,
) -> FactorReport:
    """Hold a factor against the returns that came after it.

    Parameters
    ----------
    factor : pandas.DataFrame, T × N
        Dates × symbols, ascending dates; NaN has no value.
    closes : pandas.DataFrame, T × N
        Adjusted closes of the same dates and symbols. A return is missing where either of its two
        closes is: no price is filled in.
    horizons : sequence of int
        Rows that returns span, >= 1, each once.
    quantiles : int
        >= 2. They are cut between ranks, tied values share one, and a date with fewer names has
        none. Where their number divides that of the names, and no values tie, they are `pd.qcut`'s.
    delay : int
        Rows from the ranking to the close that is bought: 1, as everywhere in the engine; 0 buys at
        the close that the factor was computed from, as alphalens does.

    Raises
    ------
    ConfigError
        When an option is out of range.
    DataError
        When dates or symbols of the two frames differ, or are not unique and ascending.
    """
    _refuse(factor, closes, horizons, quantiles, delay)
    prices = np.ascontiguousarray(closes.to_numpy(np.float64))
    later = [_returns(prices, horizon, delay) for horizon in horizons]
    values = np.ascontiguousarray(factor.to_numpy(np.float64))
    known = np.isfinite(values)
    for returns in later:
        known &= np.isfinite(returns)
    values = np.where(known, values, np.nan)
    ranks = average_ranks(values)
    groups = buckets(ranks, quantiles)
    found = [_correlate(values, returns, known, quantiles) for returns in later]
    sizes = _count(groups, quantiles)
    shares = [_turnover(groups, sizes, horizon) for horizon in horizons]
    lasting = [_since(ranks, horizon) for horizon in horizons]
    wide = pd.MultiIndex.from_product(
        [list(horizons), range(1, quantiles + 1)], names=["horizon", "quantile"]
    )
    tall = pd.Index(list(horizons), name="horizon")
    return FactorReport(
        pd.DataFrame(np.stack([made for made, _ in found], 1), factor.index, tall),
        pd.DataFrame(np.hstack([made for _, made in found]), factor.index, wide),
        pd.DataFrame(np.hstack(shares), factor.index, wide),
        pd.DataFrame(np.stack(lasting, 1), factor.index, tall),
    )


def _refuse(
    factor: pd.DataFrame, closes: pd.DataFrame, horizons: Sequence[int], quantiles: int, delay: int
) -> None:
    if not horizons or min(horizons) < 1 or len(set(horizons)) < len(horizons):
        raise ConfigError(f"horizons are {list(horizons)}: choose one or more, each >= 1 and once")
    if quantiles < 2:
        raise ConfigError(f"quantiles is {quantiles}: choose 2 or more")
    if delay < 0:
        raise ConfigError(f"delay is {delay}: choose 0 or more rows")
    if not (factor.index.equals(closes.index) and factor.columns.equals(closes.columns)):
        raise DataError(
            "factor and closes differ in dates or symbols: pass "
            "closes.reindex(index=factor.index, columns=factor.columns)"
        )
    if not (factor.index.is_monotonic_increasing and factor.index.is_unique):
        raise DataError("the dates of factor do not ascend, each once: pass factor.sort_index()")
    if not factor.columns.is_unique:
        raise DataError("a symbol of factor comes twice: pass each once")


def _returns(prices: FloatArray, horizon: int, delay: int) -> FloatArray:
    """Return from the close `delay` rows on over `horizon` rows, shape (T, N)."""
    made: FloatArray = np.full(prices.shape, np.nan)
    stop = len(prices) - horizon - delay
    if stop > 0:
        bought = prices[delay : delay + stop]
        ratio = np.divide(prices[delay + horizon :], bought, out=made[:stop], where=bought > 0.0)
        ratio -= 1.0
    return made


def _correlate(
    values: FloatArray, returns: FloatArray, known: BoolArray, q: int
) -> tuple[FloatArray, FloatArray]:
    outcome = RankedOutcome.of(np.where(known, returns, np.nan))
    found = correlate(values, outcome, pearson=False, q=q)
    return found.rank_ic, found.quantiles


def _turnover(groups: Buckets, sizes: Counts, lag: int) -> FloatArray:
    """Share of each quantile's names that were not in it `lag` rows before, shape (T, count)."""
    count = sizes.shape[1]
    made: FloatArray = np.full((len(groups), count), np.nan)
    if lag >= len(groups):
        return made
    now, before = groups[lag:], groups[:-lag]
    new = _count(np.where(now != before, now, np.int8(-1)), count)
    known = (sizes[lag:] > 0) & (sizes[:-lag] > 0)
    np.divide(new, sizes[lag:], out=made[lag:], where=known)
    return made


def _count(groups: Buckets, count: int) -> Counts:
    """Cells of each row in each quantile, shape (T, count)."""
    made: Counts = np.stack([np.count_nonzero(groups == q, axis=1) for q in range(count)], axis=1)
    return made


def _since(ranks: FloatArray, lag: int) -> FloatArray:
    made: FloatArray = np.full(len(ranks), np.nan)
    if lag < len(ranks):
        made[lag:] = ic(ranks[lag:], ranks[:-lag])
    return made
