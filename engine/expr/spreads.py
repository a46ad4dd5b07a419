"""Means and spreads of windows: moments of one series, and joint ones of two.

Arrays have shape (T, S): a series a column, so that a row earlier is S cells earlier in memory,
for whole vectors at once. A window is summed over its lags, four at a time, for some cells at a
time, which stay in the nearest cache: every value depends on its own window's rows alone.

Sums are taken of distances from a pivot: the window's last value. The pivot being one of its n
values, (pivot - mean)² is below the sum of squares that is sought, so that taking the mean off
afterwards costs a factor n of the rounding at worst; a constant has no spread at all, and a
large level takes no digits from small changes. What is taken about the mean takes a second pass.

The kernels fill rows for `first` and later rows of x; the caller sees to it that there are d - 1
rows before (`engine.expr.kernels`). Four lags are always looked at, those beyond d as NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]
CELLS = 1024  # worked on at a time: whole rows, or a part of one
VARIANCE, DEVIATION, DISTANCE, SKEWNESS, KURTOSIS = 0, 1, 2, 3, 4
CORRELATION, COVARIANCE, SLOPE, SQUARE, REST, MISFIT = 0, 1, 2, 3, 4, 5


@njit(cache=True, nogil=True)
def lagged(x: Array, start: int, cells: int, lag: int, d: int, gone: Array) -> Array:
    """So many cells of x from `start`, `lag` rows of cells before; NaN when beyond the window."""
    return x[start : start + cells] if lag < d else gone[:cells]


@njit(cache=True, nogil=True)
def most(width: int) -> int:
    """The cells of a piece: of whole rows, or of less than one."""
    return CELLS // width * width if width <= CELLS else CELLS


@njit(cache=True, nogil=True)
def piece(at: int, total: int, width: int) -> int:
    """The cells of the piece that begins with cell `at`."""
    return min(most(width), total - at, width - at % width if width > CELLS else total)


@njit(cache=True, nogil=True)
def _pivot(x: Array, last: Array, p: Array) -> None:
    """The last values; `last` are those before, and kept up."""
    width = len(last)
    for i in range(0, len(x), width):
        xs, now = x[i : i + width], p[i : i + width]
        for j in range(width):
            now[j] = xs[j] if xs[j] == xs[j] else last[j]
        for j in range(width):
            last[j] = now[j]


@njit(cache=True, nogil=True)
def _pivots(x: Array, y: Array, last: Array, late: Array, p: Array, q: Array) -> None:
    """The last values where both are known; `last` and `late` are those before, and kept up."""
    width = len(last)
    for i in range(0, len(x), width):
        xs, ys, now, new = x[i : i + width], y[i : i + width], p[i : i + width], q[i : i + width]
        for j in range(width):
            v, w = xs[j], ys[j]
            known = not np.isnan(v) and not np.isnan(w)
            now[j] = v if known else last[j]
            new[j] = w if known else late[j]
        for j in range(width):
            last[j] = now[j]
        for j in range(width):
            late[j] = new[j]


@njit(cache=True, nogil=True)
def _four(
    a: Array, b: Array, c: Array, d: Array, pivot: Array, n: Array, s: Array, ss: Array
) -> None:
    """Add four lags: numbers, distances from the pivot, and their squares."""
    for i in range(len(n)):
        o = pivot[i]
        e, f, g, h = a[i] - o, b[i] - o, c[i] - o, d[i] - o
        j, k, m, r = np.isnan(e), np.isnan(f), np.isnan(g), np.isnan(h)
        e, f = 0.0 if j else e, 0.0 if k else f
        g, h = 0.0 if m else g, 0.0 if r else h
        n[i] += ((0.0 if j else 1.0) + (0.0 if k else 1.0)) + (
            (0.0 if m else 1.0) + (0.0 if r else 1.0)
        )
        s[i] += (e + f) + (g + h)
        ss[i] += (e * e + f * f) + (g * g + h * h)


@njit(cache=True, nogil=True)
def _one_higher(
    x: Array, pivot: Array, mean: Array, kind: int, third: Array, fourth: Array
) -> None:
    """Add one lag's distances from the mean: their sizes, or their third and fourth powers."""
    for i in range(len(mean)):
        e = (x[i] - pivot[i]) - mean[i]
        e = 0.0 if np.isnan(e) else e
        third[i] += abs(e) if kind == DISTANCE else e * e * e
        fourth[i] += (e * e) * (e * e)


@njit(cache=True, nogil=True)
def moments(x: Array, first: int, d: int, kind: int, out: Array) -> None:
    """A moment of each window; NaN where it is not defined."""
    width = x.shape[1]
    flat, to = x.reshape(-1), out.reshape(-1)
    cells = most(width)
    p, gone, last = np.empty(cells), np.full(cells, np.nan, x.dtype), np.zeros(width)
    n, s, ss = np.empty(cells), np.empty(cells), np.empty(cells)
    third, fourth = np.empty(cells), np.empty(cells)
    skip, at = first * width, (first - d + 1) * width
    while at < len(flat):
        m = piece(at, len(flat) if at >= skip else skip, width)
        _pivot(flat[at : at + m], last[at % width :][: min(m, width)], p[:m])
        if at < skip:
            at += m
            continue
        o = p[:m]
        n[:] = 0.0
        s[:] = 0.0
        ss[:] = 0.0
        for lag in range(0, d, 4):
            f = at - lag * width
            _four(
                lagged(flat, f, m, lag, d, gone),
                lagged(flat, f - width, m, lag + 1, d, gone),
                lagged(flat, f - 2 * width, m, lag + 2, d, gone),
                lagged(flat, f - 3 * width, m, lag + 3, d, gone),
                o, n[:m], s[:m], ss[:m],
            )  # fmt: skip
        _settled(n[:m], s[:m], ss[:m])
        if kind >= DISTANCE:
            third[:] = 0.0
            fourth[:] = 0.0
            for lag in range(d):
                f = at - lag * width
                _one_higher(flat[f : f + m], o, s[:m], kind, third[:m], fourth[:m])
        _moment(n[:m], ss[:m], third[:m], fourth[:m], kind, to[at - skip :][:m])
        at += m


@njit(cache=True, nogil=True)
def _settled(n: Array, s: Array, ss: Array) -> None:
    """Sums about the pivot, made the mean and the sum of squares about the mean."""
    for i in range(len(n)):
        mean = s[i] / max(n[i], 1.0)
        ss[i] -= s[i] * mean
        s[i] = mean


@njit(cache=True, nogil=True)
def _moment(n: Array, ss: Array, third: Array, fourth: Array, kind: int, out: Array) -> None:
    if kind <= DEVIATION:
        for i in range(len(out)):
            ratio = max(ss[i], 0.0) / max(n[i] - 1.0, 1.0)
            ratio = ratio if n[i] > 1.0 else np.nan
            out[i] = np.sqrt(ratio) if kind == DEVIATION else ratio
    elif kind == DISTANCE:
        for i in range(len(out)):
            out[i] = third[i] / n[i] if n[i] > 0.0 else np.nan
    elif kind == SKEWNESS:
        for i in range(len(out)):
            k, told = n[i], n[i] >= 3.0 and ss[i] > 0.0
            spread = ss[i] / k if told else 1.0
            biased = (third[i] / max(k, 1.0)) / (spread * np.sqrt(spread))
            made = biased * np.sqrt(k * max(k - 1.0, 0.0)) / (k - 2.0 if told else 1.0)
            out[i] = made if told else np.nan
    else:
        for i in range(len(out)):
            k, told = n[i], n[i] >= 4.0 and ss[i] > 0.0
            spread = ss[i] / k if told else 1.0
            excess = (fourth[i] / max(k, 1.0)) / (spread * spread) - 3.0
            left = (k - 2.0) * (k - 3.0) if told else 1.0
            made = ((k + 1.0) * excess + 6.0) * (k - 1.0) / left
            out[i] = made if told else np.nan


@njit(cache=True, nogil=True)
def _four_pairs(
    a: Array, b: Array, c: Array, d: Array, x: Array, y: Array, z: Array, w: Array,
    p: Array, q: Array, sums: Array,
) -> None:  # fmt: skip
    """Add four lags of two series: numbers, distances from the pivots, and their products."""
    n, sa, sb, aa, bb, ab = sums[0], sums[1], sums[2], sums[3], sums[4], sums[5]
    for i in range(len(p)):
        o, u = p[i], q[i]
        e0, e1, e2, e3 = a[i] - o, b[i] - o, c[i] - o, d[i] - o
        f0, f1, f2, f3 = x[i] - u, y[i] - u, z[i] - u, w[i] - u
        k0, k1 = not np.isnan(e0) and not np.isnan(f0), not np.isnan(e1) and not np.isnan(f1)
        k2, k3 = not np.isnan(e2) and not np.isnan(f2), not np.isnan(e3) and not np.isnan(f3)
        e0, e1 = e0 if k0 else 0.0, e1 if k1 else 0.0
        e2, e3 = e2 if k2 else 0.0, e3 if k3 else 0.0
        f0, f1 = f0 if k0 else 0.0, f1 if k1 else 0.0
        f2, f3 = f2 if k2 else 0.0, f3 if k3 else 0.0
        n[i] += ((1.0 if k0 else 0.0) + (1.0 if k1 else 0.0)) + (
            (1.0 if k2 else 0.0) + (1.0 if k3 else 0.0)
        )
        sa[i] += (e0 + e1) + (e2 + e3)
        sb[i] += (f0 + f1) + (f2 + f3)
        aa[i] += (e0 * e0 + e1 * e1) + (e2 * e2 + e3 * e3)
        bb[i] += (f0 * f0 + f1 * f1) + (f2 * f2 + f3 * f3)
        ab[i] += (e0 * f0 + e1 * f1) + (e2 * f2 + e3 * f3)


@njit(cache=True, nogil=True)
def pairs(x: Array, y: Array, first: int, d: int, kind: int, out: Array) -> None:
    """What x and y of each window, where both are known, tell of each other."""
    width = x.shape[1]
    left, right, to = x.reshape(-1), y.reshape(-1), out.reshape(-1)
    cells = most(width)
    p, q, gone = np.empty(cells), np.empty(cells), np.full(cells, np.nan, x.dtype)
    sums, rest, last, late = np.empty((6, cells)), np.empty(cells), np.zeros(width), np.zeros(width)
    skip, at = first * width, (first - d + 1) * width
    while at < len(left):
        m = piece(at, len(left) if at >= skip else skip, width)
        span, o, u = slice(at % width, at % width + min(m, width)), p[:m], q[:m]
        _pivots(left[at : at + m], right[at : at + m], last[span], late[span], o, u)
        if at < skip:
            at += m
            continue
        some = to[at - skip :][:m]
        sums[:] = 0.0
        for lag in range(0, d, 4):
            f = at - lag * width
            _four_pairs(
                lagged(left, f, m, lag, d, gone),
                lagged(left, f - width, m, lag + 1, d, gone),
                lagged(left, f - 2 * width, m, lag + 2, d, gone),
                lagged(left, f - 3 * width, m, lag + 3, d, gone),
                lagged(right, f, m, lag, d, gone),
                lagged(right, f - width, m, lag + 1, d, gone),
                lagged(right, f - 2 * width, m, lag + 2, d, gone),
                lagged(right, f - 3 * width, m, lag + 3, d, gone),
                o, u, sums,
            )  # fmt: skip
        _settled_pairs(sums, m)
        if kind == MISFIT:
            rest[:] = 0.0
            for lag in range(d):
                f = at - lag * width
                _one_misfit(left[f : f + m], right[f : f + m], o, u, sums, rest[:m])
        if kind == REST:
            _rests(left[at : at + m], right[at : at + m], o, u, sums, some)
        else:
            _joint(sums, rest, kind, some)
        at += m


@njit(cache=True, nogil=True)
def _settled_pairs(sums: Array, cells: int) -> None:
    """Sums about the pivots, made means and sums about the means."""
    n, sa, sb, aa, bb, ab = sums[0], sums[1], sums[2], sums[3], sums[4], sums[5]
    for i in range(cells):
        share = 1.0 / max(n[i], 1.0)
        mean, other = sa[i] * share, sb[i] * share
        aa[i] -= sa[i] * mean
        bb[i] -= sb[i] * other
        ab[i] -= sa[i] * other
        sa[i] = mean
        sb[i] = other


@njit(cache=True, nogil=True)
def _slope(aa: float, ab: float) -> float:
    return ab / aa if aa > 0.0 else np.nan


@njit(cache=True, nogil=True)
def _one_misfit(x: Array, y: Array, p: Array, q: Array, sums: Array, rest: Array) -> None:
    """Add the square of what one lag's x leaves of its y.

    Not Σyy - Σxy²/Σxx: where the fit is close, that is the rounding of its terms.
    """
    mean, other, aa, ab = sums[1], sums[2], sums[3], sums[5]
    for i in range(len(rest)):
        away = ((x[i] - p[i]) - mean[i]) * _slope(aa[i], ab[i])
        e = ((y[i] - q[i]) - other[i]) - away
        rest[i] += 0.0 if np.isnan(e) else e * e


@njit(cache=True, nogil=True)
def _rests(x: Array, y: Array, p: Array, q: Array, sums: Array, out: Array) -> None:
    """What the newest x leaves of the newest y."""
    mean, other, aa, ab = sums[1], sums[2], sums[3], sums[5]
    for i in range(len(out)):
        away = ((x[i] - p[i]) - mean[i]) * _slope(aa[i], ab[i])
        out[i] = ((y[i] - q[i]) - other[i]) - away


@njit(cache=True, nogil=True)
def _joint(sums: Array, rest: Array, kind: int, out: Array) -> None:
    n, aa, bb, ab = sums[0], sums[3], sums[4], sums[5]
    if kind in (CORRELATION, SQUARE):
        for i in range(len(out)):
            # root by root, not of the product: the product of small sums underflows
            root = np.sqrt(max(aa[i], 0.0)) * np.sqrt(max(bb[i], 0.0))
            known = n[i] > 1.0 and root > 0.0
            ratio = min(max(ab[i] / (root if known else 1.0), -1.0), 1.0)
            ratio = ratio * ratio if kind == SQUARE else ratio
            out[i] = ratio if known else np.nan
    elif kind == COVARIANCE:
        for i in range(len(out)):
            out[i] = ab[i] / (n[i] - 1.0) if n[i] > 1.0 else np.nan
    elif kind == SLOPE:
        for i in range(len(out)):
            out[i] = _slope(aa[i], ab[i])
    else:
        for i in range(len(out)):
            told = n[i] > 2.0 and aa[i] > 0.0
            out[i] = np.sqrt(rest[i] / (n[i] - 2.0)) if told else np.nan
