"""Means and spreads of windows: moments of one series, and joint ones of two.

Arrays have shape (S, T): one series a row. A window is summed over its lags, four at a time, for
`STRIP` rows at a time, which stay in the nearest cache: every value depends on its own window's
rows alone.

Sums are taken of distances from a pivot: the window's last value. The pivot being one of its n
values, (pivot - mean)² is below the sum of squares that is sought, so that taking the mean off
afterwards costs a factor n of the rounding at worst; a constant has no spread at all, and a
large level takes no digits from small changes. Higher moments take a second pass.

A state's rows: 0 the number of values; 1, 2, 3 the pivot, the mean less the pivot, the spread
Σ (x - mean)²; then, for one series, 4 and 5 Σ (x - mean)³ and Σ (x - mean)⁴; for two, 4, 5, 6 as
1, 2, 3 of the other one, and 7 the joint spread.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]
STRIP = 256


@njit(cache=True, nogil=True)
def whole_fours(d: int, rows: int) -> int:
    """Lags to look at; groups of four stay whole, or a cut would round otherwise."""
    return min(d, (rows + 3) // 4 * 4)


@njit(cache=True, nogil=True)
def _leaf(x: Array, known: Array, value: Array, pivot: Array) -> None:
    """Values with 0 where none is known, and the last known one."""
    for t in range(len(x)):
        v = x[t]
        value[t] = v if known[t] != 0.0 else 0.0
    last = 0.0
    for t in range(len(x)):
        last = value[t] if known[t] != 0.0 else last
        pivot[t] = last


@njit(cache=True, nogil=True)
def _leaves(
    x: Array, y: Array, known: Array, a: Array, b: Array, p: Array, q: Array
) -> None:  # one loop for both: the next value need not wait for the other series
    """The same for two series at once."""
    for t in range(len(x)):
        v, w, k = x[t], y[t], known[t] != 0.0
        a[t] = v if k else 0.0
        b[t] = w if k else 0.0
    last, late = 0.0, 0.0
    for t in range(len(x)):
        k = known[t] != 0.0
        last = a[t] if k else last
        late = b[t] if k else late
        p[t] = last
        q[t] = late


@njit(cache=True, nogil=True)
def _one(k: Array, a: Array, p: Array, n: Array, sa: Array, aa: Array) -> None:
    """Add one lag: numbers, distances from the pivot, and their squares."""
    for t in range(len(p)):
        e = (a[t] - p[t]) * k[t]
        n[t] += k[t]
        sa[t] += e
        aa[t] += e * e


@njit(cache=True, nogil=True)
def _four(k: Array, a: Array, p: Array, n: Array, sa: Array, aa: Array) -> None:
    """Add four lags, the oldest first."""
    for t in range(len(p)):
        o = p[t]
        k0, k1, k2, k3 = k[t], k[t + 1], k[t + 2], k[t + 3]
        e0, e1 = (a[t] - o) * k0, (a[t + 1] - o) * k1
        e2, e3 = (a[t + 2] - o) * k2, (a[t + 3] - o) * k3
        n[t] += (k0 + k1) + (k2 + k3)
        sa[t] += (e0 + e1) + (e2 + e3)
        aa[t] += (e0 * e0 + e1 * e1) + (e2 * e2 + e3 * e3)


@njit(cache=True, nogil=True)
def _one_pair(
    k: Array, a: Array, b: Array, p: Array, q: Array,
    n: Array, sa: Array, sb: Array, aa: Array, bb: Array, ab: Array,
) -> None:  # fmt: skip
    """Add one lag of two series."""
    for t in range(len(p)):
        e, f = (a[t] - p[t]) * k[t], (b[t] - q[t]) * k[t]
        n[t] += k[t]
        sa[t] += e
        sb[t] += f
        aa[t] += e * e
        bb[t] += f * f
        ab[t] += e * f


@njit(cache=True, nogil=True)
def _four_pairs(
    k: Array, a: Array, b: Array, p: Array, q: Array,
    n: Array, sa: Array, sb: Array, aa: Array, bb: Array, ab: Array,
) -> None:  # fmt: skip
    """Add four lags of two series, the oldest first."""
    for t in range(len(p)):
        o, u = p[t], q[t]
        k0, k1, k2, k3 = k[t], k[t + 1], k[t + 2], k[t + 3]
        e0, e1 = (a[t] - o) * k0, (a[t + 1] - o) * k1
        e2, e3 = (a[t + 2] - o) * k2, (a[t + 3] - o) * k3
        f0, f1 = (b[t] - u) * k0, (b[t + 1] - u) * k1
        f2, f3 = (b[t + 2] - u) * k2, (b[t + 3] - u) * k3
        n[t] += (k0 + k1) + (k2 + k3)
        sa[t] += (e0 + e1) + (e2 + e3)
        sb[t] += (f0 + f1) + (f2 + f3)
        aa[t] += (e0 * e0 + e1 * e1) + (e2 * e2 + e3 * e3)
        bb[t] += (f0 * f0 + f1 * f1) + (f2 * f2 + f3 * f3)
        ab[t] += (e0 * f0 + e1 * f1) + (e2 * f2 + e3 * f3)


@njit(cache=True, nogil=True)
def _settled(n: Array, sa: Array, aa: Array) -> None:
    """Sums about the pivot, made the mean and the sum of squares about the mean."""
    for t in range(len(n)):
        mean = sa[t] / max(n[t], 1.0)
        aa[t] -= sa[t] * mean
        sa[t] = mean


@njit(cache=True, nogil=True)
def _settled_pairs(n: Array, sa: Array, sb: Array, aa: Array, bb: Array, ab: Array) -> None:
    """The same for two series, and their joint sum."""
    for t in range(len(n)):
        share = 1.0 / max(n[t], 1.0)
        mean, other = sa[t] * share, sb[t] * share
        aa[t] -= sa[t] * mean
        bb[t] -= sb[t] * other
        ab[t] -= sa[t] * other
        sa[t] = mean
        sb[t] = other


@njit(cache=True, nogil=True)
def _moments(x: Array, lags: int, k: Array, a: Array, state: Array) -> None:
    """The state of one series' windows."""
    rows, known = len(x), k[lags:]
    n, p, m, q = state[0], state[1], state[2], state[3]
    for t in range(rows):
        known[t] = 0.0 if np.isnan(x[t]) else 1.0
    _leaf(x, known, a[lags:], p)
    n[:] = 0.0
    m[:] = 0.0
    q[:] = 0.0
    for start in range(0, rows, STRIP):
        stop = min(start + STRIP, rows)
        o, ns, ms, qs = p[start:stop], n[start:stop], m[start:stop], q[start:stop]
        lag = 0
        while lag < min(lags, stop):
            end = lags + stop - lag
            if lag + 4 <= lags:
                old = lags + start - lag - 3
                _four(k[old:end], a[old:end], o, ns, ms, qs)
                lag += 4
            else:
                old = lags + start - lag
                _one(k[old:end], a[old:end], o, ns, ms, qs)
                lag += 1
    _settled(n, m, q)


@njit(cache=True, nogil=True)
def _higher(k: Array, a: Array, lags: int, state: Array) -> None:
    """Σ (x - mean)³ and Σ (x - mean)⁴."""
    p, m, third, fourth = state[1], state[2], state[4], state[5]
    third[:] = 0.0
    fourth[:] = 0.0
    for lag in range(min(lags, len(p))):
        known, old = k[lags - lag :], a[lags - lag :]
        for t in range(len(p)):
            e = ((old[t] - p[t]) - m[t]) * known[t]
            third[t] += e * e * e
            fourth[t] += (e * e) * (e * e)


@njit(cache=True, nogil=True)
def moments(x: Array, d: int, out: Array) -> None:
    """States of each series' windows, shape (4 or 6, S, T): with higher moments, or without."""
    rows, parts = x.shape[1], len(out)
    lags = whole_fours(d, rows)
    k, a, state = np.zeros(lags + rows), np.zeros(lags + rows), np.empty((parts, rows))
    for s in range(len(x)):
        _moments(x[s], lags, k, a, state)
        if parts > 4:
            _higher(k, a, lags, state)
        for part in range(parts):
            out[part, s] = state[part]


@njit(cache=True, nogil=True)
def variances(x: Array, d: int, out: Array) -> None:
    """Spread over the number of values less 1; NaN below two."""
    rows = x.shape[1]
    lags = whole_fours(d, rows)
    k, a, state = np.zeros(lags + rows), np.zeros(lags + rows), np.empty((4, rows))
    for s in range(len(x)):
        _moments(x[s], lags, k, a, state)
        n, q, to = state[0], state[3], out[s]
        for t in range(rows):
            ratio = max(q[t], 0.0) / max(n[t] - 1.0, 1.0)
            to[t] = ratio if n[t] > 1.0 else np.nan


@njit(cache=True, nogil=True)
def _pairs(x: Array, y: Array, lags: int, k: Array, a: Array, b: Array, state: Array) -> None:
    """The state of two series' windows."""
    rows, known = len(x), k[lags:]
    n, p, sa, aa = state[0], state[1], state[2], state[3]
    q, sb, bb, ab = state[4], state[5], state[6], state[7]
    for t in range(rows):
        known[t] = 0.0 if np.isnan(x[t] + y[t]) else 1.0
    _leaves(x, y, known, a[lags:], b[lags:], p, q)
    for to in (n, sa, aa, sb, bb, ab):
        to[:] = 0.0
    for start in range(0, rows, STRIP):
        stop = min(start + STRIP, rows)
        o, u, ns, sas = p[start:stop], q[start:stop], n[start:stop], sa[start:stop]
        sbs, aas, bbs, abs_ = sb[start:stop], aa[start:stop], bb[start:stop], ab[start:stop]
        lag = 0
        while lag < min(lags, stop):
            end = lags + stop - lag
            if lag + 4 <= lags:
                f = lags + start - lag - 3
                _four_pairs(k[f:end], a[f:end], b[f:end], o, u, ns, sas, sbs, aas, bbs, abs_)
                lag += 4
            else:
                f = lags + start - lag
                _one_pair(k[f:end], a[f:end], b[f:end], o, u, ns, sas, sbs, aas, bbs, abs_)
                lag += 1
    _settled_pairs(n, sa, sb, aa, bb, ab)


@njit(cache=True, nogil=True)
def pairs(x: Array, y: Array, d: int, out: Array) -> None:
    """States of the windows of two series, shape (8, S, T), where both have a value."""
    rows = x.shape[1]
    lags = whole_fours(d, rows)
    k, a, b = np.zeros(lags + rows), np.zeros(lags + rows), np.zeros(lags + rows)
    state = np.empty((8, rows))
    for s in range(len(x)):
        _pairs(x[s], y[s], lags, k, a, b, state)
        for part in range(8):
            out[part, s] = state[part]


@njit(cache=True, nogil=True)
def correlations(x: Array, y: Array, d: int, out: Array) -> None:
    """Pearson's, within [-1, 1]; NaN below two pairs, and where one is constant."""
    rows = x.shape[1]
    lags = whole_fours(d, rows)
    k, a, b = np.zeros(lags + rows), np.zeros(lags + rows), np.zeros(lags + rows)
    state = np.empty((8, rows))
    for s in range(len(x)):
        _pairs(x[s], y[s], lags, k, a, b, state)
        n, aa, bb, ab, to = state[0], state[3], state[6], state[7], out[s]
        for t in range(rows):
            # root by root, not of the product: the product of small sums underflows
            root = np.sqrt(max(aa[t], 0.0)) * np.sqrt(max(bb[t], 0.0))
            known = n[t] > 1.0 and root > 0.0
            ratio = ab[t] / (root if known else 1.0)
            to[t] = min(max(ratio, -1.0), 1.0) if known else np.nan
