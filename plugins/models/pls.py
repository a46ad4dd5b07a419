"""PLS: least squares on the directions of the features that go with the target most."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

import engine

DIGITS = 1e6  # ratio of largest to smallest, above which rows are more exact than sums
ROUNDING = 1e10  # the same, above which what is left is rounding: there are no more directions


@dataclass(eq=False)
class Directions:
    """PLS1 of rows.

    Parameters
    ----------
    count : int
        Directions at most; there are no more where nothing of the target is left to go with.
    """

    count: int
    coef_: engine.FloatArray = field(default_factory=lambda: np.zeros(0))  # (K,)
    intercept_: float = 0.0

    def fit(self, X: engine.FloatArray, y: engine.FloatArray) -> Directions:
        """Learn y, shape (R,), from X, shape (R, K)."""
        mean, level = X.mean(axis=0), float(y.mean())
        centred = X - mean
        gram, moment = centred.T @ centred, centred.T @ (y - level)
        self.coef_, _ = _regress(gram, moment, self.count, ROUNDING)
        self.intercept_ = level - float(mean @ self.coef_)
        return self

    def predict(self, X: engine.FloatArray) -> engine.FloatArray:
        """Return forecasts of X's rows, shape (R,)."""
        forecast: engine.FloatArray = X @ self.coef_ + self.intercept_
        return forecast


@dataclass(frozen=True)
class PLS(engine.Model):
    """Least squares on a few directions, each of greatest covariance with what is left of y.

    PLS1 (Hastie, Tibshirani & Friedman 2009, "The Elements of Statistical Learning", algorithm
    3.3), from sums (Dayal & MacGregor 1997, "Improved PLS Algorithms", section 3). As many
    directions as features are least squares; there are never more.
    """

    name: ClassVar[str] = "pls"

    components: int = engine.option(
        2, "directions; with fewer features than this there is one a feature", ge=1
    )

    def estimator(self, seed: int) -> engine.Estimator:
        """Return unfitted `Directions`; `seed` is not used."""
        return Directions(self.components)

    def solve(self, gram: engine.FloatArray, moment: engine.FloatArray) -> engine.FloatArray | None:
        """Return the coefficients; None where sums may not have the digits for a direction."""
        coefficients, complete = _regress(gram, moment, self.components, DIGITS)
        return coefficients if complete else None


def _regress(
    gram: engine.FloatArray, moment: engine.FloatArray, count: int, digits: float
) -> tuple[engine.FloatArray, bool]:
    """Coefficients, shape (K,), and whether all directions that were wanted are in them."""
    coefficients, left = np.zeros(len(gram)), moment
    largest, whole = float(np.trace(gram)), float(np.linalg.norm(moment))
    found: list[tuple[engine.FloatArray, engine.FloatArray]] = []
    for _ in range(min(count, int((np.diag(gram) > 0.0).sum()))):
        size = float(np.linalg.norm(left))
        if not size * digits > whole:
            return coefficients, size == 0.0
        weights = rotation = left / size
        for before, loading in found:
            rotation = rotation - (loading @ weights) * before
        spread = gram @ rotation
        variance = float(rotation @ spread)
        if not variance * digits > largest * float(rotation @ rotation):
            return coefficients, False
        share = float(rotation @ moment) / variance
        coefficients = coefficients + share * rotation
        left = left - share * spread
        found.append((rotation, spread / variance))
    return coefficients, True
