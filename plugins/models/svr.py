"""SVR: support vector regression with a radial kernel, its penalty found inside each training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

import engine
from engine.plugins.models._members import Told, measure_error


@dataclass(frozen=True)
class SVR(engine.Model):
    """Support vector regression: misses up to `epsilon` are free, the fit is smooth.

    Smola & Schölkopf 2004, "A Tutorial on Support Vector Regression", section 1. Its cost grows
    with the square of the rows, so every k-th date alone is learnt from where there are more than
    `max_rows`; k is told. Of several penalties the one with the least squared error in purged folds
    inside the training is taken, and told.
    """

    name: ClassVar[str] = "svr"

    C: list[float] = engine.option(
        [0.01, 0.1], "what misses cost against smoothness; of several the best is taken"
    )
    epsilon: float = engine.option(
        0.1, "misses that are free", unit="deviations of the target", ge=0.0
    )
    gamma: float = engine.option(
        0.02, "how fast rows stop being alike, over the squared distance of their features", gt=0.0
    )
    max_rows: int = engine.option(5000, "to learn from; every k-th date of more", unit="rows", ge=2)
    folds: int = engine.option(3, "inside a training, which the penalties are measured in", ge=2)

    def __post_init__(self) -> None:
        if not self.C or min(self.C) <= 0.0:
            raise engine.ConfigError(f"model.C={self.C}: write numbers above 0, such as [0.01,0.1]")

    def learn(self, training: engine.Training) -> engine.Forecaster:
        """Thin out the dates, choose a penalty in folds, and train with it."""
        every, thin = thin_out(training, self.max_rows)
        ways = {f"C={each:g}": _One(each, self.epsilon, self.gamma) for each in sorted(set(self.C))}
        told: dict[str, Any] = {"every": every, "rows": len(thin.date)}
        best = next(iter(ways))
        if len(ways) > 1:
            outside = thin.forecast_outside(ways, self.folds)
            errors = {key: measure_error(thin, outside[key], len(thin.date)) for key in ways}
            best = min(ways, key=lambda key: errors[key])
            told |= {"mse": errors}
        return Told(thin.teach(best, ways[best]), {"chosen": best, **told})


@dataclass(frozen=True)
class _One(engine.Model):
    """SVR with one penalty."""

    name: ClassVar[str] = "svr"
    C: float
    epsilon: float
    gamma: float

    def estimator(self, seed: int) -> engine.Estimator:
        """Return an unfitted ``sklearn.svm.SVR``; `seed` is not used."""
        from sklearn.svm import SVR as Estimator  # noqa: N811

        fresh: engine.Estimator = Estimator(C=self.C, epsilon=self.epsilon, gamma=self.gamma)
        return fresh


def thin_out(training: engine.Training, most: int) -> tuple[int, engine.Training]:
    """Return k, and the training on every k-th date: the fewest dates left out for `most` rows."""
    dates, row = np.unique(training.date, return_inverse=True)
    every = 1
    while every < len(dates) and np.count_nonzero(row % every == 0) > most:
        every += 1
    return every, training if every == 1 else training.keep(row % every == 0)
