"""The time-series operators, on arrays of shape (S, T): one series a row, dates along it.

Each function has the operator's name, takes arrays and constants, and returns an array. A
window holds the rows t-d+1 … t that exist; NaN inputs are skipped; what a window cannot tell
is NaN. Every value depends on its own window's rows alone, bit for bit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.expr import lagging, merging, spreads, trailing

FloatArray = npt.NDArray[np.float64]


def delay(x: FloatArray, d: int) -> FloatArray:
    out = np.full_like(x, np.nan)
    out[:, d:] = x[:, :-d]
    return out


def delta(x: FloatArray, d: int) -> FloatArray:
    out = np.full_like(x, np.nan)
    np.subtract(x[:, d:], x[:, :-d], out=out[:, d:])
    return out


def ts_sum(x: FloatArray, d: int) -> FloatArray:
    count, total = _sums(x, d)
    total[count == 0.0] = np.nan
    return total


def ts_mean(x: FloatArray, d: int) -> FloatArray:
    count, total = _sums(x, d)
    return np.divide(total, count, out=total)  # 0 / 0 is NaN


def ts_count(x: FloatArray, d: int) -> FloatArray:
    true = (x != 0.0).astype(x.dtype)
    true[np.isnan(x)] = np.nan
    return ts_sum(true, d)


def ts_known(x: FloatArray, d: int) -> FloatArray:
    return _sums(x, d)[0]


def stddev(x: FloatArray, d: int) -> FloatArray:
    return np.sqrt(ts_var(x, d))


def ts_var(x: FloatArray, d: int) -> FloatArray:
    out = np.empty_like(x)
    spreads.variances(x, d, out)
    return out


def ts_mad(x: FloatArray, d: int) -> FloatArray:
    state = _moments(x, d, 4)
    out = np.empty_like(x)
    trailing.distances(x, d, state[1], state[2], out)
    return out


def ts_skew(x: FloatArray, d: int) -> FloatArray:
    state = _moments(x, d, 6)
    n, m2, m3 = state[0], state[3], state[4]
    biased = (m3 / n) / (m2 / n) ** 1.5
    out = biased * np.sqrt(n * (n - 1.0)) / (n - 2.0)
    return np.where((n >= 3) & (m2 > 0.0), out, np.nan)


def ts_kurt(x: FloatArray, d: int) -> FloatArray:
    state = _moments(x, d, 6)
    n, m2, m4 = state[0], state[3], state[5]
    excess = (m4 / n) / (m2 / n) ** 2 - 3.0
    out = ((n + 1.0) * excess + 6.0) * (n - 1.0) / ((n - 2.0) * (n - 3.0))
    return np.where((n >= 4) & (m2 > 0.0), out, np.nan)


def ts_max(x: FloatArray, d: int) -> FloatArray:
    return _extremes(x, d, 1.0)[0]


def ts_min(x: FloatArray, d: int) -> FloatArray:
    return -_extremes(x, d, -1.0)[0]


def ts_argmax(x: FloatArray, d: int) -> FloatArray:
    return _extremes(x, d, 1.0)[1]


def ts_argmin(x: FloatArray, d: int) -> FloatArray:
    return _extremes(x, d, -1.0)[1]


def ts_idxmax(x: FloatArray, d: int) -> FloatArray:
    return ts_argmax(x, d) - _skipped(x, d)


def ts_idxmin(x: FloatArray, d: int) -> FloatArray:
    return ts_argmin(x, d) - _skipped(x, d)


def ts_rank(x: FloatArray, d: int) -> FloatArray:
    out = np.empty_like(x)
    lagging.ranks(x, d, out)
    return out


def ts_quantile(x: FloatArray, d: int, q: float) -> FloatArray:
    out = np.empty_like(x)
    lagging.quantiles(x, d, q, out)
    return out


def ts_median(x: FloatArray, d: int) -> FloatArray:
    return ts_quantile(x, d, 0.5)


def product(x: FloatArray, d: int) -> FloatArray:
    out = np.empty_like(x)
    lagging.products(x, d, out)
    return out


def decay_linear(x: FloatArray, d: int) -> FloatArray:
    out = np.empty_like(x)
    lagging.decays(x, d, out)
    return out


def ema(x: FloatArray, d: int) -> FloatArray:
    out = np.empty_like(x)
    lagging.emas(x, d, out)
    return out


def ewma(x: FloatArray, d: int) -> FloatArray:
    out = np.empty_like(x)
    trailing.ewmas(x, d, out)
    return out


def correlation(x: FloatArray, y: FloatArray, d: int) -> FloatArray:
    out = np.empty_like(x)
    spreads.correlations(x, y, d, out)
    return out


def covariance(x: FloatArray, y: FloatArray, d: int) -> FloatArray:
    state = _pairs(x, y, d)
    return _ratio(state[7], state[0] - 1.0)


def beta(y: FloatArray, x: FloatArray, d: int) -> FloatArray:
    state = _pairs(x, y, d)
    return _ratio(state[7], state[3])


def resid_std(y: FloatArray, x: FloatArray, d: int) -> FloatArray:
    lost = np.isnan(x) | np.isnan(y)
    x, y = np.where(lost, np.nan, x), np.where(lost, np.nan, y)
    state = _pairs(x, y, d)
    # not Σyy - Σxy²/Σxx: where the fit is close, that is the rounding of its terms
    left = np.empty_like(x)
    slopes = _ratio(state[7], state[3])
    lagging.misfits(x, y, state[1], state[4], slopes, d, left)
    return np.where(state[3] > 0.0, np.sqrt(_ratio(left, state[0] - 2.0)), np.nan)


def slope(x: FloatArray, d: int) -> FloatArray:
    return beta(x, _time(x), d)


def rsquare(x: FloatArray, d: int) -> FloatArray:
    found = correlation(x, _time(x), d)
    return found * found


def resi(x: FloatArray, d: int) -> FloatArray:
    time = _time(x)
    state = _pairs(time, x, d)
    beside = ((time - state[1]) - state[2]) * _ratio(state[7], state[3])
    left: FloatArray = ((x - state[4]) - state[5]) - beside
    return left


def _time(x: FloatArray) -> FloatArray:
    """The row number, in the shape of x."""
    return np.ascontiguousarray(np.broadcast_to(np.arange(x.shape[1], dtype=x.dtype), x.shape))


def _skipped(x: FloatArray, d: int) -> FloatArray:
    """Rows of the window (of d rows, whether they exist or not) before its first value."""
    return ts_argmin(np.where(np.isnan(x), np.nan, _time(x)), d) - 1.0


def _sums(x: FloatArray, d: int) -> tuple[FloatArray, FloatArray]:
    count, total = np.empty_like(x), np.empty_like(x)
    merging.sums(x, d, count, total)
    return count, total


def _moments(x: FloatArray, d: int, parts: int) -> FloatArray:
    out = np.empty((parts, *x.shape), x.dtype)
    spreads.moments(x, d, out)
    return out


def _pairs(x: FloatArray, y: FloatArray, d: int) -> FloatArray:
    out = np.empty((8, *x.shape), x.dtype)
    spreads.pairs(x, y, d, out)
    return out


def _extremes(x: FloatArray, d: int, sign: float) -> tuple[FloatArray, FloatArray]:
    """Value, and place in the window: 1 the oldest row, d the newest."""
    top, place = np.empty_like(x), np.empty_like(x)
    merging.extremes(x, d, sign, top, place)
    none = np.isneginf(top)
    place -= np.arange(x.shape[1], dtype=x.dtype) - d
    top[none] = np.nan
    place[none] = np.nan
    return top, place


def _ratio(top: FloatArray, bottom: FloatArray) -> FloatArray:
    """Top over bottom; NaN where the bottom is not positive."""
    out = np.full_like(top, np.nan)
    np.divide(top, bottom, out=out, where=bottom > 0.0)
    return out
