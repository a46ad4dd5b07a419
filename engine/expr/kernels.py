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

from engine.core.panel import FloatArray
from engine.expr import lagging, merging, sorting, spreads, states, trailing
from engine.expr.roundoff import rounding
from engine.expr.spanning import cut_alike

ROWS = 512  # copied at a time, at most, unless windows are longer


def delay(x: FloatArray, d: int, out: FloatArray) -> None:
    old = _before(x, d, out)
    out[: len(out) - len(old)] = np.nan
    out[len(out) - len(old) :] = old


def delta(x: FloatArray, d: int, out: FloatArray) -> None:
    old = _before(x, d, out)
    out[: len(out) - len(old)] = np.nan
    np.subtract(x[len(x) - len(old) :], old, out=out[len(out) - len(old) :])


def ts_sum(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(merging.sums, d, (x,), out, merging.TOTAL)


def ts_mean(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(merging.sums, d, (x,), out, merging.MEAN)


def ts_count(x: FloatArray, d: int, out: FloatArray) -> None:
    true = (x != 0.0).astype(x.dtype)
    true[np.isnan(x)] = np.nan
    true.flags.writeable = False
    _over(merging.sums, d, (true,), out, merging.TOTAL)


def ts_known(x: FloatArray, d: int, out: FloatArray) -> None:
    there = (~np.isnan(x)).astype(x.dtype)
    there.flags.writeable = False
    _over(merging.sums, d, (there,), out, merging.TOTAL)


def product(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(lagging.products, d, (x,), out)


def ts_max(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(merging.greatest, d, (x,), out, 1.0)


def ts_min(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(merging.greatest, d, (x,), out, -1.0)


def ts_argmax(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(merging.places, d, (x,), out, 1.0, d)


def ts_argmin(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(merging.places, d, (x,), out, -1.0, d)


def ts_idxmax(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(merging.places, d, (x,), out, 1.0, 0)


def ts_idxmin(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(merging.places, d, (x,), out, -1.0, 0)


def stddev(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(spreads.moments, d, (x,), out, spreads.DEVIATION, rounding(x))


def ts_var(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(spreads.moments, d, (x,), out, spreads.VARIANCE, rounding(x))


def ts_mad(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(spreads.moments, d, (x,), out, spreads.DISTANCE, rounding(x))


def ts_skew(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(spreads.moments, d, (x,), out, spreads.SKEWNESS, rounding(x))


def ts_kurt(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(spreads.moments, d, (x,), out, spreads.KURTOSIS, rounding(x))


def ts_rank(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(lagging.ranks, d, (x,), out)


def decay_linear(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(lagging.decays, d, (x,), out, float(d))


def decay_exp(x: FloatArray, d: int, f: float, out: FloatArray) -> None:
    _over(lagging.fades, d, (x,), out, f)


def ts_quantile(x: FloatArray, d: int, q: float, out: FloatArray) -> None:
    _over(sorting.quantiles, d, (x,), out, q)


def ts_median(x: FloatArray, d: int, out: FloatArray) -> None:
    _over(sorting.quantiles, d, (x,), out, 0.5)


def ema(x: FloatArray, d: int, out: FloatArray) -> None:
    trailing.emas(x, 1.0 - 2.0 / (d + 1.0), out)


def smooth(x: FloatArray, d: int, m: float, out: FloatArray) -> None:
    trailing.emas(x, 1.0 - m / d, out)


def adapt(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    states.adaptive(x, y, out)


def trade_when(x: FloatArray, y: FloatArray, z: FloatArray, out: FloatArray) -> None:
    states.trades(x, y, z, out)


def hump(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    states.humps(x, y, out)


def bars_since(x: FloatArray, out: FloatArray) -> None:
    states.ages(x, out)


def thin(x: FloatArray, d: int, out: FloatArray) -> None:
    states.firsts(x, d, out)


def ts_backfill(x: FloatArray, d: int, out: FloatArray) -> None:
    states.backfills(x, d, out)


def ewma(x: FloatArray, d: int, out: FloatArray) -> None:
    trailing.ewmas(x, d, out)


def correlation(x: FloatArray, y: FloatArray, d: int, out: FloatArray) -> None:
    _pairs(x, y, d, out, spreads.CORRELATION)


def covariance(x: FloatArray, y: FloatArray, d: int, out: FloatArray) -> None:
    _pairs(x, y, d, out, spreads.COVARIANCE)


def beta(y: FloatArray, x: FloatArray, d: int, out: FloatArray) -> None:
    _pairs(x, y, d, out, spreads.SLOPE)


def resid_std(y: FloatArray, x: FloatArray, d: int, out: FloatArray) -> None:
    _pairs(x, y, d, out, spreads.MISFIT)


def slope(x: FloatArray, d: int, out: FloatArray) -> None:
    _pairs(_time(x), x, d, out, spreads.SLOPE, of_x=0.0)


def rsquare(x: FloatArray, d: int, out: FloatArray) -> None:
    _pairs(_time(x), x, d, out, spreads.SQUARE, of_x=0.0)


def resi(x: FloatArray, d: int, out: FloatArray) -> None:
    _pairs(_time(x), x, d, out, spreads.REST, of_x=0.0)


def _pairs(
    x: FloatArray, y: FloatArray, d: int, out: FloatArray, kind: int, of_x: float | None = None
) -> None:
    """Run the kernel of pairs; `of_x` is the rounding of x where its type does not tell it."""
    of_x = rounding(x) if of_x is None else of_x
    _over(spreads.pairs, d, (x, y), out, kind, of_x, rounding(y))


def _before(x: FloatArray, d: int, out: FloatArray) -> FloatArray:
    """The rows d before those of `out`, as far as there are any."""
    return x[max(len(x) - len(out) - d, 0) : max(len(x) - d, 0)]


def _over(
    kernel: Callable[..., None], d: int, arrays: tuple[FloatArray, ...], out: FloatArray, *more: Any
) -> None:
    """Run a kernel on some rows at a time: it copies them, and the d - 1 before them."""
    d, days = min(d, len(arrays[0])), len(out)
    for rows in cut_alike(days, max(ROWS, d)):
        parts = [array[: len(array) - days + rows.stop] for array in arrays]
        kernel(*parts, d, *more, out[rows])


def _time(x: FloatArray) -> FloatArray:
    """The row number, in the shape of x."""
    time = np.empty_like(x)
    time[:] = np.arange(len(x))[:, None]
    time.flags.writeable = False
    return time
