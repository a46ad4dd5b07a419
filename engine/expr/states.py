"""Operators that carry a state from row to row, and those that look for the last value.

Arrays have shape (T, S): a series a column. A row is made from the one before it, for all series
at a stroke. All but `backfills` reach back to the first row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernels.cache import njit

Array = npt.NDArray[Any]


@njit(cache=True, nogil=True)
def backfills(x: Array, d: int, out: Array) -> None:
    """The last value within d rows; `out` may begin later than x, at least d - 1 rows."""
    rows, width = x.shape
    skip = rows - len(out)
    last, age = np.full(width, np.nan), np.zeros(width, np.int64)
    for t in range(rows):
        row = x[t]
        for j in range(width):
            if np.isnan(row[j]):
                age[j] += 1
            else:
                last[j] = row[j]
                age[j] = 0
        if t >= skip:
            to = out[t - skip]
            for j in range(width):
                to[j] = last[j] if age[j] < d else np.nan


@njit(cache=True, nogil=True)
def adaptive(x: Array, y: Array, out: Array) -> None:
    """Exponential mean with the weight y of each row, started at the first value.

    One that grows beyond all numbers is NaN, and starts again at the next value.
    """
    rows, width = x.shape
    state = np.full(width, np.nan)
    for t in range(rows):
        for j in range(width):
            v, w, s = x[t, j], y[t, j], state[j]
            if not np.isnan(v):
                if np.isnan(s):
                    state[j] = v
                elif not np.isnan(w):
                    made = s + w * (v - s)
                    state[j] = made if abs(made) < np.inf else np.nan
            out[t, j] = state[j]


@njit(cache=True, nogil=True)
def trades(x: Array, y: Array, z: Array, out: Array) -> None:
    """Y of the last row where x is above 0; NaN from a row where z is, until x is again."""
    rows, width = x.shape
    state = np.full(width, np.nan)
    for t in range(rows):
        for j in range(width):
            if z[t, j] > 0.0:
                state[j] = np.nan
            elif x[t, j] > 0.0:
                state[j] = y[t, j]
            out[t, j] = state[j]


@njit(cache=True, nogil=True)
def humps(x: Array, y: Array, out: Array) -> None:
    """The row before, unless x is further from it than y: then moved towards x by y."""
    rows, width = x.shape
    state = np.full(width, np.nan)
    for t in range(rows):
        for j in range(width):
            v, limit, s = x[t, j], y[t, j], state[j]
            limit = max(limit, 0.0) if not np.isnan(limit) else np.inf
            if not np.isnan(v):
                if np.isnan(s):
                    state[j] = v
                elif v - s > limit:
                    state[j] = s + limit
                elif s - v > limit:
                    state[j] = s - limit
            out[t, j] = state[j] if not np.isnan(v) else np.nan


@njit(cache=True, nogil=True)
def ages(x: Array, out: Array) -> None:
    """Rows since x was not 0; NaN before the first such row."""
    rows, width = x.shape
    state = np.full(width, np.nan)
    for t in range(rows):
        for j in range(width):
            v = x[t, j]
            state[j] = 0.0 if (not np.isnan(v)) and v != 0.0 else state[j] + 1.0
            out[t, j] = state[j]


@njit(cache=True, nogil=True)
def firsts(x: Array, d: int, out: Array) -> None:
    """1 where x is not 0 and no 1 is among the d rows before, else 0; NaN where x is."""
    rows, width = x.shape
    rest = np.zeros(width, np.int64)
    for t in range(rows):
        for j in range(width):
            v = x[t, j]
            true = rest[j] == 0 and (not np.isnan(v)) and v != 0.0
            rest[j] = d if true else max(rest[j] - 1, 0)
            out[t, j] = np.nan if np.isnan(v) else (1.0 if true else 0.0)
