"""What windows hold, put together from halves.

A window of d rows is the sum of its binary digits: what the last 2^k rows hold is made once
from two neighbours of 2^(k-1), for all rows at a stroke, and a window of 20 rows is one of 4
and, before it, one of 16. That takes log2(d) passes instead of d, and every value depends on
the rows of its own window alone: nothing runs along, so nothing of a huge value stays behind
when it goes, and a chunk of the rows gives the same bits as all of them.

Arrays have shape (S, T): one series a row. Rows before the first hold nothing.

What is merged: Chan, Golub & LeVeque (1979), "Updating formulae and a pairwise algorithm for
computing sample variances", (1.5), with means kept from the segment's first value, so that a
constant has no spread at all and a large level takes no digits from small changes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]


@njit(cache=True, nogil=True)
def _leaf(x: Array, value: Array, known: Array) -> None:
    """Values with 0 for NaN, and 1 where there is one."""
    for t in range(len(x)):
        v = x[t]
        value[t] = v if not np.isnan(v) else 0.0
    for t in range(len(x)):
        v = x[t]
        known[t] = 1.0 if not np.isnan(v) else 0.0


@njit(cache=True, nogil=True)
def _doubled(x: Array, rows: int, out: Array) -> None:
    """X of row t and of `rows` rows before it, together."""
    out[:rows] = x[:rows]
    now, to = x[rows:], out[rows:]
    for t in range(len(now)):
        to[t] = x[t] + now[t]


@njit(cache=True, nogil=True)
def _added(x: Array, rows: int, out: Array) -> None:
    """Put x of `rows` rows before in front of what `out` holds."""
    to = out[rows:]
    for t in range(len(to)):
        to[t] = x[t] + to[t]


@njit(cache=True, nogil=True)
def _window_sum(a: Array, b: Array, d: int, out: Array) -> None:
    """Sums over d rows of `a`, which is used up, as is `b`."""
    size, skip = 1, 0
    while size <= d:
        if d & size:
            if skip == 0:
                out[:] = a
            else:
                _added(a, skip, out)
            skip += size
        if 2 * size <= d:
            _doubled(a, size, b)
            a, b = b, a
        size *= 2


@njit(cache=True, nogil=True)
def sums(x: Array, d: int, count: Array, total: Array) -> None:
    """Number of values in each window, and their sum."""
    rows = x.shape[1]
    a, b, k = np.empty(rows, x.dtype), np.empty(rows, x.dtype), np.empty(rows, x.dtype)
    for s in range(len(x)):
        _leaf(x[s], a, k)
        _window_sum(a, b, d, total[s])
        _window_sum(k, b, d, count[s])


@njit(cache=True, nogil=True)
def _kept(n: Array, value: Array, other: Array, out: Array) -> None:
    """`value` where n is not 0, else `other`."""
    for t in range(len(n)):  # all is loaded, then chosen: a branch would not vectorise
        a, b = value[t], other[t]
        out[t] = b if n[t] == 0.0 else a


@njit(cache=True, nogil=True)
def _shares(na: Array, nb: Array, n: Array, share: Array, weight: Array) -> None:
    """Sizes together, the newer one's share, and what the squared distance counts."""
    for t in range(len(n)):
        a, b = na[t], nb[t]
        part = b / max(a + b, 1.0)
        share[t] = part
        weight[t] = a * part
        n[t] = a + b


@njit(cache=True, nogil=True)
def _distance(fa: Array, ma: Array, fb: Array, mb: Array, out: Array) -> None:
    """From the older segment's mean to the newer one's."""
    for t in range(len(out)):
        out[t] = ((fb[t] - fa[t]) + mb[t]) - ma[t]


@njit(cache=True, nogil=True)
def _means(na: Array, ma: Array, mb: Array, far: Array, share: Array, out: Array) -> None:
    for t in range(len(out)):
        moved, own = ma[t] + far[t] * share[t], mb[t]
        out[t] = own if na[t] == 0.0 else moved


@njit(cache=True, nogil=True)
def _spreads(qa: Array, qb: Array, far: Array, away: Array, weight: Array, out: Array) -> None:
    for t in range(len(out)):
        out[t] = (qa[t] + qb[t]) + far[t] * away[t] * weight[t]


@njit(cache=True, nogil=True)
def _third(na: Array, nb: Array, qa: Array, qb: Array, far: Array, gain: Array) -> None:
    """What third moments gain when they come together: Pebay (2008), (2.1) for p = 3."""
    for t in range(len(gain)):
        a, b, e = na[t], nb[t], far[t]
        n = max(a + b, 1.0)
        cube = e * e * e * (a * b * (a - b) / (n * n))
        moved = cube + 3.0 * e * ((a * qb[t] - b * qa[t]) / n)
        gain[t] = 0.0 if a * b == 0.0 else moved


@njit(cache=True, nogil=True)
def _fourth(
    na: Array, nb: Array, qa: Array, qb: Array, ca: Array, cb: Array, far: Array, gain: Array
) -> None:
    """What fourth moments gain when they come together: Pebay (2008), (2.1) for p = 4."""
    for t in range(len(gain)):
        a, b, e = na[t], nb[t], far[t]
        n, e2 = max(a + b, 1.0), e * e
        moved = (
            e2 * e2 * (a * b * (a * a - a * b + b * b) / (n * n * n))
            + 6.0 * e2 * ((a * a * qb[t] + b * b * qa[t]) / (n * n))
            + 4.0 * e * ((a * cb[t] - b * ca[t]) / n)
        )
        gain[t] = 0.0 if a * b == 0.0 else moved


@njit(cache=True, nogil=True)
def _gained(a: Array, b: Array, gain: Array, out: Array) -> None:
    for t in range(len(out)):
        out[t] = (a[t] + b[t]) + gain[t]


@njit(cache=True, nogil=True)
def _merge(
    a: Array, b: Array, start: int, o: Array, w: Array, rows: int, series: int, order: int
) -> None:
    """The older segments in `a` and the newer ones in `b` from row `start`, into `o` there.

    A state's rows: 0 the number of values; 1, 2, 3 the first value, the mean less the first,
    the spread Σ (x - mean)²; then, for one series, the higher moments up to `order`; for two,
    4, 5, 6 as 1, 2, 3 of the other one, and 7 the joint spread.
    """
    stop = start + rows
    na, nb = a[0][:rows], b[0][start:stop]
    far, share, weight, gain = w[0][:rows], w[1][:rows], w[2][:rows], w[3][:rows]
    mass = w[4][:rows]
    _shares(na, nb, mass, share, weight)
    f, m, q = a[1][:rows], a[2][:rows], a[3][:rows]
    g, k, r = b[1][start:stop], b[2][start:stop], b[3][start:stop]
    _distance(f, m, g, k, far)
    if series == 2:
        away = gain
        f2, m2, q2 = a[4][:rows], a[5][:rows], a[6][:rows]
        g2, k2, r2 = b[4][start:stop], b[5][start:stop], b[6][start:stop]
        _distance(f2, m2, g2, k2, away)
        _spreads(a[7][:rows], b[7][start:stop], far, away, weight, o[7][start:stop])
        _spreads(q2, r2, away, away, weight, o[6][start:stop])
        _kept(na, f2, g2, o[4][start:stop])
        _means(na, m2, k2, away, share, o[5][start:stop])
    if series == 1 and order > 2:
        c, d = a[4][:rows], b[4][start:stop]
        if order > 3:
            _fourth(na, nb, q, r, c, d, far, gain)
            _gained(a[5][:rows], b[5][start:stop], gain, o[5][start:stop])
        _third(na, nb, q, r, far, gain)
        _gained(c, d, gain, o[4][start:stop])
    _spreads(q, r, far, far, weight, o[3][start:stop])
    _kept(na, f, g, o[1][start:stop])
    _means(na, m, k, far, share, o[2][start:stop])
    o[0][start:stop] = mass


@njit(cache=True, nogil=True)
def _windows(a: Array, b: Array, r: Array, w: Array, d: int, series: int, order: int) -> None:
    """States over d rows, into `r`, from those of single rows in `a`, which is used up."""
    rows = a.shape[1]
    size, skip = 1, 0
    while size <= d:
        if d & size:
            if skip == 0:
                r[:] = a
            elif skip < rows:
                _merge(a, r, skip, r, w, rows - skip, series, order)
            skip += size
        if 2 * size <= d:
            b[:, :size] = a[:, :size]
            if size < rows:
                _merge(a, a, size, b, w, rows - size, series, order)
            a, b = b, a
        size *= 2


@njit(cache=True, nogil=True)
def moments(x: Array, d: int, order: int, out: Array) -> None:
    """States of each series' windows, shape (order + 2, S, T); see `_merge`."""
    rows, parts = x.shape[1], order + 2
    a, b = np.empty((parts, rows), x.dtype), np.empty((parts, rows), x.dtype)
    r, w = np.empty((parts, rows), x.dtype), np.empty((5, rows), x.dtype)
    for s in range(len(x)):
        a[:] = 0.0
        _leaf(x[s], a[1], a[0])
        _windows(a, b, r, w, d, 1, order)
        for part in range(parts):
            out[part, s, :] = r[part]


@njit(cache=True, nogil=True)
def pairs(x: Array, y: Array, d: int, out: Array) -> None:
    """States of the windows of two series, shape (8, S, T), where both have a value."""
    rows = x.shape[1]
    a, b = np.empty((8, rows), x.dtype), np.empty((8, rows), x.dtype)
    r, w = np.empty((8, rows), x.dtype), np.empty((5, rows), x.dtype)
    for s in range(len(x)):
        xs, ys = x[s], y[s]
        a[:] = 0.0
        for t in range(rows):
            a[0, t] = 1.0 if not np.isnan(xs[t]) and not np.isnan(ys[t]) else 0.0
        _kept(a[0], xs, a[2], a[1])
        _kept(a[0], ys, a[2], a[4])
        _windows(a, b, r, w, d, 2, 2)
        for part in range(8):
            out[part, s, :] = r[part]


@njit(cache=True, nogil=True)
def _greater(value: Array, place: Array, rows: int, best: Array, where: Array) -> None:
    """The greater of row t and of `rows` rows before it; the older one of equals."""
    best[:rows] = value[:rows]
    where[:rows] = place[:rows]
    now, at, to, into = value[rows:], place[rows:], best[rows:], where[rows:]
    for t in range(len(now)):
        a, b, p, q = value[t], now[t], place[t], at[t]
        to[t] = b if b > a else a
        into[t] = q if b > a else p


@njit(cache=True, nogil=True)
def extremes(x: Array, d: int, sign: float, top: Array, place: Array) -> None:
    """Greatest of sign · x in each window (-inf for none) and the row of its first.

    Windows may overlap here: the greatest of d rows is that of the first and the last 2^k.
    """
    rows = x.shape[1]
    d = min(d, rows)
    a, p = np.empty(rows, x.dtype), np.empty(rows, x.dtype)
    b, q = np.empty(rows, x.dtype), np.empty(rows, x.dtype)
    for s in range(len(x)):
        xs = x[s]
        for t in range(rows):
            v = sign * xs[t]
            a[t] = v if not np.isnan(v) else -np.inf
        for t in range(rows):
            p[t] = t
        size = 1
        while size < d:
            step = min(size, d - size)
            _greater(a, p, step, b, q)
            a, b, p, q = b, a, q, p
            size += step
        best, at = top[s], place[s]
        for t in range(rows):
            best[t] = a[t]
        for t in range(rows):
            at[t] = p[t]
