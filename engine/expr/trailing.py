"""Mean distances, and exponential means whose weights end with the first value.

Arrays have shape (S, T): one series a row.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]


@njit(cache=True, nogil=True)
def distances(x: Array, d: int, first: Array, mean: Array, out: Array) -> None:
    """Mean of |x - mean| over each window; `mean` is less `first`, one of its values."""
    rows = x.shape[1]
    for s in range(len(x)):
        xs, to = x[s], out[s]
        for t in range(rows):
            f, m, total, count = first[s, t], mean[s, t], 0.0, 0.0
            for lag in range(min(d, t + 1) - 1, -1, -1):
                v = (xs[t - lag] - f) - m
                total += 0.0 if np.isnan(v) else abs(v)
                count += 0.0 if np.isnan(v) else 1.0
            to[t] = total / count if count > 0.0 else np.nan


@njit(cache=True, nogil=True)
def ewmas(x: Array, d: int, out: Array) -> None:
    """Mean with weights 1, a, a² … from the newest row back to the first value's."""
    left = x.dtype.type(1.0 - 2.0 / (d + 1.0))
    for s in range(len(x)):
        xs, to = x[s], out[s]
        weight, state = x.dtype.type(0.0), x.dtype.type(np.nan)
        for t in range(len(xs)):
            v = xs[t]
            weight *= left  # a row without a value ages those before it
            if not np.isnan(v):
                weight += 1.0
                state = v if np.isnan(state) else state + (v - state) / weight
            to[t] = state
