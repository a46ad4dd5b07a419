"""Elastic net: least squares with both penalties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import engine
from engine.plugins.models._convergence import telling

TOLERANCE = 1e-10  # of the duality gap, over |y|^2: forecasts are exact to a like share


@dataclass(frozen=True)
class ElasticNet(engine.Model):
    """Least squares with a penalty on absolute and one on squared coefficients.

    Minimises ``|y - Xw|^2 / (2 rows) + alpha (l1_ratio |w| + (1 - l1_ratio) / 2 |w|^2)``
    (Zou & Hastie 2005, "Regularization and Variable Selection via the Elastic Net", section 2,
    in scikit-learn's parameters). Correlated features keep or lose their place together.
    """

    name: ClassVar[str] = "elastic_net"

    alpha: float = engine.option(
        0.004, "strength of both penalties together; features and target have unit variance", ge=0.0
    )
    l1_ratio: float = engine.option(
        0.5,
        "1: lasso, 0: ridge; alpha × l1_ratio is the correlation that is dropped",
        ge=0.0,
        le=1.0,
    )
    max_iter: int = engine.option(100_000, "sweeps over the features at most", ge=1)

    def estimator(self, seed: int) -> engine.Estimator:
        """Return an unfitted ``sklearn.linear_model.ElasticNet``; `seed` is not used."""
        from sklearn.linear_model import ElasticNet as Estimator

        fresh: engine.Estimator = Estimator(
            alpha=self.alpha,
            l1_ratio=self.l1_ratio,
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
