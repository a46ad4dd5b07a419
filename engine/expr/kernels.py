"""The time-series operators, on arrays of shape (T, S): dates along a column, a series each.

Each function has the operator's name and takes arrays, constants and the array to fill, which
is none of the others. Arrays end with the row with which that one ends, and may begin earlier.
A window holds the rows t-d+1 … t that exist; NaN inputs are skipped; what a window cannot tell
is NaN. Every value depends on its own window's rows alone, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from engine.expr import lagging, merging, sorting, spreads, trailing
from engine.panel import FloatArray


def delay(x: FloatArray, d: int, out: FloatArray) -> None:
    old = _before(x, d, out)
    out[: len(out) - len(old)] = np.nan
    out[len(out) - len(old) :] = old


def delta(x: FloatArray, d: int, out: FloatArray) -> None:
    old = _before(x, d, out)
    out[: len(out) - len(old)] = np.nan
    np.subtract(x[len(x) - len(old) :], old, out=out[len(out) - len(old) :])


def ts_sum(x: FloatArray, d: int, out: FloatArray) -> None:
    merging.sums(x, d, merging.TOTAL, out)


def ts_mean(x: FloatArray, d: int, out: FloatArray) -> None:
    merging.sums(x, d, merging.MEAN, out)


def ts_count(x: FloatArray, d: int, out: FloatArray) -> None:
    true = (x != 0.0).astype(x.dtype)
    true[np.isnan(x)] = np.nan
    true.flags.writeable = False
    merging.sums(true, d, merging.TOTAL, out)


def ts_known(x: FloatArray, d: int, out: FloatArray) -> None:
    merging.sums(x, d, merging.KNOWN, out)


def product(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(lagging.products, d, (x,), out)


def ts_max(x: FloatArray, d: int, out: FloatArray) -> None:
    merging.greatest(x, d, 1.0, out)


def ts_min(x: FloatArray, d: int, out: FloatArray) -> None:
    merging.greatest(x, d, -1.0, out)


def ts_argmax(x: FloatArray, d: int, out: FloatArray) -> None:
    merging.places(x, d, 1.0, out)


def ts_argmin(x: FloatArray, d: int, out: FloatArray) -> None:
    merging.places(x, d, -1.0, out)


def ts_idxmax(x: FloatArray, d: int, out: FloatArray) -> None:
    merging.places(x, d, 1.0, out)
    out -= _skipped(x, d, out)


def ts_idxmin(x: FloatArray, d: int, out: FloatArray) -> None:
    merging.places(x, d, -1.0, out)
    out -= _skipped(x, d, out)


def stddev(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(spreads.moments, d, (x,), out, spreads.DEVIATION)


def ts_var(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(spreads.moments, d, (x,), out, spreads.VARIANCE)


def ts_mad(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(spreads.moments, d, (x,), out, spreads.DISTANCE)


def ts_skew(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(spreads.moments, d, (x,), out, spreads.SKEWNESS)


def ts_kurt(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(spreads.moments, d, (x,), out, spreads.KURTOSIS)


def ts_rank(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(lagging.ranks, d, (x,), out)


def decay_linear(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(lagging.decays, d, (x,), out, float(d))


def ts_quantile(x: FloatArray, d: int, q: float, out: FloatArray) -> None:
    sorting.quantiles(x, d, q, out)


def ts_median(x: FloatArray, d: int, out: FloatArray) -> None:
    sorting.quantiles(x, d, 0.5, out)


def ema(x: FloatArray, d: int, out: FloatArray) -> None:
    trailing.emas(x, d, out)


def ewma(x: FloatArray, d: int, out: FloatArray) -> None:
    trailing.ewmas(x, d, out)


def correlation(x: FloatArray, y: FloatArray, d: int, out: FloatArray) -> None:
    _over(spreads.pairs, d, (x, y), out, spreads.CORRELATION)


def covariance(x: FloatArray, y: FloatArray, d: int, out: FloatArray) -> None:
    _over(spreads.pairs, d, (x, y), out, spreads.COVARIANCE)


def beta(y: FloatArray, x: FloatArray, d: int, out: FloatArray) -> None:
    _over(spreads.pairs, d, (x, y), out, spreads.SLOPE)


def resid_std(y: FloatArray, x: FloatArray, d: int, out: FloatArray) -> None:
    _over(spreads.pairs, d, (x, y), out, spreads.MISFIT)


def slope(x: FloatArray, d: int, out: FloatArray) -> None:
    beta(x, _time(x), d, out)


def rsquare(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(spreads.pairs, d, (_time(x), x), out, spreads.SQUARE)


def resi(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(spreads.pairs, d, (_time(x), x), out, spreads.REST)


def _before(x: FloatArray, d: int, out: FloatArray) -> FloatArray:
    """The rows d before those of `out`, as far as there are any."""
    return x[max(len(x) - len(out) - d, 0) : max(len(x) - d, 0)]


def _over(
    kernel: Callable[..., None], d: int, arrays: tuple[FloatArray, ...], out: FloatArray, *more: Any
) -> None:
    """Run a kernel that reads d - 1 rows before each of its own: NaN before the first row."""
    rows = len(arrays[0])
    d = min(d, rows)
    first = rows - len(out)  # row of the arrays that is the first of `out`
    head = min(max(d - 1 - first, 0), len(out))
    if head:
        padded = [_padded(array[: first + head], d - 1 - first) for array in arrays]
        kernel(*padded, d - 1, d, *more, out[:head])
    kernel(*arrays, first + head, d, *more, out[head:])


def _padded(x: FloatArray, rows: int) -> FloatArray:
    """As many rows of NaN, and x."""
    padded = np.full((rows + len(x), x.shape[1]), np.nan, x.dtype)
    padded[rows:] = x
    padded.flags.writeable = False  # as x: kernels are compiled for each
    return padded


def _time(x: FloatArray) -> FloatArray:
    """The row number, in the shape of x."""
    time = np.empty_like(x)
    time[:] = np.arange(len(x))[:, None]
    time.flags.writeable = False
    return time


def _skipped(x: FloatArray, d: int, out: FloatArray) -> FloatArray:
    """Rows of the window (of d rows, whether they exist or not) before its first value."""
    time = np.where(np.isnan(x), x, _time(x))
    time.flags.writeable = False
    place = np.empty_like(out)
    merging.places(time, d, -1.0, place)
    place -= 1.0
    return place
