"""Linear: ordinary least squares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import engine


@dataclass(frozen=True)
class Linear(engine.Model):
    """Ordinary least squares; of collinear features it takes the solution of least norm."""

    name: ClassVar[str] = "linear"

    def estimator(self, seed: int) -> engine.Estimator:
        """Return an unfitted ``sklearn.linear_model.LinearRegression``; `seed` is not used."""
        from sklearn.linear_model import LinearRegression

        fresh: engine.Estimator = LinearRegression(copy_X=False)
        return fresh
