"""Window kernels that look at one lag after the other, or keep the window sorted.

Arrays have shape (S, T): one series a row. Lags are taken for `STRIP` rows at a time, so
that what is added up stays in the nearest cache.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from engine.expr.merging import leaf
from engine.expr.spreads import whole_fours

Array = npt.NDArray[np.float64]
STRIP = 512


@njit(cache=True, nogil=True)
def _below(old: Array, new: Array, twice: Array, count: Array) -> None:
    """Add one lag: 2 for a lesser value, 1 for an equal one; and 1 for any value."""
    for t in range(len(new)):
        o, v = old[t], new[t]
        twice[t] += (2.0 if o < v else 0.0) + (1.0 if o == v else 0.0)
        count[t] += 0.0 if np.isnan(o) else 1.0


@njit(cache=True, nogil=True)
def _four_below(old: Array, new: Array, twice: Array, count: Array) -> None:
    """Add four lags, the oldest first."""
    for t in range(len(new)):
        a, b, c, d, v = old[t], old[t + 1], old[t + 2], old[t + 3], new[t]
        twice[t] += (
            ((2.0 if a < v else 0.0) + (1.0 if a == v else 0.0))
            + ((2.0 if b < v else 0.0) + (1.0 if b == v else 0.0))
            + ((2.0 if c < v else 0.0) + (1.0 if c == v else 0.0))
            + ((2.0 if d < v else 0.0) + (1.0 if d == v else 0.0))
        )
        count[t] += (
            (0.0 if np.isnan(a) else 1.0)
            + (0.0 if np.isnan(b) else 1.0)
            + (0.0 if np.isnan(c) else 1.0)
            + (0.0 if np.isnan(d) else 1.0)
        )


@njit(cache=True, nogil=True)
def ranks(x: Array, d: int, out: Array) -> None:
    """Average rank of each value among its window's, over their count."""
    rows = x.shape[1]
    lags = min(d, rows)
    padded, twice, count = np.full(lags + rows, np.nan), np.empty(rows), np.empty(rows)
    for s in range(len(x)):
        padded[lags:] = x[s]
        twice[:] = 1.0
        count[:] = 0.0
        for start in range(0, rows, STRIP):
            stop = min(start + STRIP, rows)
            new, under, known = x[s, start:stop], twice[start:stop], count[start:stop]
            lag = 0
            while lag < min(lags, stop):
                end = lags + stop - lag
                if lag + 4 <= lags:
                    _four_below(padded[lags + start - lag - 3 : end], new, under, known)
                    lag += 4
                else:
                    _below(padded[lags + start - lag : end], new, under, known)
                    lag += 1
        to, new = out[s], x[s]
        for t in range(rows):
            rank = twice[t] * 0.5 / max(count[t], 1.0)  # the value equals itself: 1 too many
            to[t] = np.nan if np.isnan(new[t]) else rank


@njit(cache=True, nogil=True)
def _weighed(v: Array, k: Array, w: float, total: Array, weight: Array) -> None:
    """Add one lag."""
    for t in range(len(total)):
        total[t] += w * v[t]
        weight[t] += w * k[t]


@njit(cache=True, nogil=True)
def _four_weighed(v: Array, k: Array, w: float, total: Array, weight: Array) -> None:
    """Add four lags, the oldest first; `w` is the newest one's weight."""
    for t in range(len(total)):
        total[t] += ((w - 3.0) * v[t] + (w - 2.0) * v[t + 1]) + (
            (w - 1.0) * v[t + 2] + w * v[t + 3]
        )
        weight[t] += ((w - 3.0) * k[t] + (w - 2.0) * k[t + 1]) + (
            (w - 1.0) * k[t + 2] + w * k[t + 3]
        )


@njit(cache=True, nogil=True)
def decays(x: Array, d: int, out: Array) -> None:
    """Mean with weights from d, the newest row's, down to 1."""
    rows = x.shape[1]
    lags = whole_fours(d, rows)
    value, known = np.zeros(lags + rows), np.zeros(lags + rows)
    total, weight = np.empty(rows), np.empty(rows)
    for s in range(len(x)):
        leaf(x[s], value[lags:], known[lags:])
        total[:] = 0.0
        weight[:] = 0.0
        for start in range(0, rows, STRIP):
            stop = min(start + STRIP, rows)
            some, all_ = total[start:stop], weight[start:stop]
            lag = 0
            while lag < min(lags, stop):
                end, w = lags + stop - lag, float(d - lag)
                if lag + 4 <= lags:
                    old = lags + start - lag - 3
                    _four_weighed(value[old:end], known[old:end], w, some, all_)
                    lag += 4
                else:
                    old = lags + start - lag
                    _weighed(value[old:end], known[old:end], w, some, all_)
                    lag += 1
        to = out[s]
        for t in range(rows):
            ratio = total[t] / max(weight[t], 1.0)
            to[t] = ratio if weight[t] > 0.0 else np.nan


@njit(cache=True, nogil=True)
def misfits(x: Array, y: Array, x0: Array, y0: Array, slopes: Array, d: int, out: Array) -> None:
    """Σ (what slope · x leaves of y, centred)² of each window; x and y share their NaN."""
    rows = x.shape[1]
    count, mean = np.empty(STRIP, x.dtype), np.empty(STRIP, x.dtype)
    for s in range(len(x)):
        for start in range(0, rows, STRIP):
            width = min(STRIP, rows - start)
            stop = start + width
            to = out[s, start:stop]
            count[:] = 0.0
            mean[:] = 0.0
            to[:] = 0.0
            for again in range(2):
                for lag in range(min(d, stop)):
                    first = max(0, lag - start)
                    old, left = slice(start + first - lag, stop - lag), slice(start + first, stop)
                    a, b = x[s, old], y[s, old]
                    a0, b0, k = x0[s, left], y0[s, left], slopes[s, left]
                    n, m, o = count[first:width], mean[first:width], to[first:]
                    if again:
                        for t in range(len(a)):
                            v = ((b[t] - b0[t]) - k[t] * (a[t] - a0[t])) - m[t]
                            o[t] += v * v if not np.isnan(v) else 0.0
                    else:
                        for t in range(len(a)):
                            v = (b[t] - b0[t]) - k[t] * (a[t] - a0[t])
                            n[t] += 1.0 if not np.isnan(v) else 0.0
                            m[t] += v if not np.isnan(v) else 0.0
                if not again:
                    for t in range(width):
                        mean[t] /= max(count[t], 1.0)


@njit(cache=True, nogil=True)
def _lesser(window: Array, v: float) -> int:
    """How many are less than `v`; counting them all vectorises, a search would not."""
    count = 0
    for k in range(len(window)):
        count += 1 if window[k] < v else 0
    return count


@njit(cache=True, nogil=True)
def _moved(window: Array, n: int, old: float, new: float) -> int:
    """Take `old` out of the first n sorted values, put `new` in (NaN: none); how many remain."""
    gone = n if np.isnan(old) else _lesser(window[:n], old)
    place = n if np.isnan(new) else _lesser(window[:n], new)
    if np.isnan(new) and np.isnan(old):
        return n
    if place > gone:
        place -= 1  # it is counted with the one that goes
        for k in range(gone, place):
            window[k] = window[k + 1]
    else:
        for k in range(gone, place, -1):
            window[k] = window[k - 1]
    if np.isnan(new):
        return n - 1
    window[place] = new
    return n if not np.isnan(old) else n + 1


@njit(cache=True, nogil=True)
def quantiles(x: Array, d: int, q: float, out: Array) -> None:
    """Quantile q of each window, interpolated linearly, from a window that is kept sorted."""
    rows = x.shape[1]
    window = np.empty(min(d, rows) + 1, x.dtype)
    for s in range(len(x)):
        xs, to = x[s], out[s]
        n = 0
        for t in range(rows):
            n = _moved(window, n, xs[t - d] if t >= d else np.nan, xs[t])
            place = q * (n - 1)
            low = int(place)
            high = min(low + 1, n - 1)
            between = window[low] + (place - low) * (window[high] - window[low])
            to[t] = between if n > 0 else np.nan


@njit(cache=True, nogil=True)
def emas(x: Array, d: int, out: Array) -> None:
    """Exponential mean with weight 2/(d+1), started at the first value."""
    left = x.dtype.type(1.0 - 2.0 / (d + 1.0))
    for s in range(len(x)):
        xs, to = x[s], out[s]
        state = x.dtype.type(np.nan)
        for t in range(len(xs)):
            v = xs[t]
            if not np.isnan(v):
                state = v + left * (state - v) if not np.isnan(state) else v
            to[t] = state


@njit(cache=True, nogil=True)
def products(x: Array, d: int, out: Array) -> None:
    """Product of each window's values, the oldest first; NaN for none."""
    rows = x.shape[1]
    for s in range(len(x)):
        xs, to = x[s], out[s]
        to[:] = np.nan
        for lag in range(min(d, rows) - 1, -1, -1):
            now = to[lag:]
            for t in range(len(now)):
                v, o = xs[t], now[t]
                now[t] = o if np.isnan(v) else (v if np.isnan(o) else o * v)


@njit(cache=True, nogil=True)
def turn(array: Array, start: int, stop: int, out: Array) -> None:
    """Rows `start` to `stop` of the transpose; by small tiles, for the cache's sake."""
    rows = array.shape[0]
    stop = min(stop, len(out))
    for left in range(start, stop, 128):
        for corner in range(0, rows, 8):
            end = min(corner + 8, rows)
            for j in range(left, min(left + 128, stop)):
                for t in range(corner, end):
                    out[j, t] = array[t, j]


@njit(cache=True, nogil=True)
def finite(array: Array) -> None:
    """Put the one NaN in the place of what is not finite: processors make several, by its place."""
    for j in range(len(array)):
        v = array[j]
        array[j] = v if np.isfinite(v) else np.nan
