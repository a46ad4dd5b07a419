"""Array kernels of the time-series operators, and the operators on top of them.

Each function has the operator's name, takes (T, N) arrays and constants, and returns (T, N).
A window holds the rows t-d+1 … t that exist; NaN inputs are skipped; what a window cannot
tell is NaN. Every window is summed afresh, so a huge value leaves nothing behind when it
goes, and sums are taken from the window's first value, so a constant has no spread at all.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

FloatArray = npt.NDArray[np.float64]


@njit(cache=True)
def _sums(x: FloatArray, d: int) -> tuple[FloatArray, FloatArray]:
    """Number of values in each window, and their sum."""
    rows, columns = x.shape
    count = np.zeros((rows, columns))
    total = np.zeros((rows, columns))
    for t in range(rows):
        for k in range(max(0, t - d + 1), t + 1):
            for j in range(columns):
                v = x[k, j]
                if v == v:
                    count[t, j] += 1.0
                    total[t, j] += v
    return count, total


@njit(cache=True)
def _centred(x: FloatArray, d: int, power: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Number of values, Σ deviation², and Σ deviation^power of each window."""
    rows, columns = x.shape
    count = np.zeros((rows, columns))
    square = np.zeros((rows, columns))
    raised = np.zeros((rows, columns))
    first = np.empty(columns)
    mean = np.empty(columns)
    for t in range(rows):
        start = max(0, t - d + 1)
        first[:] = np.nan
        mean[:] = 0.0
        for k in range(start, t + 1):
            for j in range(columns):
                v = x[k, j]
                if v == v:
                    if first[j] != first[j]:
                        first[j] = v
                    count[t, j] += 1.0
                    mean[j] += v - first[j]
        for j in range(columns):
            if count[t, j] > 0.0:
                mean[j] /= count[t, j]
        for k in range(start, t + 1):
            for j in range(columns):
                v = x[k, j]
                if v == v:
                    dev = (v - first[j]) - mean[j]
                    square[t, j] += dev * dev
                    term = dev * dev
                    for _ in range(2, power):
                        term *= dev
                    raised[t, j] += term
    return count, square, raised


@njit(cache=True)
def _pairs(
    x: FloatArray, y: FloatArray, d: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Number of pairs, and the centred sums Σxx, Σxy, Σyy of each window's pairs."""
    rows, columns = x.shape
    count = np.zeros((rows, columns))
    xx = np.zeros((rows, columns))
    xy = np.zeros((rows, columns))
    yy = np.zeros((rows, columns))
    x0 = np.empty(columns)
    y0 = np.empty(columns)
    mx = np.empty(columns)
    my = np.empty(columns)
    for t in range(rows):
        start = max(0, t - d + 1)
        x0[:] = np.nan
        mx[:] = 0.0
        my[:] = 0.0
        for k in range(start, t + 1):
            for j in range(columns):
                a, b = x[k, j], y[k, j]
                if a == a and b == b:
                    if x0[j] != x0[j]:
                        x0[j], y0[j] = a, b
                    count[t, j] += 1.0
                    mx[j] += a - x0[j]
                    my[j] += b - y0[j]
        for j in range(columns):
            if count[t, j] > 0.0:
                mx[j] /= count[t, j]
                my[j] /= count[t, j]
        for k in range(start, t + 1):
            for j in range(columns):
                a, b = x[k, j], y[k, j]
                if a == a and b == b:
                    da = (a - x0[j]) - mx[j]
                    db = (b - y0[j]) - my[j]
                    xx[t, j] += da * da
                    xy[t, j] += da * db
                    yy[t, j] += db * db
    return count, xx, xy, yy


@njit(cache=True)
def _highest(x: FloatArray, d: int) -> tuple[FloatArray, FloatArray]:
    """Largest value of each window, and its place: 1 the oldest row, d the newest."""
    rows, columns = x.shape
    best = np.full((rows, columns), np.nan)
    place = np.full((rows, columns), np.nan)
    for t in range(rows):
        for k in range(max(0, t - d + 1), t + 1):
            for j in range(columns):
                v = x[k, j]
                if v == v and not best[t, j] >= v:
                    best[t, j] = v
                    place[t, j] = k - (t - d)
    return best, place


@njit(cache=True)
def ts_rank(x: FloatArray, d: int) -> FloatArray:
    rows, columns = x.shape
    out = np.full((rows, columns), np.nan)
    less = np.empty(columns)
    same = np.empty(columns)
    count = np.empty(columns)
    for t in range(rows):
        less[:] = 0.0
        same[:] = 0.0
        count[:] = 0.0
        for k in range(max(0, t - d + 1), t + 1):
            for j in range(columns):
                v = x[k, j]
                if v == v:
                    count[j] += 1.0
                    if v < x[t, j]:
                        less[j] += 1.0
                    elif v == x[t, j]:
                        same[j] += 1.0
        for j in range(columns):
            if x[t, j] == x[t, j]:
                out[t, j] = (less[j] + (same[j] + 1.0) / 2.0) / count[j]
    return out


@njit(cache=True)
def product(x: FloatArray, d: int) -> FloatArray:
    rows, columns = x.shape
    out = np.full((rows, columns), np.nan)
    for t in range(rows):
        for k in range(max(0, t - d + 1), t + 1):
            for j in range(columns):
                v = x[k, j]
                if v == v:
                    out[t, j] = v if out[t, j] != out[t, j] else out[t, j] * v
    return out


@njit(cache=True)
def decay_linear(x: FloatArray, d: int) -> FloatArray:
    rows, columns = x.shape
    out = np.full((rows, columns), np.nan)
    total = np.empty(columns)
    weight = np.empty(columns)
    for t in range(rows):
        total[:] = 0.0
        weight[:] = 0.0
        for k in range(max(0, t - d + 1), t + 1):
            w = float(k - (t - d))
            for j in range(columns):
                v = x[k, j]
                if v == v:
                    total[j] += w * v
                    weight[j] += w
        for j in range(columns):
            if weight[j] > 0.0:
                out[t, j] = total[j] / weight[j]
    return out


@njit(cache=True)
def ema(x: FloatArray, d: int) -> FloatArray:
    rows, columns = x.shape
    out = np.full((rows, columns), np.nan)
    alpha = 2.0 / (d + 1.0)
    state = np.full(columns, np.nan)
    for t in range(rows):
        for j in range(columns):
            v = x[t, j]
            if v == v:
                if state[j] == state[j]:
                    state[j] += alpha * (v - state[j])
                else:
                    state[j] = v
            out[t, j] = state[j]
    return out


@njit(cache=True)
def ts_quantile(x: FloatArray, d: int, q: float) -> FloatArray:
    rows, columns = x.shape
    out = np.full((rows, columns), np.nan)
    buffer = np.empty(d)
    for t in range(rows):
        for j in range(columns):
            count = 0
            for k in range(max(0, t - d + 1), t + 1):
                v = x[k, j]
                if v == v:
                    buffer[count] = v
                    count += 1
            if count > 0:
                window = np.sort(buffer[:count])
                place = q * (count - 1)
                low = int(np.floor(place))
                high = min(low + 1, count - 1)
                out[t, j] = window[low] + (place - low) * (window[high] - window[low])
    return out


def ts_sum(x: FloatArray, d: int) -> FloatArray:
    count, total = _sums(x, d)
    return np.where(count > 0, total, np.nan)


def ts_mean(x: FloatArray, d: int) -> FloatArray:
    count, total = _sums(x, d)
    return _ratio(total, count)


def ts_count(x: FloatArray, d: int) -> FloatArray:
    true = np.where(np.isnan(x), np.nan, (x != 0.0).astype(np.float64))
    return ts_sum(true, d)


def stddev(x: FloatArray, d: int) -> FloatArray:
    count, square, _ = _centred(x, d, 2)
    return np.sqrt(_ratio(square, count - 1.0))


def ts_skew(x: FloatArray, d: int) -> FloatArray:
    n, m2, m3 = _centred(x, d, 3)
    with np.errstate(all="ignore"):
        biased = (m3 / n) / (m2 / n) ** 1.5
        out = biased * np.sqrt(n * (n - 1.0)) / (n - 2.0)
    return np.where((n >= 3) & (m2 > 0.0), out, np.nan)


def ts_kurt(x: FloatArray, d: int) -> FloatArray:
    n, m2, m4 = _centred(x, d, 4)
    with np.errstate(all="ignore"):
        excess = (m4 / n) / (m2 / n) ** 2 - 3.0
        out = ((n + 1.0) * excess + 6.0) * (n - 1.0) / ((n - 2.0) * (n - 3.0))
    return np.where((n >= 4) & (m2 > 0.0), out, np.nan)


def ts_median(x: FloatArray, d: int) -> FloatArray:
    return ts_quantile(x, d, 0.5)  # type: ignore[no-any-return]  # numba is untyped


def ts_max(x: FloatArray, d: int) -> FloatArray:
    return _highest(x, d)[0]  # type: ignore[no-any-return]


def ts_min(x: FloatArray, d: int) -> FloatArray:
    return -_highest(-x, d)[0]  # type: ignore[no-any-return]


def ts_argmax(x: FloatArray, d: int) -> FloatArray:
    return _highest(x, d)[1]  # type: ignore[no-any-return]


def ts_argmin(x: FloatArray, d: int) -> FloatArray:
    return _highest(-x, d)[1]  # type: ignore[no-any-return]


def correlation(x: FloatArray, y: FloatArray, d: int) -> FloatArray:
    count, xx, xy, yy = _pairs(x, y, d)
    # sqrt by sqrt, not of the product: the product of small sums underflows
    out = _ratio(xy, np.sqrt(xx) * np.sqrt(yy))
    return np.where(count >= 2, np.clip(out, -1.0, 1.0), np.nan)


def covariance(x: FloatArray, y: FloatArray, d: int) -> FloatArray:
    count, _, xy, _ = _pairs(x, y, d)
    return _ratio(xy, count - 1.0)


def beta(y: FloatArray, x: FloatArray, d: int) -> FloatArray:
    _, xx, xy, _ = _pairs(x, y, d)
    return _ratio(xy, xx)


def resid_std(y: FloatArray, x: FloatArray, d: int) -> FloatArray:
    count, xx, xy, yy = _pairs(x, y, d)
    left = np.maximum(yy - xy * _ratio(xy, xx), 0.0)
    return np.sqrt(_ratio(left, count - 2.0))


def slope(x: FloatArray, d: int) -> FloatArray:
    time = np.repeat(np.arange(len(x), dtype=np.float64)[:, None], x.shape[1], axis=1)
    return beta(x, time, d)


def delay(x: FloatArray, d: int) -> FloatArray:
    out = np.full(x.shape, np.nan)
    if d == 0:
        return x.copy()
    out[d:] = x[:-d]
    return out


def delta(x: FloatArray, d: int) -> FloatArray:
    return x - delay(x, d)


def _ratio(top: FloatArray, bottom: FloatArray) -> FloatArray:
    """Top over bottom; NaN where the bottom is not positive."""
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0.0)
