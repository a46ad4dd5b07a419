"""Medians of many short rows; `numpy.nanmedian` is slow on those."""

from __future__ import annotations

import numpy as np

from engine.core.panel import FloatArray


def row_medians(rows: FloatArray) -> FloatArray:
    """Return the median of each row's finite values, shape (R,); NaN where a row has none."""
    ascending = np.sort(np.where(np.isfinite(rows), rows, np.nan), axis=1)  # NaN last
    count = np.isfinite(ascending).sum(axis=1)
    row, last = np.arange(len(rows)), max(rows.shape[1] - 1, 0)
    low = ascending[row, np.maximum(count - 1, 0) // 2]
    median: FloatArray = (low + ascending[row, np.minimum(count // 2, last)]) / 2
    return median
