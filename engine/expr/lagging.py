"""Window kernels that look at one lag after the other, or keep the window sorted.

Arrays have shape (S, T): one series a row. Lags are taken for `STRIP` rows at a time, so
that what is added up stays in the nearest cache.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]
STRIP = 512


@njit(cache=True, nogil=True)
def ranks(x: Array, d: int, out: Array) -> None:
    """Average rank of each value among its window's, over their count."""
    rows = x.shape[1]
    below, count = np.empty(STRIP, x.dtype), np.empty(STRIP, x.dtype)
    for s in range(len(x)):
        xs = x[s]
        for start in range(0, rows, STRIP):
            now = xs[start : start + STRIP]
            width = len(now)
            below[:] = 1.0  # twice the rank: 2 for each lesser value, 1 for each equal one
            count[:] = 1.0
            for lag in range(1, min(d, start + width)):
                first = max(0, lag - start)
                old = xs[start + first - lag : start + width - lag]
                new, under, known = now[first:], below[first:width], count[first:width]
                for t in range(len(old)):
                    o, v = old[t], new[t]
                    under[t] += (2.0 if o < v else 0.0) + (1.0 if o == v else 0.0)
                    known[t] += 1.0 if not np.isnan(o) else 0.0
            to = out[s, start : start + STRIP]
            for t in range(width):
                to[t] = (below[t] + 1.0) * 0.5 / count[t] if not np.isnan(now[t]) else np.nan


@njit(cache=True, nogil=True)
def decays(x: Array, d: int, out: Array) -> None:
    """Mean with weights from d, the newest row's, down to 1."""
    rows = x.shape[1]
    total, weight = np.empty(STRIP, x.dtype), np.empty(STRIP, x.dtype)
    value, known = np.empty(rows, x.dtype), np.empty(rows, x.dtype)
    for s in range(len(x)):
        xs = x[s]
        for t in range(rows):
            value[t] = xs[t] if not np.isnan(xs[t]) else 0.0
        for t in range(rows):
            known[t] = 1.0 if not np.isnan(xs[t]) else 0.0
        for start in range(0, rows, STRIP):
            width = min(STRIP, rows - start)
            total[:] = 0.0
            weight[:] = 0.0
            for lag in range(min(d, start + width)):
                first, w = max(0, lag - start), x.dtype.type(d - lag)
                v = value[start + first - lag : start + width - lag]
                k = known[start + first - lag : start + width - lag]
                sum_, all_ = total[first:width], weight[first:width]
                for t in range(len(v)):
                    sum_[t] += w * v[t]
                    all_[t] += w * k[t]
            to = out[s, start : start + STRIP]
            for t in range(width):
                to[t] = total[t] / weight[t] if weight[t] > 0.0 else np.nan


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
def quantiles(x: Array, d: int, q: float, out: Array) -> None:
    """Quantile q of each window, interpolated linearly, from a window that is kept sorted."""
    rows = x.shape[1]
    window = np.empty(min(d, rows) + 1, x.dtype)
    for s in range(len(x)):
        xs, to = x[s], out[s]
        n = 0
        for t in range(rows):
            if t >= d and not np.isnan(xs[t - d]):
                n -= 1
                at = np.searchsorted(window[: n + 1], xs[t - d])
                for k in range(at, n):
                    window[k] = window[k + 1]
            v = xs[t]
            if not np.isnan(v):
                at = n
                while at > 0 and window[at - 1] > v:
                    window[at] = window[at - 1]
                    at -= 1
                window[at] = v
                n += 1
            if n > 0:
                place = q * (n - 1)
                low = int(place)
                high = min(low + 1, n - 1)
                to[t] = window[low] + (place - low) * (window[high] - window[low])
            else:
                to[t] = np.nan


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
    """Rows `start` to `stop` of the transpose; by small squares, for the cache's sake."""
    rows = array.shape[0]
    stop = min(stop, len(out))
    for corner in range(0, rows, 16):
        end = min(corner + 16, rows)
        for left in range(start, stop, 16):
            for j in range(left, min(left + 16, stop)):
                for t in range(corner, end):
                    out[j, t] = array[t, j]
