"""Information coefficients: how well a factor at t orders what happens after t.

Everything here is a statistic about the past. Nothing in it may feed a decision.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.core.errors import ConfigError
from engine.core.panel import BoolArray, FloatArray
from engine.kernels.cache import njit
from engine.kernels.ranks import average_ranks

MIN_VALID = 3  # two points always correlate perfectly
ROUNDING = 8.0 * 2.0**-52  # values that are no further apart, as a share of their size, are one


class MeanTest(NamedTuple):
    """A mean, its autocorrelation-robust standard error, and their ratio."""

    mean: float
    standard_error: float
    t: float


def ic(factor: FloatArray, outcome: FloatArray) -> FloatArray:
    """Pearson correlation of each row of two arrays.

    Parameters
    ----------
    factor, outcome : float array, shape (T, N)

    Returns
    -------
    float array, shape (T,)
        Over the cells finite in both; NaN with fewer than 3 of them, or when either is
        constant, or is but for rounding.
    """
    factor, outcome, _ = _paired(factor, outcome)
    return _pearson(factor, outcome)


def rank_ic(factor: FloatArray, outcome: FloatArray) -> FloatArray:
    """Spearman correlation of each row of two arrays, ties sharing their average rank.

    Parameters
    ----------
    factor, outcome : float array, shape (T, N)

    Returns
    -------
    float array, shape (T,)
        Over the cells finite in both, which alone are ranked, as in pandas and alphalens: ranks
        that were taken before would count names that the other lacks. NaN with fewer than 3
        of them, or when either is constant.
    """
    factor, outcome, _ = _paired(factor, outcome)
    return _pearson(average_ranks(factor), average_ranks(outcome))


def newey_west_t(series: FloatArray, lags: int) -> MeanTest:
    """Test a mean against zero, allowing for autocorrelation up to `lags`.

    Bartlett weights ``1 - l / (lags + 1)`` and autocovariances over n (Newey & West 1987,
    eq. 5), without a small-sample correction.

    Parameters
    ----------
    series : float array, shape (T,)
        A missing value is skipped but keeps its place, so values on both sides of a gap
        are not taken for neighbours (amplitude modulation; Parzen 1963).
    lags : int
        The longest lag, >= 0.

    Returns
    -------
    MeanTest
        ``(mean, standard_error, t)``; all NaN with fewer than 2 values. A constant series
        has standard error 0 and t NaN.

    Raises
    ------
    ConfigError
        When `lags` is negative.
    """
    if lags < 0:
        raise ConfigError(f"newey_west_t: lags is {lags}: choose 0 or more")
    known = np.isfinite(series)
    n = int(known.sum())
    if n < 2:
        return MeanTest(np.nan, np.nan, np.nan)
    values = series[known]
    mean = float(values.mean())
    if values.min() == values.max():  # rounding of the mean must not pass for a variance
        return MeanTest(mean, 0.0, np.nan)
    error = np.where(known, series - mean, 0.0)
    variance = float(error @ error)
    for lag in range(1, min(lags, len(error) - 1) + 1):
        variance += 2.0 * (1.0 - lag / (lags + 1)) * float(error[lag:] @ error[:-lag])
    standard_error = float(np.sqrt(max(variance, 0.0))) / n
    return MeanTest(mean, standard_error, mean / standard_error if standard_error > 0 else np.nan)


def overlap_lags(horizon: int) -> int:
    """Lags for means over dates whose outcomes span `horizon` days; `summary` says why."""
    return 3 * horizon


def quantile_returns(factor: FloatArray, outcome: FloatArray, q: int = 5) -> FloatArray:
    """Equal-weighted mean outcome of each factor bucket on each date.

    Parameters
    ----------
    factor, outcome : float array, shape (T, N)
    q : int
        Number of buckets, >= 2.

    Returns
    -------
    float array, shape (T, q)
        From the lowest factor values to the highest, in the outcome's unit. Tied values
        share a bucket. A date with fewer than `q` cells finite in both, or with a constant
        factor, is NaN; so is a bucket that ties left empty.

    Raises
    ------
    ConfigError
        When `q` is below 2.
    """
    if q < 2:
        raise ConfigError(f"quantile_returns: q is {q}: choose 2 or more")
    factor, outcome, valid = _paired(factor, outcome)
    n = valid.sum(axis=1)
    usable = valid & ((n >= q) & ~_constant(factor))[:, None]
    row, _ = np.nonzero(usable)
    twice = (2.0 * average_ranks(factor)[usable]).astype(np.int64)  # whole even for ties
    cell = row * q + (twice - 1) * q // (2 * n[row])  # middle of the rank: symmetric in sign
    size = len(factor) * q
    count = np.bincount(cell, minlength=size)
    total = np.bincount(cell, weights=outcome[usable], minlength=size)
    mean: FloatArray = np.divide(total, count, out=np.full(size, np.nan), where=count > 0)
    return mean.reshape(len(factor), q)


def coverage(factor: FloatArray, present: BoolArray) -> float:
    """Share of the present cells where the factor is finite; NaN when none is present.

    Parameters
    ----------
    factor : float array, shape (T, N)
    present : bool array, shape (T, N)
        Where a value could have been known: members with a bar.
    """
    cells = int(present.sum())
    return float((np.isfinite(factor) & present).sum() / cells) if cells else np.nan


def summary(
    factor: FloatArray, outcome: FloatArray, horizon: int, ranks: FloatArray | None = None
) -> dict[str, float]:
    """Summarise both information coefficients of a factor.

    Outcomes over `horizon` days, measured daily, overlap by ``horizon - 1`` days, so daily
    coefficients are correlated up to that lag. Standard errors are Newey & West's (1987) with
    ``3 * horizon`` lags: the Bartlett kernel weighs down the very lags that overlap, and with
    ``horizon`` lags a test at 5% rejected a true null in 9 to 11% of 1,500 simulated samples
    of 1,500 dates (horizons 5 and 20), with three times as many in 7 to 8%.

    Parameters
    ----------
    factor, outcome : float array, shape (T, N)
    horizon : int
        Days that the outcome spans, >= 1.
    ranks : float array, shape (T,), optional
        ``rank_ic(factor, outcome)``, from a caller who has it.

    Returns
    -------
    dict of str to float
        ``ic_mean``, ``ic_se``, ``ic_t``, ``rank_ic_mean``, ``rank_ic_se``, ``rank_ic_t``;
        ``icir``: mean over standard deviation (n - 1) of the daily rank IC, per date, not
        annualised; ``n_dates``: dates with a rank IC; ``coverage``: share of the known
        outcomes for which the factor is known. NaN where nothing can be said.
    """
    pearson = newey_west_t(ic(factor, outcome), overlap_lags(horizon))
    series = rank_ic(factor, outcome) if ranks is None else ranks
    spearman = newey_west_t(series, overlap_lags(horizon))
    return {
        "ic_mean": pearson.mean,
        "ic_se": pearson.standard_error,
        "ic_t": pearson.t,
        "rank_ic_mean": spearman.mean,
        "rank_ic_se": spearman.standard_error,
        "rank_ic_t": spearman.t,
        "icir": _ratio(series),
        "n_dates": int(np.isfinite(series).sum()),
        "coverage": coverage(factor, np.isfinite(outcome)),
    }


def _paired(factor: FloatArray, outcome: FloatArray) -> tuple[FloatArray, FloatArray, BoolArray]:
    valid: BoolArray = np.isfinite(factor) & np.isfinite(outcome)
    return np.where(valid, factor, np.nan), np.where(valid, outcome, np.nan), valid


def _constant(array: FloatArray) -> BoolArray:
    """Whether a row has a single value or none; exact, where a variance would round."""
    high = np.max(array, axis=1, where=~np.isnan(array), initial=-np.inf)
    low = np.min(array, axis=1, where=~np.isnan(array), initial=np.inf)
    constant: BoolArray = high <= low
    return constant


@njit(cache=True, nogil=True)
def _pearson(a: FloatArray, b: FloatArray) -> FloatArray:
    """Pearson's r of each row; `a` and `b` are NaN in the same cells.

    Of distances from the row's first value, over the largest of them, so that squares cannot
    overflow; NaN where these are but the rounding of that value.
    """
    out = np.full(len(a), np.nan)
    for t in range(len(a)):
        n, first, other = 0, 0.0, 0.0
        mean, level, far, wide = 0.0, 0.0, 0.0, 0.0
        for x, y in zip(a[t], b[t]):  # noqa: B905  # numba knows no strict
            if np.isnan(x):
                continue
            if n == 0:
                first, other = x, y
            n += 1
            mean, level = mean + (x - first), level + (y - other)
            far, wide = max(far, abs(x - first)), max(wide, abs(y - other))
        if n < MIN_VALID or far <= ROUNDING * abs(first) or wide <= ROUNDING * abs(other):
            continue
        mean, level, xx, yy, xy = mean / n, level / n, 0.0, 0.0, 0.0
        for x, y in zip(a[t], b[t]):  # noqa: B905
            if not np.isnan(x):
                e, f = ((x - first) - mean) / far, ((y - other) - level) / wide
                xx, yy, xy = xx + e * e, yy + f * f, xy + e * f
        out[t] = max(-1.0, min(1.0, xy / np.sqrt(xx * yy)))
    return out


def _ratio(series: FloatArray) -> float:
    values = series[np.isfinite(series)]
    if len(values) < 2 or values.min() == values.max():
        return np.nan
    return float(values.mean() / values.std(ddof=1))
