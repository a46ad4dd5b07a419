"""More of `engine.expr.slow`: ranks, buckets and scores by other conventions."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]


def dense_rank(x: FloatArray) -> FloatArray:
    ranks: FloatArray = pd.DataFrame(x).rank(axis=1, method="dense", pct=True).to_numpy()
    return ranks


def qcut(x: FloatArray, q: float) -> FloatArray:
    out, last = np.full(x.shape, np.nan), math.floor(q)
    for t, row in enumerate(x):
        level = sorted(row[~np.isnan(row)])
        # an edge lies at or above this value and below the next greater one
        edges = [level[k * (len(level) - 1) // last] for k in range(1, last)] if level else []
        for j, value in enumerate(row):
            if not np.isnan(value):
                out[t, j] = 1.0 + sum(value > edge for edge in edges)
    return out


def zscore2(x: FloatArray, ddof: float) -> FloatArray:
    out = np.full(x.shape, np.nan)
    for t, row in enumerate(x):
        values = row[~np.isnan(row)]
        if len(values) > 1 and len(values) > ddof:
            level = values - values[0]
            spread = np.sqrt(((level - level.mean()) ** 2).sum() / (len(values) - ddof))
            if spread > 8.0 * np.finfo(np.float64).eps * np.abs(values[0]):
                out[t] = ((row - values[0]) - level.mean()) / spread
    return out
