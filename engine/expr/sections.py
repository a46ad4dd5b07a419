"""Operators over the symbols of one date, on arrays of shape (T, N).

The input has NaN wherever a symbol is no member of the universe or has no value; such cells
take no part, and get NaN. Sums run over the symbols in their fixed order, from the first
value, so that a constant has no spread at all.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from engine.ranks import average_ranks

FloatArray = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def rank(x: FloatArray) -> FloatArray:
    return average_ranks(x, share=True)


def demean(x: FloatArray) -> FloatArray:
    return _centred(x)[0]


def zscore(x: FloatArray) -> FloatArray:
    centred, _, spread = _centred(x)
    return np.divide(centred, spread, out=np.full_like(x, np.nan), where=spread > 0.0)


def scale(x: FloatArray, a: float) -> FloatArray:
    total = np.nansum(np.abs(x), axis=1, keepdims=True)
    out = np.full_like(x, np.nan)
    np.divide(a * x, total, out=out, where=total > 0.0)
    return out


def winsorize(x: FloatArray, k: float) -> FloatArray:
    _, mean, spread = _centred(x)
    width = k * np.nan_to_num(spread)
    return np.clip(x, mean - width, mean + width)


def indneutralize(x: FloatArray, labels: Labels) -> FloatArray:
    out = np.empty_like(x)
    _grouped(x, labels, int(labels.max(initial=0)) + 1, out)
    return out


def _centred(x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """X less its row's mean; the mean, and the standard deviation (n-1), shape (T, 1)."""
    out = np.empty_like(x)
    mean, spread = np.empty((len(x), 1), x.dtype), np.empty((len(x), 1), x.dtype)
    _rows(x, out, mean, spread)
    return out, mean, spread


@njit(cache=True, nogil=True)
def _rows(x: FloatArray, out: FloatArray, means: FloatArray, spreads: FloatArray) -> None:
    for t in range(len(x)):
        row, to = x[t], out[t]
        first, total, count = 0.0, 0.0, 0
        for v in row:
            if not np.isnan(v):
                if count == 0:
                    first = v
                total += v - first
                count += 1
        mean, square = total / max(count, 1), 0.0
        for j in range(len(row)):
            far = (row[j] - first) - mean
            to[j] = far
            if not np.isnan(far):
                square += far * far
        means[t, 0] = first + mean if count > 0 else np.nan
        spreads[t, 0] = np.sqrt(square / (count - 1)) if count > 1 else np.nan


@njit(cache=True, nogil=True)
def _grouped(x: FloatArray, labels: Labels, groups: int, out: FloatArray) -> None:
    """X less the mean of its row's group."""
    first, total, count = np.empty(groups), np.empty(groups), np.empty(groups)
    for t in range(len(x)):
        row, to = x[t], out[t]
        total[:] = 0.0
        count[:] = 0.0
        for j in range(len(row)):
            v, g = row[j], labels[j]
            if not np.isnan(v):
                if count[g] == 0.0:
                    first[g] = v
                total[g] += v - first[g]
                count[g] += 1.0
        for j in range(len(row)):
            v, g = row[j], labels[j]
            to[j] = (v - first[g]) - total[g] / count[g] if not np.isnan(v) else np.nan
