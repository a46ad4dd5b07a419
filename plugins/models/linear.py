"""Linear: ordinary least squares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import engine

DIGITS = 1e6  # ratio of largest to smallest eigenvalue, above which rows are more exact


@dataclass(frozen=True)
class Linear(engine.Model):
    """Ordinary least squares; of collinear features it takes the solution of least norm."""

    name: ClassVar[str] = "linear"

    def estimator(self, seed: int) -> engine.Estimator:
        """Return an unfitted ``sklearn.linear_model.LinearRegression``; `seed` is not used."""
        from sklearn.linear_model import LinearRegression

        fresh: engine.Estimator = LinearRegression(copy_X=False)
        return fresh

    def solve(self, gram: engine.FloatArray, moment: engine.FloatArray) -> engine.FloatArray | None:
        """Return the coefficients, 0 of constant features; None where features are collinear."""
        alive = np.flatnonzero(np.diag(gram) > 0.0)
        coefficients = np.zeros(len(gram))
        if len(alive) == 0:
            return coefficients
        values, vectors = np.linalg.eigh(gram[np.ix_(alive, alive)])
        if not values[0] * DIGITS > values[-1]:
            return None
        coefficients[alive] = vectors @ (vectors.T @ moment[alive] / values)
        return coefficients
