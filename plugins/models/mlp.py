"""MLP: a small neural network on each row by itself, stopped by the tail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

import engine
from engine.plugins.models._convergence import tell


@dataclass(frozen=True)
class MLP(engine.Model):
    """A feed-forward network with rectified units, stopped when the tail stops improving.

    Goodfellow, Bengio & Courville 2016, "Deep Learning", chapter 6 and section 7.8; its steps
    are Adam's (Kingma & Ba 2015, algorithm 1). Forecasts are made with the weights of the best
    pass. Rows are never held out by chance: their labels would overlap those learnt from.
    """

    name: ClassVar[str] = "mlp"
    wants_tail: ClassVar[bool] = True

    hidden: list[int] = engine.option(
        [32, 16], "units of each layer between the features and the forecast"
    )
    epochs: int = engine.option(
        60, "passes over the training rows at most; the tail decides (validation.tail)", ge=1
    )
    patience: int = engine.option(
        5, "passes without a better tail before it stops; 0 makes all", ge=0
    )
    learning_rate: float = engine.option(0.001, "size of Adam's steps", gt=0.0, le=1.0)
    batch: int = engine.option(1024, "in a step", unit="training rows", ge=1)
    alpha: float = engine.option(
        1.0, "penalty on squared weights; in a step it is divided by its rows", ge=0.0
    )

    def __post_init__(self) -> None:
        if not self.hidden or any(units < 1 for units in self.hidden):
            raise engine.ConfigError(
                f"model.hidden={[*self.hidden]}: write units of 1 or more, such as [32,16]"
            )

    def estimator(self, seed: int) -> engine.Estimator:
        """Return an unfitted ``sklearn.neural_network.MLPRegressor``."""
        from sklearn.neural_network import MLPRegressor

        fresh: engine.Estimator = MLPRegressor(
            hidden_layer_sizes=tuple(self.hidden),
            learning_rate_init=self.learning_rate,
            alpha=self.alpha,
            random_state=seed,
        )
        return fresh

    def train(
        self,
        estimator: Any,
        X: engine.FloatArray,
        y: engine.FloatArray,
        tail: tuple[engine.FloatArray, engine.FloatArray] | None = None,
    ) -> engine.Estimator:
        """Fit pass by pass, on one thread, until the tail stops improving; keep the best pass."""
        from sklearn.base import clone
        from threadpoolctl import threadpool_limits

        random = np.random.RandomState(estimator.random_state)  # goes on from pass to pass
        fitted: Any = clone(estimator)
        fitted.set_params(random_state=random, batch_size=min(self.batch, len(y)))
        rows = np.ascontiguousarray(X)
        stops = tail is not None and len(tail[1]) > 0 and self.patience > 0
        best, least, since = None, np.inf, 0
        with threadpool_limits(limits=1, user_api="blas"):
            for _ in range(self.epochs):
                fitted.partial_fit(rows, y)
                if not stops or tail is None:
                    continue
                error = float(np.mean((tail[1] - fitted.predict(tail[0])) ** 2))
                since = 0 if error < least else since + 1
                if error < least:
                    best, least = _weights(fitted), error
                if since >= self.patience:
                    break
        if best is not None:
            fitted.coefs_, fitted.intercepts_ = best
        if stops and since == 0:
            tell(f"type model.epochs={3 * self.epochs}")
        trained: engine.Estimator = fitted
        return trained


def _weights(fitted: Any) -> tuple[list[engine.FloatArray], list[engine.FloatArray]]:
    """A copy of a network's weights, for the next pass writes over them."""
    return [w.copy() for w in fitted.coefs_], [b.copy() for b in fitted.intercepts_]
