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
    ranks: FloatArray = average_ranks(x) / _count(x)
    return ranks


def demean(x: FloatArray) -> FloatArray:
    from_least = x - _least(x)  # small numbers, so that the mean loses no digits
    return from_least - _mean(from_least)


def zscore(x: FloatArray) -> FloatArray:
    return _ratio(demean(x), _std(x))


def scale(x: FloatArray, a: float) -> FloatArray:
    total = np.nansum(np.abs(x), axis=1, keepdims=True)
    return _ratio(a * x, total)


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


def _least(x: FloatArray) -> FloatArray:
    """Least value of each row, shape (T, 1)."""
    least: FloatArray = np.fmin.reduce(x, axis=1, keepdims=True)
    return least


def _mean(x: FloatArray) -> FloatArray:
    """Mean of each row, shape (T, 1); from the row's least value, so that constants are exact."""
    least = _least(x)
    mean: FloatArray = least + np.nansum(x - least, axis=1, keepdims=True) / _count(x)
    return mean


def _std(x: FloatArray) -> FloatArray:
    """Standard deviation (n-1) of each row, shape (T, 1); NaN below two values."""
    left = _count(x) - 1.0
    square = np.nansum(demean(x) ** 2, axis=1, keepdims=True)
    return np.sqrt(_ratio(square, left))


def _ratio(top: FloatArray, bottom: FloatArray) -> FloatArray:
    """Top over the row's bottom; NaN where the bottom is not positive."""
    out = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=out, where=bottom > 0.0)
    return out
