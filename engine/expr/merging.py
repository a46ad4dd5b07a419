"""What windows hold, put together from halves.

A window of d rows is the sum of its binary digits: what the last 2^k rows hold is made once
from two neighbours of 2^(k-1), for all rows at a stroke, and a window of 20 rows is one of 4
and, before it, one of 16. That takes log2(d) passes instead of d, and every value depends on
the rows of its own window alone: nothing runs along, so nothing of a huge value stays behind
when it goes, and a chunk of the rows gives the same bits as all of them.

Arrays have shape (S, T): one series a row. Rows before the first hold nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]


@njit(cache=True, nogil=True)
def leaf(x: Array, value: Array, known: Array) -> None:
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
        leaf(x[s], a, k)
        _window_sum(a, b, d, total[s])
        _window_sum(k, b, d, count[s])


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
