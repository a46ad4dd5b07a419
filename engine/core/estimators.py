"""What the engine asks of an estimator."""

from __future__ import annotations

from typing import Any, Protocol

from engine.core.panel import FloatArray


class Predictor(Protocol):
    """What is left of an estimator once it has learnt."""

    def predict(self, X: FloatArray) -> FloatArray:
        """Return forecasts of X's rows, shape (R,)."""


class Estimator(Predictor, Protocol):
    """scikit-learn's contract, as far as the engine needs it."""

    def fit(self, X: FloatArray, y: FloatArray) -> Any:
        """Learn y, shape (R,), from X, shape (R, K)."""
