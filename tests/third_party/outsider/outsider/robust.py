"""A model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import engine


@dataclass(frozen=True)
class Robust(engine.Model):
    """Linear regression that outliers pull less on (Huber 1964)."""

    name: ClassVar[str] = "robust"

    epsilon: float = engine.option(1.35, "residual, in scales, where the loss turns linear", ge=1)

    def estimator(self, seed: int) -> engine.Estimator:
        """Return an unfitted ``sklearn.linear_model.HuberRegressor``; `seed` is not used."""
        from sklearn.linear_model import HuberRegressor

        fresh: engine.Estimator = HuberRegressor(epsilon=self.epsilon, max_iter=500)
        return fresh
