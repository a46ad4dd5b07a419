"""Exponential means: they reach back to the first value.

Arrays have shape (T, S): a series a column. A row is made from the one before it, for all series
at a stroke.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernels.cache import njit

Array = npt.NDArray[Any]


@njit(cache=True, nogil=True)
def emas(x: Array, left: float, out: Array) -> None:
    """Exponential mean that leaves `left` of what was, started at the first value.

    One that grows beyond all numbers is NaN, and starts again at the next value.
    """
    rows, width = x.shape
    state = np.full(width, np.nan)
    for t in range(rows):
        row, to = x[t], out[t]
        for j in range(width):
            v, s = row[j], state[j]
            made = v + left * (s - v) if not np.isnan(s) else v
            made = made if abs(made) < np.inf else np.nan
            state[j] = s if np.isnan(v) else made
        for j in range(width):
            to[j] = state[j]


@njit(cache=True, nogil=True)
def ewmas(x: Array, d: int, out: Array) -> None:
    """Mean with weights 1, a, a² … from the newest row back to the first value's."""
    rows, width = x.shape
    left, weight, state = 1.0 - 2.0 / (d + 1.0), np.zeros(width), np.full(width, np.nan)
    for t in range(rows):
        row, to = x[t], out[t]
        for j in range(width):
            v, s = row[j], state[j]
            w = weight[j] * left  # a row without a value ages those before it
            more = w if np.isnan(v) else w + 1.0
            made = s + (v - s) / max(more, 1.0) if not np.isnan(s) else v
            weight[j] = more
            state[j] = s if np.isnan(v) else made
        for j in range(width):
            to[j] = state[j]
