"""Ridge: least squares with a penalty on squared coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import engine

DIGITS = 1e6  # ratio of largest to smallest eigenvalue, above which rows are more exact


@dataclass(frozen=True)
class Ridge(engine.Model):
    """Least squares with a penalty on squared coefficients.

    Minimises ``|y - Xw|^2 + alpha |w|^2`` (Hoerl & Kennard 1970, "Ridge Regression: Biased
    Estimation for Nonorthogonal Problems", section 2). With features of unit variance the
    penalty weighs as much as `alpha` training rows.
    """

    name: ClassVar[str] = "ridge"

    alpha: float = engine.option(
        1000.0,
        "penalty on squared coefficients: it weighs as much as this many training rows",
        unit="rows",
        ge=0.0,
    )

    def estimator(self, seed: int) -> engine.Estimator:
        """Return an unfitted ``sklearn.linear_model.Ridge``; `seed` is not used."""
        from sklearn.linear_model import Ridge as Estimator

        fresh: engine.Estimator = Estimator(alpha=self.alpha, solver="cholesky", copy_X=False)
        return fresh

    def solve(self, gram: engine.FloatArray, moment: engine.FloatArray) -> engine.FloatArray | None:
        """Return the coefficients; None where features are collinear beyond what alpha mends."""
        values, vectors = np.linalg.eigh(gram)
        penalised = values + self.alpha
        if not penalised[0] * DIGITS > penalised[-1]:
            return None
        coefficients: engine.FloatArray = vectors @ (vectors.T @ moment / penalised)
        return coefficients
