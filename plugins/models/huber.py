"""Huber: least squares in which large misses count by their size, not by their square."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import engine
from engine.plugins.models._convergence import telling


@dataclass(frozen=True)
class Huber(engine.Model):
    """Least squares near the target and least absolute deviations far from it, with a penalty.

    Minimises ``sum(sigma + H((y - Xw - c) / sigma) sigma) + alpha |w|^2`` over w, c and sigma,
    where H(z) is z² up to `epsilon` and ``2 epsilon |z| - epsilon²`` beyond (Huber & Ronchetti
    2009, "Robust Statistics", section 7.7; scikit-learn's parameters). The scale is learnt with
    the coefficients, so that `epsilon` means the same for any target.
    """

    name: ClassVar[str] = "huber"

    epsilon: float = engine.option(
        1.35,
        "misses beyond this many scales count by their size; 1.35 loses 5% on normal noise",
        gt=1.0,
    )
    alpha: float = engine.option(
        1000.0,
        "penalty on squared coefficients: it weighs as much as this many training rows",
        unit="rows",
        ge=0.0,
    )
    max_iter: int = engine.option(1000, "steps of L-BFGS at most", ge=1)

    def estimator(self, seed: int) -> engine.Estimator:
        """Return an unfitted ``sklearn.linear_model.HuberRegressor``; `seed` is not used."""
        from sklearn.linear_model import HuberRegressor

        fresh: engine.Estimator = HuberRegressor(
            epsilon=self.epsilon, alpha=self.alpha, max_iter=self.max_iter
        )
        return fresh

    def train(
        self,
        estimator: Any,
        X: engine.FloatArray,
        y: engine.FloatArray,
        tail: tuple[engine.FloatArray, engine.FloatArray] | None = None,
    ) -> engine.Estimator:
        """Fit; too few steps are told."""
        with telling(f"type model.max_iter={10 * self.max_iter}"):
            fitted: engine.Estimator = estimator.fit(X, y)
        return fitted
