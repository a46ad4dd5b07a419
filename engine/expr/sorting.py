"""Quantiles of windows, from windows that are kept sorted.

Arrays have shape (T, S): a series a column, of which LANES are worked on at a time
(`engine.kernels.lanes`). A value leaves a sorted window and another one comes in by a pass of
comparisons that is the same for all series: what leaves shifts the greater ones down, and what
comes in is pushed up between its neighbours. What is not known is infinite, and lies above all
values.
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
    at_least,
    count_tiles,
    fill,
    floor,
    kernel,
    load,
    pack,
    pick,
    pluck,
    store,
    unpack,
)

Array = npt.NDArray[Any]


@kernel
def quantiles(x: Array, d: int, q: float, out: Array) -> None:
    """Quantile q of each window, interpolated linearly; NaN for none."""
    days, columns = out.shape
    rows = d + days  # one before the first window, whose place takes that window's quantile
    tiles, window = np.empty((TILES, rows * LANES)), np.empty((d + 1) * LANES)
    for left in range(0, columns, WIDE):
        pack(x, len(x) - rows, left, tiles)
        for k in range(count_tiles(columns, left)):
            a, count = tiles[k], fill(0.0)
            window[:] = np.inf  # the last place is always free
            for t in range(1, rows):
                old = _last(load(a, (t - d) * LANES)) if t > d else fill(np.inf)
                new = _last(load(a, t * LANES))
                count = pick(old < np.inf, count - 1.0, count)
                count = pick(new < np.inf, count + 1.0, count)
                now, below = load(window, 0), fill(-np.inf)
                for place in range(0, d * LANES, LANES):
                    above = load(window, place + LANES)
                    kept = pick(now < old, now, above)
                    low = pick(new > below, new, below)
                    store(window, place, pick(kept < low, kept, low))
                    now, below = above, kept
                if t >= d:
                    store(a, (t - d) * LANES, _interpolate(window, count, q))
        unpack(tiles, left, out)


@njit(nogil=True, forceinline=True)
def _last(value: Lanes) -> Lanes:
    """Infinite for NaN; and one zero: its sign would tell of the order."""
    return pick(are_known(value, value), value + 0.0, np.inf)


@njit(nogil=True, forceinline=True)
def _interpolate(window: Array, count: Lanes, q: float) -> Lanes:
    last = at_least(count - 1.0, 0.0)
    place = q * last
    low = floor(place)
    least, more = pluck(window, low), pluck(window, pick(low < last, low + 1.0, last))
    return pick(count > 0.0, least + (place - low) * (more - least), np.nan)
