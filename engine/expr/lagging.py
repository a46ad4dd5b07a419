"""Windows that are looked at lag by lag: ranks of the newest value, falling weights, products.

Arrays have shape (T, S): a series a column, of which LANES are worked on at a time. As in
`engine.expr.spreads`, they end with the row with which `out` ends; before row 0 is NaN.
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
    fma,
    holes,
    kernel,
    load,
    mean_from,
    pack,
    pick,
    store,
    unpack,
)

Array = npt.NDArray[Any]


@kernel
def ranks(x: Array, d: int, out: Array) -> None:
    """Average rank of each value among its window's, over their count."""
    days, columns = out.shape
    rows = d - 1 + days
    tiles = np.empty((TILES, rows * LANES))
    for left in range(0, columns, WIDE):
        pack(x, len(x) - rows, left, tiles)
        for k in range(count_tiles(columns, left)):
            a = tiles[k]
            for t in range(d - 1, rows):
                new = load(a, t * LANES)
                twice, count = fill(1.0), fill(0.0)  # the value equals itself: 1 too many
                for i in range((t - d + 1) * LANES, (t + 1) * LANES, LANES):
                    e = load(a, i)
                    twice = pick(e < new, twice + 1.0, twice)
                    twice = pick(e <= new, twice + 1.0, twice)
                    count = pick(are_known(e, e), count + 1.0, count)
                told = pick(are_known(new, new), twice * 0.5 / count, np.nan)
                store(a, (t - d + 1) * LANES, told)
        unpack(tiles, left, out)


@kernel
def decays(x: Array, d: int, newest: float, out: Array) -> None:
    """Mean with weights from `newest`, the newest row's, falling by 1 a row.

    It is taken of distances from the last value, as `mean_from` says.
    """
    days, columns = out.shape
    rows = d - 1 + days
    start = max(rows - len(x), 0)  # there is nothing before it
    tiles, again = np.empty((TILES, rows * LANES)), np.empty((TILES, rows * LANES))
    for left in range(0, columns, WIDE):
        pack(x, len(x) - rows, left, tiles)
        packed = False
        for k in range(count_tiles(columns, left)):
            a, to, last, whole = again[k], tiles[k], fill(0.0), fill(0.0)
            for t in range(d - 1, rows):
                told = _decay(to, t, min(d, t - start + 1), newest)
                whole = whole + told
                store(to, (t - d + 1) * LANES, told)
            if every(are_known(whole, whole)):
                continue
            if not packed:
                pack(x, len(x) - rows, left, again)
                packed = True
            if not holes(a, start):
                continue
            for t in range(start, rows):
                v = load(a, t * LANES)
                last = pick(are_known(v, v), v, last)
                if t >= d - 1:
                    told = _decay_known(a, t, min(d, t - start + 1), newest, last)
                    store(to, (t - d + 1) * LANES, told)
        unpack(tiles, left, out)


@njit(nogil=True, forceinline=True)
def _decay(a: Array, t: int, n: int, newest: float) -> Lanes:
    """Weighted mean of n rows up to row t, where all are known."""
    total, last = fill(0.0), load(a, t * LANES)
    for lag in range(n):
        total = fma(load(a, (t - lag) * LANES) - last, fill(newest - lag), total)
    return mean_from(last, total, fill(n * newest - n * (n - 1) / 2.0))


@njit(nogil=True, forceinline=True)
def _decay_known(a: Array, t: int, n: int, newest: float, last: Lanes) -> Lanes:
    """The same of what is known; of all rows, to the bit."""
    total, weight = fill(0.0), fill(0.0)
    for lag in range(n):
        e, w = load(a, (t - lag) * LANES) - last, fill(newest - lag)
        there = are_known(e, e)
        total = pick(there, fma(e, w, total), total)
        weight = pick(there, weight + w, weight)
    return pick(weight > 0.0, mean_from(last, total, weight), np.nan)


@kernel
def fades(x: Array, d: int, factor: float, out: Array) -> None:
    """Mean with weights 1, f, f² … from the newest row on, of distances from the last value."""
    days, columns = out.shape
    rows = d - 1 + days
    tiles = np.empty((TILES, rows * LANES))
    for left in range(0, columns, WIDE):
        pack(x, len(x) - rows, left, tiles)
        for k in range(count_tiles(columns, left)):
            a, p = tiles[k], fill(0.0)
            for t in range(rows):
                v = load(a, t * LANES)
                p = pick(are_known(v, v), v, p)
                if t < d - 1:
                    continue
                total, weight, w = fill(0.0), fill(0.0), fill(1.0)
                for lag in range(d):
                    e = load(a, (t - lag) * LANES) - p
                    there = are_known(e, e)
                    total = pick(there, fma(w, e, total), total)
                    weight = pick(there, weight + w, weight)
                    w = w * factor
                store(a, (t - d + 1) * LANES, pick(weight > 0.0, p + total / weight, np.nan))
        unpack(tiles, left, out)


@kernel
def products(x: Array, d: int, out: Array) -> None:
    """Product of each window's values, the newest first; NaN for none."""
    days, columns = out.shape
    rows = d - 1 + days
    tiles = np.empty((TILES, rows * LANES))
    for left in range(0, columns, WIDE):
        pack(x, len(x) - rows, left, tiles)
        for k in range(count_tiles(columns, left)):
            a = tiles[k]
            for t in range(d - 1, rows):
                made = fill(np.nan)
                for lag in range(d):
                    e = load(a, (t - lag) * LANES)
                    made = pick(are_known(made, e), made * e, pick(are_known(e, e), e, made))
                store(a, (t - d + 1) * LANES, made)
        unpack(tiles, left, out)
