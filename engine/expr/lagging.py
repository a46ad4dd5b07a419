"""Windows that are looked at lag by lag: ranks of the newest value, falling weights, products.

Arrays have shape (T, S): a series a column, of which LANES are worked on at a time. As in
`engine.expr.spreads`, they end with the row with which `out` ends; before row 0 is NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.lanes import (
    LANES,
    TILES,
    WIDE,
    fill,
    fma,
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


@kernel
def ranks(x: Array, d: int, out: Array) -> None:
    """Average rank of each value among its window's, over their count."""
    days, columns = out.shape
    rows = d - 1 + days
    tiles = np.empty((TILES, rows * LANES))
    for left in range(0, columns, WIDE):
        pack(x, len(x) - rows, left, tiles)
        for k in range(used(columns, left)):
            a = tiles[k]
            for t in range(d - 1, rows):
                new = load(a, t * LANES)
                twice, count = fill(1.0), fill(0.0)  # the value equals itself: 1 too many
                for i in range((t - d + 1) * LANES, (t + 1) * LANES, LANES):
                    e = load(a, i)
                    twice = pick(e < new, twice + 1.0, twice)
                    twice = pick(e <= new, twice + 1.0, twice)
                    count = pick(known(e, e), count + 1.0, count)
                told = pick(known(new, new), twice * 0.5 / count, np.nan)
                store(a, (t - d + 1) * LANES, told)
        unpack(tiles, left, out)


@kernel
def decays(x: Array, d: int, newest: float, out: Array) -> None:
    """Mean with weights from `newest`, the newest row's, falling by 1 a row."""
    days, columns = out.shape
    rows = d - 1 + days
    tiles = np.empty((TILES, rows * LANES))
    for left in range(0, columns, WIDE):
        pack(x, len(x) - rows, left, tiles)
        for k in range(used(columns, left)):
            a = tiles[k]
            for t in range(d - 1, rows):
                total, weight = fill(0.0), fill(0.0)
                for lag in range(d):
                    e, w = load(a, (t - lag) * LANES), fill(newest - lag)
                    there = known(e, e)
                    total = pick(there, fma(w, e, total), total)
                    weight = pick(there, weight + w, weight)
                store(a, (t - d + 1) * LANES, pick(weight > 0.0, total / weight, np.nan))
        unpack(tiles, left, out)


@kernel
def products(x: Array, d: int, out: Array) -> None:
    """Product of each window's values, the newest first; NaN for none."""
    days, columns = out.shape
    rows = d - 1 + days
    tiles = np.empty((TILES, rows * LANES))
    for left in range(0, columns, WIDE):
        pack(x, len(x) - rows, left, tiles)
        for k in range(used(columns, left)):
            a = tiles[k]
            for t in range(d - 1, rows):
                made = fill(np.nan)
                for lag in range(d):
                    e = load(a, (t - lag) * LANES)
                    made = pick(known(made, e), made * e, pick(known(e, e), e, made))
                store(a, (t - d + 1) * LANES, made)
        unpack(tiles, left, out)
