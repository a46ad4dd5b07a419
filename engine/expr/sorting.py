"""Quantiles of windows, from windows that are kept sorted, many series at a time.

Arrays have shape (T, S): a series a column. A value leaves a sorted window and another one comes
in by a pass of comparisons that is the same for all series, so that it runs on whole vectors:
what leaves shifts the greater ones down, and what comes in is pushed up between its neighbours.
What is not known is infinite, and lies above all values.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]
WIDTH = 64  # series at a time


@njit(cache=True, nogil=True)
def _moved(now: Array, above: Array, old: Array, new: Array, below: Array) -> None:
    """Fill a place of the windows; `below` is what the place below would have held."""
    for j in range(len(now)):
        v, w, b = now[j], new[j], below[j]
        kept = v if v < old[j] else above[j]
        low = w if w > b else b
        now[j] = kept if kept < low else low
        below[j] = kept


@njit(cache=True, nogil=True)
def _known(row: Array, value: Array, count: Array, step: float) -> None:
    """A row's values, infinite for NaN; `count` changes by `step` for each that is known."""
    for j in range(len(row)):
        v = row[j]
        value[j] = np.inf if np.isnan(v) else v + 0.0  # one zero: its sign would tell of the order
        count[j] += 0.0 if np.isnan(v) else step


@njit(cache=True, nogil=True)
def quantiles(x: Array, d: int, q: float, out: Array) -> None:
    """Quantile q of each window, interpolated linearly; NaN for none."""
    columns, first = x.shape[1], len(x) - len(out)
    d, size = min(d, len(x)), min(WIDTH, columns)
    window = np.empty((d + 1, size))  # the last place is always free
    old, new, below, count = np.empty(size), np.empty(size), np.empty(size), np.empty(size)
    for left in range(0, columns, WIDTH):
        w = min(WIDTH, columns - left)
        window[:] = np.inf
        count[:] = 0.0
        start = max(first - d + 1, 0)
        for t in range(start, len(x)):
            old[:] = np.inf
            if t - d >= start:
                _known(x[t - d, left : left + w], old, count, -1.0)
            _known(x[t, left : left + w], new, count, 1.0)
            below[:] = -np.inf
            for k in range(d):
                _moved(window[k], window[k + 1], old, new, below)
            if t >= first:
                _between(window, count, q, out[t - first, left : left + w])


@njit(cache=True, nogil=True)
def _between(window: Array, count: Array, q: float, out: Array) -> None:
    for j in range(len(out)):
        place = q * (count[j] - 1.0)
        low = int(place)
        high = min(low + 1, int(count[j]) - 1)
        if count[j] > 0.0:
            least = window[low, j]
            out[j] = least + (place - low) * (window[high, j] - least)
        else:
            out[j] = np.nan
