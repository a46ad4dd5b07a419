"""Operators over the symbols of one date.

The input has NaN wherever a symbol is no member of the universe or has no value; such cells
take no part, and get NaN. Sums run over the symbols in their fixed order.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.validation.ic import average_ranks

FloatArray = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def rank(x: FloatArray) -> FloatArray:
    return average_ranks(x) / _count(x)


def demean(x: FloatArray) -> FloatArray:
    return x - _mean(x)


def zscore(x: FloatArray) -> FloatArray:
    std = _std(x)
    return np.divide(demean(x), std, out=np.full(x.shape, np.nan), where=std > 0.0)


def scale(x: FloatArray, a: float) -> FloatArray:
    total = np.nansum(np.abs(x), axis=1, keepdims=True)
    return np.divide(a * x, total, out=np.full(x.shape, np.nan), where=total > 0.0)


def winsorize(x: FloatArray, k: float) -> FloatArray:
    mean, spread = _mean(x), k * np.nan_to_num(_std(x))
    return np.clip(x, mean - spread, mean + spread)


def indneutralize(x: FloatArray, labels: Labels) -> FloatArray:
    out = np.full(x.shape, np.nan)
    for label in np.unique(labels):
        columns = labels == label
        out[:, columns] = demean(x[:, columns])
    return out


def _count(x: FloatArray) -> FloatArray:
    found = np.isfinite(x).sum(axis=1, keepdims=True).astype(np.float64)
    return np.where(found > 0.0, found, np.nan)


def _mean(x: FloatArray) -> FloatArray:
    """Mean of each row, shape (T, 1); from the row's least value, so that constants are exact."""
    least = np.fmin.reduce(x, axis=1, keepdims=True)
    return least + np.nansum(x - least, axis=1, keepdims=True) / _count(x)


def _std(x: FloatArray) -> FloatArray:
    """Standard deviation (n-1) of each row, shape (T, 1); NaN below two values."""
    left = _count(x) - 1.0
    square = np.nansum((x - _mean(x)) ** 2, axis=1, keepdims=True)
    return np.sqrt(np.divide(square, left, out=np.full(left.shape, np.nan), where=left > 0.0))
