"""Sums and extremes of windows, put together from parts.

Arrays have shape (T, S): a series a column, of which LANES are worked on at a time
(`engine.kernels.lanes`); they end with the row with which `out` ends, and before row 0 is NaN.
Every value depends on its own window's rows alone: nothing runs along, so nothing of a huge value
stays behind when it goes, and a chunk of the rows gives the same bits as all of them.

Sums (`sums`) add a window's known values in their order, wherever a hole stands:

1. `few[t]` is the sum of the GROUP rows that end with row t, and `many[t]` that of PART rows, made
   of four of `few`. Both are made once, for all windows that have them.
2. A window adds up `many` from its newest row back, while more than PART rows are left, and then
   the rest row by row: 250 rows are 15 parts and 10 rows. For a mean, all are distances from the
   window's last value, and parts are moved to it.
3. Where a total is NaN, some series has a hole. In windows of at most PART rows the known values
   are added up again, all lanes side by side. In longer ones each series with a hole is taken
   alone: its known values are put side by side, and steps 1 and 2 done on these.

```
 row  t-d+1               t-32 t-31            t-16 t-15                t
      ├── 1 to 16 rows ──────┤ ├──── many[t-16] ──┤ ├───── many[t] ─────┤
                                                    few[t-12] ... few[t]   four rows each
```

Extremes (`greatest`, `places`) are exact in any order (van Herk 1992; Gil and Werman 1993):

1. Cut the rows into pieces of d. A window is the end of one piece and the beginning of the next.
2. Run forwards along a piece: `best` is the greatest since its first row, and with the greatest of
   the piece before from the window's first row on (`ends`) it is the window's.
3. Run backwards along it, and keep the greatest of its last rows in `ends` for the next piece.

```
 row     0   1   2   3   4 │ 5   6   7   8   9 │     d = 5
 window          ├─ ends ──┼ best ┤                  of row 6
```
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernels.cache import njit
from engine.kernels.lanes import (
    LANES,
    TILES,
    WIDE,
    Lanes,
    are_known,
    count_tiles,
    every,
    fill,
    holes,
    kernel,
    load,
    mean_from,
    mean_of,
    pack,
    pick,
    store,
    unpack,
)

Array = npt.NDArray[Any]
PART, GROUP = 16, 4  # values; the sum of a part is that of its groups
TOTAL, MEAN = 0, 1


@kernel
def sums(x: Array, d: int, kind: int, out: Array) -> None:
    """Sum or mean of each window's values; NaN for none."""
    days, columns = out.shape
    rows = d - 1 + days
    start = max(rows - len(x), 0)  # there is nothing before it
    cells = rows * LANES if d > PART else 0
    tiles, again = np.empty((TILES, rows * LANES)), np.empty((TILES, rows * LANES))
    few, many = np.empty(cells), np.empty(cells)
    turned, room = np.empty((LANES, rows)), np.empty((3, rows))
    known_by = np.empty(rows, np.int64)
    for left in range(0, columns, WIDE):
        pack(x, len(x) - rows, left, tiles)
        packed = False
        for k in range(count_tiles(columns, left)):
            a, to = again[k], tiles[k]
            if _without_holes(to, start, d, kind, few, many):
                continue
            if not packed:
                pack(x, len(x) - rows, left, again)
                packed = True
            broken = holes(a, start)
            if broken and d <= PART:
                _with_holes(a, start, d, kind, to)
            elif broken:
                _turn(a, turned)
                for lane in range(LANES):
                    if broken >> lane & 1:
                        _sum_alone(turned[lane], start, d, kind, room, known_by, to[lane:])
        unpack(tiles, left, out)


@njit(nogil=True, forceinline=True)
def _without_holes(a: Array, start: int, d: int, kind: int, few: Array, many: Array) -> bool:
    """Sums or means of full windows, each in the place of its first row; whether all are full."""
    rows, all_of_them = len(a) // LANES, fill(0.0)
    for t in range(start + GROUP - 1, rows if d > PART else 0):
        store(few, t * LANES, _sum(a, t, GROUP, _pivot(a, t, kind)))
    for t in range(start + PART - 1, rows if d > PART else 0):
        s, p = fill(0.0), _pivot(a, t, kind)
        for group in range(PART // GROUP):
            s = s + _move(few, a, t - group * GROUP, GROUP, p, kind)
        store(many, t * LANES, s)
    for t in range(d - 1, rows):
        n, total, p = min(d, t - start + 1), fill(0.0), _pivot(a, t, kind)
        parts = (n - 1) // PART if d > PART else 0
        for part in range(parts):
            total = total + _move(many, a, t - part * PART, PART, p, kind)
        total = total + _sum(a, t - parts * PART, n - parts * PART, p)
        all_of_them = all_of_them + total
        store(
            a, (t - d + 1) * LANES, mean_from(p, total, fill(float(n))) if kind == MEAN else total
        )
    return bool(every(are_known(all_of_them, all_of_them)))


@njit(nogil=True, forceinline=True)
def _pivot(a: Array, t: int, kind: int) -> Lanes:
    """What values are counted from: for a mean, the last one."""
    return load(a, t * LANES) if kind == MEAN else fill(0.0)


@njit(nogil=True, forceinline=True)
def _sum(a: Array, t: int, n: int, pivot: Lanes) -> Lanes:
    """Sum of n rows up to row t, less the pivot."""
    s = fill(0.0)
    for lag in range(n):
        s = s + (load(a, (t - lag) * LANES) - pivot)
    return s


@njit(nogil=True, forceinline=True)
def _move(parts: Array, a: Array, t: int, n: int, pivot: Lanes, kind: int) -> Lanes:
    """Sum of n rows up to row t, less the pivot: `parts` has it, for a mean less row t's."""
    part = load(parts, t * LANES)
    return part + (load(a, t * LANES) - pivot) * float(n) if kind == MEAN else part


@njit(nogil=True, forceinline=True)
def _with_holes(a: Array, start: int, d: int, kind: int, to: Array) -> None:
    """Sums or means of windows of at most PART rows, of what is known."""
    last = fill(0.0)
    for t in range(start, len(a) // LANES):
        v = load(a, t * LANES)
        last = pick(are_known(v, v), v, last) if kind == MEAN else last
        if t < d - 1:
            continue
        total, n = fill(0.0), fill(0.0)
        for lag in range(min(d, t - start + 1)):
            e = load(a, (t - lag) * LANES) - last
            there = are_known(e, e)
            total, n = pick(there, total + e, total), pick(there, n + 1.0, n)
        total = mean_from(last, total, n) if kind == MEAN else total
        store(to, (t - d + 1) * LANES, pick(n > 0.0, total, np.nan))


@njit(nogil=True)
def _turn(a: Array, turned: Array) -> None:
    """Give each lane a row of its own."""
    for t in range(turned.shape[1]):
        for lane in range(LANES):
            turned[lane, t] = a[t * LANES + lane]


@njit(nogil=True)
def _sum_alone(
    x: Array, start: int, d: int, kind: int, room: Array, known_by: Array, to: Array
) -> None:
    """Sums or means of the windows of one series that have holes, of its values side by side."""
    value, few, many = room
    count, far = 0, 1.0 if kind == MEAN else 0.0  # from the last value, or from zero
    for t in range(start, len(x)):
        value[count] = x[t]
        count += 0 if np.isnan(x[t]) else 1
        known_by[t] = count
    for i in range(GROUP - 1, count):
        p = value[i] * far
        few[i] = (((value[i] - p) + (value[i - 1] - p)) + (value[i - 2] - p)) + (value[i - 3] - p)
    for i in range(PART - 1, count):
        p = value[i]
        one, two = few[i], few[i - 4] + (value[i - 4] - p) * 4.0 * far
        three = few[i - 8] + (value[i - 8] - p) * 4.0 * far
        many[i] = ((one + two) + three) + (few[i - 12] + (value[i - 12] - p) * 4.0 * far)
    for t in range(max(start, d - 1), len(x)):
        n = known_by[t] - (known_by[t - d] if t >= start + d else 0)
        if n < min(d, t - start + 1):
            told = _sum_last(value, many, known_by[t] - 1, n, kind) if n else np.nan
            to[(t - d + 1) * LANES] = told


@njit(nogil=True, error_model="numpy")
def _sum_last(value: Array, many: Array, j: int, n: int, kind: int) -> float:
    """Sum or mean of n known values up to the j-th."""
    parts, p = (n - 1) // PART, value[j] if kind == MEAN else 0.0
    total, rest = 0.0, 0.0
    for part in range(parts):
        i = j - part * PART
        total += many[i] + (value[i] - p) * PART if kind == MEAN else many[i]
    for lag in range(parts * PART, n):
        rest += value[j - lag] - p
    return mean_of(p, total + rest, n) if kind == MEAN else total + rest


@kernel
def greatest(x: Array, d: int, sign: float, out: Array) -> None:
    """Sign times the greatest of sign · x in each window; NaN for none."""
    days, columns = out.shape
    rows = d - 1 + days
    tiles, ends = np.empty((TILES, rows * LANES)), np.empty((d + 1) * LANES)
    for left in range(0, columns, WIDE):
        pack(x, len(x) - rows, left, tiles)
        for k in range(count_tiles(columns, left)):
            a = tiles[k]
            ends[:] = -np.inf
            for start in range(0, rows, d):
                stop, best = min(start + d, rows), fill(-np.inf)
                for t in range(start, stop):
                    e = _sign(load(a, t * LANES), sign)
                    best = pick(e > best, e, best)
                    if t >= d - 1:
                        old = load(ends, (t - start + 1) * LANES)
                        told = pick(best > old, best, old)
                        told = pick(told > -np.inf, told * sign, np.nan)
                        store(a, (t - d + 1) * LANES, told)
                best = fill(-np.inf)  # of this piece's last rows; its first row has been told
                for t in range(stop - 1, start, -1):
                    e = _sign(load(a, t * LANES), sign)
                    best = pick(e >= best, e, best)
                    store(ends, (t - start) * LANES, best)
        unpack(tiles, left, out)


@njit(nogil=True, forceinline=True)
def _sign(value: Lanes, sign: float) -> Lanes:
    return pick(are_known(value, value), value * sign, -np.inf)


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
        for k in range(count_tiles(columns, left)):
            a = tiles[k]
            ends[:] = -np.inf
            begins[:] = np.inf
            for start in range(0, rows, d):
                stop = min(start + d, rows)
                best, where, begin = fill(-np.inf), fill(0.0), fill(np.inf)
                for t in range(start, stop):
                    e = _sign(load(a, t * LANES), sign)
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
                    e = _sign(load(a, t * LANES), sign)
                    begin = pick(e > -np.inf, float(t), begin)
                    where = pick(e >= best, float(t), where)
                    best = pick(e >= best, e, best)
                    i = (t - start) * LANES
                    store(ends, i, best)
                    store(late, i, where)
                    store(begins, i, begin)
        unpack(tiles, left, out)
