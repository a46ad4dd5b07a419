"""Lasso: least squares with a penalty on absolute coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import engine
from engine.plugins.models._convergence import telling

TOLERANCE = 1e-10  # of the duality gap, over |y|^2: forecasts are exact to a like share


@dataclass(frozen=True)
class Lasso(engine.Model):
    """Least squares with a penalty on absolute coefficients, which sets small ones to 0.

    Minimises ``|y - Xw|^2 / (2 rows) + alpha |w|`` (Tibshirani 1996, "Regression Shrinkage and
    Selection via the Lasso", section 2). With features and target of unit variance, `alpha`
    is the correlation with the target below which a feature alone is dropped.
    """

    name: ClassVar[str] = "lasso"

    alpha: float = engine.option(
        0.002, "correlation with the target below which a feature is dropped", ge=0.0
    )
    max_iter: int = engine.option(100_000, "sweeps over the features at most", ge=1)

    def estimator(self, seed: int) -> engine.Estimator:
        """Return an unfitted ``sklearn.linear_model.Lasso``; `seed` is not used."""
        from sklearn.linear_model import Lasso as Estimator

        fresh: engine.Estimator = Estimator(
            alpha=self.alpha,
            max_iter=self.max_iter,
            tol=TOLERANCE,
            precompute=True,
            copy_X=False,
        )
        return fresh

    def train(
        self,
        estimator: Any,
        X: engine.FloatArray,
        y: engine.FloatArray,
        tail: tuple[engine.FloatArray, engine.FloatArray] | None = None,
    ) -> engine.Estimator:
        """Fit; too few sweeps are told."""
        with telling(f"type model.max_iter={10 * self.max_iter}"):
            fitted: engine.Estimator = estimator.fit(X, y)
        return fitted
