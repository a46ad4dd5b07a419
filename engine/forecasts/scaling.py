"""Imputation and scaling of features, as learnt from a split's training rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.core.panel import FloatArray
from engine.forecasts.table import IntArray, Table
from engine.kernels.threads import share

CONSTANT = 1e-12  # a deviation of no more than this share of the mean is rounding


@dataclass(frozen=True, eq=False)
class Scaler:
    """Imputation and scaling, per feature, as learnt from the training rows; arrays (K,)."""

    median: FloatArray
    mean: FloatArray
    scale: FloatArray  # 0 turns a constant feature into 0

    @classmethod
    def fit(
        cls, table: Table, rows: IntArray, medians: FloatArray, standardize: bool
    ) -> tuple[Scaler, FloatArray]:
        """Return the scaler, and the training rows scaled, shape (rows, K)."""
        K, cells = len(table.columns), table.cells[rows]
        mean, scale = np.zeros(K), np.ones(K)
        out = np.empty((K, len(rows)))

        def learn(some: slice) -> None:
            k = some.start
            x = table.read(k, cells, out[k])
            x[~np.isfinite(x)] = medians[k]
            if standardize:
                mean[k] = x.mean()
                x -= mean[k]
                deviation = np.sqrt(np.dot(x, x) / len(x))
                scale[k] = invert(deviation, mean[k])
                x *= scale[k]

        share(cut(table), learn)
        return cls(medians, mean, scale), out.T

    def apply(self, table: Table, rows: IntArray) -> FloatArray:
        """Return other rows, scaled alike, shape (rows, K)."""
        out, cells = np.empty((len(table.columns), len(rows))), table.cells[rows]

        def scale(some: slice) -> None:
            k = some.start
            x = table.read(k, cells, out[k])
            x[~np.isfinite(x)] = self.median[k]
            x -= self.mean[k]
            x *= self.scale[k]

        share(cut(table), scale)
        return out.T


def measure_unit(y: FloatArray) -> float:
    """Return what a target is divided by: its deviation, or 1; y's memory is overwritten."""
    deviation = deviate(y)
    return deviation if deviation > 0.0 else 1.0


def deviate(y: FloatArray) -> float:
    """Return `numpy.std` of y, to the last bit, in y's own memory."""
    y -= y.sum() / len(y)
    np.multiply(y, y, out=y)
    return float(np.sqrt(y.sum() / len(y)))


def invert(deviation: float, mean: float) -> float:
    """Return 1 / deviation; 0 where it is but rounding of the mean."""
    return 0.0 if deviation <= CONSTANT * max(abs(mean), 1e-300) else 1.0 / deviation


def cut(table: Table) -> list[slice]:
    """Cut a table into its features, for threads to share."""
    return [slice(k, k + 1) for k in range(len(table.columns))]
