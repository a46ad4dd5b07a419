"""Logistic: the odds that a name goes up, or ends among the best of its date."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

import engine
from engine.plugins.models._convergence import telling

RATIO = {"l2": 0.0, "l1": 1.0}  # of the penalty on absolute coefficients


@dataclass(frozen=True)
class Logistic(engine.Model):
    """Logistic regression on a direction: a target above 0, or in the top share of its date.

    Minimises ``mean(log loss) + alpha (l1_ratio |w| + (1 - l1_ratio) / 2 |w|²)`` (Hastie,
    Tibshirani & Friedman 2009, "The Elements of Statistical Learning", section 4.4). A forecast is
    what the odds p come to in the target's units: p times the mean target of those that made it,
    plus 1 - p times that of the others. Where all rows or none made it, that mean alone.
    """

    name: ClassVar[str] = "logistic"

    target: str = engine.option(
        "direction",
        "a target above 0, or in the top share of its date",
        choices=("direction", "top"),
    )
    top: float = engine.option(0.2, "share of a date's names that count as the top", gt=0.0, lt=1.0)
    penalty: str = engine.option(
        "l2",
        "on absolute coefficients, on squared ones, or on both",
        choices=("l1", "l2", "elastic"),
    )
    alpha: float = engine.option(0.01, "strength of the penalty; features have unit variance", gt=0)
    l1_ratio: float = engine.option(
        0.5, "share of the absolute penalty where penalty=elastic", ge=0.0, le=1.0
    )
    max_iter: int = engine.option(1000, "sweeps at most", ge=1)

    def learn(self, training: engine.Training) -> engine.Predictor:
        """Fit the odds on which side of the line each row was."""
        y = training.y
        made = y > 0.0 if self.target == "direction" else find_top(training.date, y, self.top)
        if made.all() or not made.any():
            return Odds(np.zeros(len(training.names)), 0.0, float(y.mean()), float(y.mean()))
        high, low = float(y[made].mean()), float(y[~made].mean())
        with telling(f"type model.max_iter={10 * self.max_iter}"):
            fitted = self._prepare(len(y), training.seed).fit(training.X, made)
        return Odds(fitted.coef_[0], float(fitted.intercept_[0]), high, low)

    def _prepare(self, rows: int, seed: int) -> Any:
        from sklearn.linear_model import LogisticRegression

        ratio = RATIO.get(self.penalty, self.l1_ratio)
        return LogisticRegression(
            C=1.0 / (self.alpha * rows),
            l1_ratio=ratio,
            solver="saga" if ratio else "lbfgs",
            tol=1e-6,
            max_iter=self.max_iter,
            random_state=seed,
        )


@dataclass(frozen=True, eq=False)
class Odds:
    """Coefficients of the odds, and what the two sides were worth, in units of ``training.y``."""

    coef_: engine.FloatArray  # (K,)
    intercept_: float
    high: float
    low: float

    def predict(self, X: engine.FloatArray) -> engine.FloatArray:
        """Return forecasts of X's rows, shape (R,)."""
        odds = 1.0 / (1.0 + np.exp(-np.clip(X @ self.coef_ + self.intercept_, -500.0, 500.0)))
        forecast: engine.FloatArray = self.low + (self.high - self.low) * odds
        return forecast


def find_top(
    date: np.ndarray[Any, np.dtype[np.int64]], y: engine.FloatArray, share: float
) -> engine.BoolArray:
    """Return which rows are in the top share of their date, shape (R,); of ties, none or all."""
    order = np.lexsort((-y, date))
    begins = np.flatnonzero(np.diff(date[order], prepend=-1) != 0)
    counts = np.diff(np.append(begins, len(y)))
    last = begins + np.maximum(np.ceil(share * counts).astype(np.int64), 1) - 1
    line = np.repeat(y[order][last], counts)
    made = np.zeros(len(y), bool)
    made[order] = y[order] >= line
    return made
