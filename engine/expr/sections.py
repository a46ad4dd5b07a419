"""Operators over the symbols of one date, on arrays of shape (T, N).

The input has NaN wherever a symbol is no member of the universe or has no value; such cells
take no part, and get NaN. Sums run over the symbols in their fixed order, from the first
value, so that a constant has no spread at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from engine.ranks import average_ranks

Array = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.int64]


def rank(x: Array) -> Array:
    return average_ranks(x, share=True)


def demean(x: Array) -> Array:
    return _centred(x)[0]


def zscore(x: Array) -> Array:
    centred, _, spread = _centred(x)
    return np.divide(centred, spread, out=np.full_like(x, np.nan), where=spread > 0.0)


def scale(x: Array, a: float) -> Array:
    total = np.nansum(np.abs(x), axis=1, keepdims=True)
    return np.divide(a * x, total, out=np.full_like(x, np.nan), where=total > 0.0)


def winsorize(x: Array, k: float) -> Array:
    _, mean, spread = _centred(x)
    width = k * np.nan_to_num(spread)
    return np.clip(x, mean - width, mean + width)


def indneutralize(x: Array, labels: Labels) -> Array:
    out = np.empty_like(x)
    _grouped(x, labels, int(labels.max(initial=0)) + 1, out)
    return out


def _centred(x: Array) -> tuple[Array, Array, Array]:
    """X less its row's mean; the mean, and the standard deviation (n-1), shape (T, 1)."""
    out = np.empty_like(x)
    mean, spread = np.empty((len(x), 1), x.dtype), np.empty((len(x), 1), x.dtype)
    _rows(x, out, mean, spread)
    return out, mean, spread


@njit(cache=True, nogil=True)
def _rows(x: Array, out: Array, means: Array, spreads: Array) -> None:
    for t in range(len(x)):
        row, to = x[t], out[t]
        first, total, count = 0.0, 0.0, 0
        for v in row:
            if v == v:
                if count == 0:
                    first = v
                total += v - first
                count += 1
        mean, square = total / max(count, 1), 0.0
        for j in range(len(row)):
            far = (row[j] - first) - mean
            to[j] = far
            if far == far:
                square += far * far
        means[t, 0] = first + mean if count > 0 else np.nan
        spreads[t, 0] = np.sqrt(square / (count - 1)) if count > 1 else np.nan


@njit(cache=True, nogil=True)
def _grouped(x: Array, labels: Labels, groups: int, out: Array) -> None:
    """X less the mean of its row's group."""
    first, total, count = np.empty(groups), np.empty(groups), np.empty(groups)
    for t in range(len(x)):
        row, to = x[t], out[t]
        total[:] = 0.0
        count[:] = 0.0
        for j in range(len(row)):
            v, g = row[j], labels[j]
            if v == v:
                if count[g] == 0.0:
                    first[g] = v
                total[g] += v - first[g]
                count[g] += 1.0
        for j in range(len(row)):
            v, g = row[j], labels[j]
            to[j] = (v - first[g]) - total[g] / count[g] if v == v else np.nan
