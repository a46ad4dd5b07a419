"""Sums and extremes of windows, put together from parts.

Arrays have shape (T, S): a series a column, of which LANES are worked on at a time
(`engine.lanes`); they end with the row with which `out` ends, and before row 0 is NaN.

Sums come from those of PART rows, made once for all windows that have them, so that a window of
250 rows adds up 41 numbers. Every value depends on its own window's rows alone: nothing runs
along, so nothing of a huge value stays behind when it goes, and a chunk of the rows gives the
same bits as all of them. Extremes are exact in any order: rows are cut at every d-th, and a
window is the end of one piece and the begin of the next (van Herk 1992; Gil and Werman 1993).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from engine.lanes import (
    LANES,
    TILES,
    WIDE,
    Lanes,
    fill,
    kernel,
    known,
    load,
    pack,
    pick,
    store,
    unpack,
    used,
)

Array = npt.NDArray[Any]
PART = 16  # rows
TOTAL, MEAN, KNOWN = 0, 1, 2


@kernel
def sums(x: Array, d: int, kind: int, out: Array) -> None:
    """Sum, mean or number of each window's values; NaN for none (of the number 0)."""
    days, columns = out.shape
    rows = d - 1 + days
    parts = d // PART if d > PART else 0
    tiles, cells = np.empty((TILES, rows * LANES)), rows * LANES if parts else 0
    some, counts = np.empty(cells), np.empty(cells)
    for left in range(0, columns, WIDE):
        pack(x, len(x) - rows, left, tiles)
        for k in range(used(columns, left)):
            a = tiles[k]
            for t in range(PART - 1, rows if parts else 0):
                s, n = fill(0.0), fill(0.0)
                for i in range((t - PART + 1) * LANES, (t + 1) * LANES, LANES):
                    e = load(a, i)
                    there = known(e, e)
                    s, n = pick(there, s + e, s), pick(there, n + 1.0, n)
                store(some, t * LANES, s)
                store(counts, t * LANES, n)
            for t in range(d - 1, rows):
                total, count, first = fill(0.0), fill(0.0), t - d + 1
                for part in range(parts):
                    i = (t - part * PART) * LANES
                    total, count = total + load(some, i), count + load(counts, i)
                s, n = fill(0.0), fill(0.0)
                for i in range(first * LANES, (t - parts * PART + 1) * LANES, LANES):
                    e = load(a, i)
                    there = known(e, e)
                    s, n = pick(there, s + e, s), pick(there, n + 1.0, n)
                store(a, first * LANES, _told(total + s, count + n, kind))
        unpack(tiles, left, out)


@njit(nogil=True, forceinline=True)
def _told(total: Lanes, count: Lanes, kind: int) -> Lanes:
    if kind == KNOWN:
        return count
    return pick(count > 0.0, total / count if kind == MEAN else total, np.nan)


@kernel
def greatest(x: Array, d: int, sign: float, out: Array) -> None:
    """Sign times the greatest of sign · x in each window; NaN for none."""
    days, columns = out.shape
    rows = d - 1 + days
    tiles, ends = np.empty((TILES, rows * LANES)), np.empty((d + 1) * LANES)
    for left in range(0, columns, WIDE):
        pack(x, len(x) - rows, left, tiles)
        for k in range(used(columns, left)):
            a = tiles[k]
            ends[:] = -np.inf
            for start in range(0, rows, d):
                stop, best = min(start + d, rows), fill(-np.inf)
                for t in range(start, stop):
                    e = _signed(load(a, t * LANES), sign)
                    best = pick(e > best, e, best)
                    if t >= d - 1:
                        old = load(ends, (t - start + 1) * LANES)
                        told = pick(best > old, best, old)
                        told = pick(told > -np.inf, told * sign, np.nan)
                        store(a, (t - d + 1) * LANES, told)
                best = fill(-np.inf)  # of this piece's last rows; its first row has been told
                for t in range(stop - 1, start, -1):
                    e = _signed(load(a, t * LANES), sign)
                    best = pick(e >= best, e, best)
                    store(ends, (t - start) * LANES, best)
        unpack(tiles, left, out)


@njit(nogil=True, forceinline=True)
def _signed(value: Lanes, sign: float) -> Lanes:
    return pick(known(value, value), value * sign, -np.inf)


@kernel
def places(x: Array, d: int, sign: float, window: int, out: Array) -> None:
    """Place of the first greatest of sign · x in each window of d rows.

    Counted from 1 for the first of `window` rows, which may be more than there are; or from 1
    for the window's first value, for a `window` of 0.
    """
    days, columns = out.shape
    rows = d - 1 + days
    tiles, ends = np.empty((TILES, rows * LANES)), np.empty((d + 1) * LANES)
    # of the last rows of the piece before: the extreme, its place, and that of the first value
    late, begins = np.empty((d + 1) * LANES), np.empty((d + 1) * LANES)
    for left in range(0, columns, WIDE):
        pack(x, len(x) - rows, left, tiles)
        for k in range(used(columns, left)):
            a = tiles[k]
            ends[:] = -np.inf
            begins[:] = np.inf
            for start in range(0, rows, d):
                stop = min(start + d, rows)
                best, where, begin = fill(-np.inf), fill(0.0), fill(np.inf)
                for t in range(start, stop):
                    e = _signed(load(a, t * LANES), sign)
                    begin = pick((e > -np.inf) & (begin > t), float(t), begin)
                    where = pick(e > best, float(t), where)
                    best = pick(e > best, e, best)
                    if t >= d - 1:
                        i = (t - start + 1) * LANES
                        old, first = load(ends, i), load(begins, i)
                        at = pick(best > old, where, load(late, i))
                        first = pick(first < begin, first, begin)
                        at = at - (fill(float(t - window)) if window else first - 1.0)
                        found = pick(best > old, best, old) > -np.inf
                        store(a, (t - d + 1) * LANES, pick(found, at, np.nan))
                best, where, begin = fill(-np.inf), fill(0.0), fill(np.inf)
                for t in range(stop - 1, start, -1):
                    e = _signed(load(a, t * LANES), sign)
                    begin = pick(e > -np.inf, float(t), begin)
                    where = pick(e >= best, float(t), where)
                    best = pick(e >= best, e, best)
                    i = (t - start) * LANES
                    store(ends, i, best)
                    store(late, i, where)
                    store(begins, i, begin)
        unpack(tiles, left, out)
