"""PCR: least squares on the features' principal components."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

import engine

DIGITS = 1e6  # ratio of variances, above which rows are more exact
ROUNDING = 1e-10  # a component whose deviation is no more than this share of the first is none


@dataclass(eq=False)
class Components:
    """Least squares on the first principal components of rows, by their singular values.

    Parameters
    ----------
    count : int
        Components at most; what does not vary is none.
    """

    count: int
    coef_: engine.FloatArray = field(default_factory=lambda: np.zeros(0))  # (K,)
    intercept_: float = 0.0

    def fit(self, X: engine.FloatArray, y: engine.FloatArray) -> Components:
        """Learn y, shape (R,), from X, shape (R, K)."""
        mean, level = X.mean(axis=0), float(y.mean())
        left, deviation, right = np.linalg.svd(X - mean, full_matrices=False)
        keep = np.flatnonzero(deviation[: self.count] > ROUNDING * max(deviation[0], 1e-300))
        self.coef_ = right[keep].T @ ((left[:, keep].T @ (y - level)) / deviation[keep])
        self.intercept_ = level - float(mean @ self.coef_)
        return self

    def predict(self, X: engine.FloatArray) -> engine.FloatArray:
        """Return forecasts of X's rows, shape (R,)."""
        forecast: engine.FloatArray = X @ self.coef_ + self.intercept_
        return forecast


@dataclass(frozen=True)
class PCR(engine.Model):
    """Least squares on the principal components of most variance; the others get nothing.

    Hastie, Tibshirani & Friedman 2009, "The Elements of Statistical Learning", section 3.5.1.
    The target has no part in what a component is. As many components as features are least
    squares; there are never more.
    """

    name: ClassVar[str] = "pcr"

    components: int = engine.option(
        5, "of most variance; with fewer features than this there is one a feature", ge=1
    )

    def estimator(self, seed: int) -> engine.Estimator:
        """Return unfitted `Components`; `seed` is not used."""
        return Components(self.components)

    def solve(self, gram: engine.FloatArray, moment: engine.FloatArray) -> engine.FloatArray | None:
        """Return the coefficients; None where the components cannot be told apart from sums."""
        alive = np.flatnonzero(np.diag(gram) > 0.0)
        coefficients = np.zeros(len(gram))
        if len(alive) == 0:
            return coefficients
        values, vectors = np.linalg.eigh(gram[np.ix_(alive, alive)])
        values, vectors = values[::-1], vectors[:, ::-1]
        count = min(self.components, len(alive))
        gap = values[count - 1] - (values[count] if count < len(alive) else 0.0)
        if not gap * DIGITS > values[0]:
            return None
        kept = vectors[:, :count]
        coefficients[alive] = kept @ (kept.T @ moment[alive] / values[:count])
        return coefficients
