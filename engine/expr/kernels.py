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
                count[t, j] += 0.0 if np.isnan(v) else 1.0  # no branches: columns vectorise
                total[t, j] += 0.0 if np.isnan(v) else v
    return count, total


@njit(cache=True)
def _first(x: FloatArray, d: int) -> FloatArray:
    """Oldest value of each window."""
    rows, columns = x.shape
    out = np.full((rows, columns), np.nan)
    value = np.full(columns, np.nan)
    place = np.full(columns, rows)
    for k in range(rows - 1, -1, -1):
        for j in range(columns):
            if not np.isnan(x[k, j]):
                value[j] = x[k, j]
                place[j] = k
        for t in range(k + d - 1 if k > 0 else 0, min(k + d, rows)):  # windows that open at k
            for j in range(columns):
                if place[j] <= t:
                    out[t, j] = value[j]
    return out


@njit(cache=True)
def _centred(x: FloatArray, d: int, power: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Number of values, Σ deviation², and Σ deviation^power (3 or 4) of each window."""
    rows, columns = x.shape
    count = np.zeros((rows, columns))
    square = np.zeros((rows, columns))
    raised = np.zeros((rows, columns))
    mean = np.empty(columns)
    first = _first(x, d)
    for t in range(rows):
        mean[:] = 0.0
        for k in range(max(0, t - d + 1), t + 1):
            for j in range(columns):
                v = x[k, j] - first[t, j]
                count[t, j] += 0.0 if np.isnan(v) else 1.0
                mean[j] += 0.0 if np.isnan(v) else v
        mean /= np.maximum(count[t], 1.0)
        for k in range(max(0, t - d + 1), t + 1):
            for j in range(columns):
                v = (x[k, j] - first[t, j]) - mean[j]
                v = 0.0 if np.isnan(v) else v
                square[t, j] += v * v
                raised[t, j] += v * v * (v if power == 3 else v * v)
    return count, square, raised


@njit(cache=True)
def _paired_sums(
    x: FloatArray, y: FloatArray, d: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Number of pairs and the centred sums Σxx, Σxy, Σyy, where x and y share their NaN."""
    rows, columns = x.shape
    count = np.zeros((rows, columns))
    xx = np.zeros((rows, columns))
    xy = np.zeros((rows, columns))
    yy = np.zeros((rows, columns))
    mx = np.empty(columns)
    my = np.empty(columns)
    x0 = _first(x, d)
    y0 = _first(y, d)
    for t in range(rows):
        mx[:] = 0.0
        my[:] = 0.0
        for k in range(max(0, t - d + 1), t + 1):
            for j in range(columns):
                a = x[k, j] - x0[t, j]
                b = y[k, j] - y0[t, j]
                count[t, j] += 0.0 if np.isnan(a) else 1.0
                mx[j] += 0.0 if np.isnan(a) else a
                my[j] += 0.0 if np.isnan(b) else b
        mx /= np.maximum(count[t], 1.0)
        my /= np.maximum(count[t], 1.0)
        for k in range(max(0, t - d + 1), t + 1):
            for j in range(columns):
                a = (x[k, j] - x0[t, j]) - mx[j]
                b = (y[k, j] - y0[t, j]) - my[j]
                a = 0.0 if np.isnan(a) else a
                b = 0.0 if np.isnan(b) else b
                xx[t, j] += a * a
                xy[t, j] += a * b
                yy[t, j] += b * b
    return count, xx, xy, yy


@njit(cache=True)
def _misfit(x: FloatArray, y: FloatArray, slopes: FloatArray, d: int) -> FloatArray:
    """Σ (what slope · x leaves of y, centred)² of each window; x and y share their NaN."""
    rows, columns = x.shape
    out = np.zeros((rows, columns))
    count = np.empty(columns)
    mean = np.empty(columns)
    x0 = _first(x, d)
    y0 = _first(y, d)
    for t in range(rows):
        count[:] = 0.0
        mean[:] = 0.0
        for k in range(max(0, t - d + 1), t + 1):
            for j in range(columns):
                v = (y[k, j] - y0[t, j]) - slopes[t, j] * (x[k, j] - x0[t, j])
                count[j] += 0.0 if np.isnan(v) else 1.0
                mean[j] += 0.0 if np.isnan(v) else v
        mean /= np.maximum(count, 1.0)
        for k in range(max(0, t - d + 1), t + 1):
            for j in range(columns):
                v = (y[k, j] - y0[t, j]) - slopes[t, j] * (x[k, j] - x0[t, j]) - mean[j]
                out[t, j] += 0.0 if np.isnan(v) else v * v
    return out


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
                if not np.isnan(v) and not best[t, j] >= v:
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
                if not np.isnan(v):
                    count[j] += 1.0
                    if v < x[t, j]:
                        less[j] += 1.0
                    elif v == x[t, j]:
                        same[j] += 1.0
        for j in range(columns):
            if not np.isnan(x[t, j]):
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
                if not np.isnan(v):
                    out[t, j] = v if np.isnan(out[t, j]) else out[t, j] * v
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
                if not np.isnan(v):
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
            if not np.isnan(v):
                if not np.isnan(state[j]):
                    state[j] = v + (1.0 - alpha) * (state[j] - v)
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
                if not np.isnan(v):
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
    count, square, _ = _centred(x, d, 3)
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
    return ts_quantile(x, d, 0.5)


def ts_max(x: FloatArray, d: int) -> FloatArray:
    return _highest(x, d)[0]


def ts_min(x: FloatArray, d: int) -> FloatArray:
    return -_highest(-x, d)[0]


def ts_argmax(x: FloatArray, d: int) -> FloatArray:
    return _highest(x, d)[1]


def ts_argmin(x: FloatArray, d: int) -> FloatArray:
    return _highest(-x, d)[1]


def correlation(x: FloatArray, y: FloatArray, d: int) -> FloatArray:
    count, xx, xy, yy = _paired_sums(*_shared(x, y), d)
    # sqrt by sqrt, not of the product: the product of small sums underflows
    out = _ratio(xy, np.sqrt(xx) * np.sqrt(yy))
    return np.where(count >= 2, np.clip(out, -1.0, 1.0), np.nan)


def covariance(x: FloatArray, y: FloatArray, d: int) -> FloatArray:
    count, _, xy, _ = _paired_sums(*_shared(x, y), d)
    return _ratio(xy, count - 1.0)


def beta(y: FloatArray, x: FloatArray, d: int) -> FloatArray:
    _, xx, xy, _ = _paired_sums(*_shared(x, y), d)
    return _ratio(xy, xx)


def resid_std(y: FloatArray, x: FloatArray, d: int) -> FloatArray:
    x, y = _shared(x, y)
    count, xx, xy, _ = _paired_sums(x, y, d)
    # not Σyy - Σxy²/Σxx: where the fit is close, that is the rounding of its terms
    left = _misfit(x, y, _ratio(xy, xx), d)
    return np.where(xx > 0.0, np.sqrt(_ratio(left, count - 2.0)), np.nan)


def slope(x: FloatArray, d: int) -> FloatArray:
    time = np.repeat(np.arange(len(x), dtype=np.float64)[:, None], x.shape[1], axis=1)
    return beta(x, time, d)


def delay(x: FloatArray, d: int) -> FloatArray:
    out = np.full(x.shape, np.nan)
    out[d:] = x[:-d]
    return out


def delta(x: FloatArray, d: int) -> FloatArray:
    return x - delay(x, d)


def _shared(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two arrays that are NaN where either was."""
    lost = np.isnan(x) | np.isnan(y)
    return np.where(lost, np.nan, x), np.where(lost, np.nan, y)


def _ratio(top: FloatArray, bottom: FloatArray) -> FloatArray:
    """Top over bottom; NaN where the bottom is not positive."""
    out = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=out, where=bottom > 0.0)
    return out
