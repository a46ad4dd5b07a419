"""Spline GAM: the sum of a smooth curve of each feature."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

import engine

BLOCK = 16_384  # rows whose splines are in memory at once
EDGE = 0.02  # share of the training rows beyond the outermost knots, on each side


@dataclass(eq=False)
class Curves:
    """Ridge on the B-splines of each feature, from sums that are taken block by block.

    Parameters
    ----------
    knots, degree : int
    alpha : float
        Penalty on squared coefficients of the splines.
    edges : {"constant", "linear"}
        How a curve goes on beyond its outermost knots.
    """

    knots: int
    degree: int
    alpha: float
    edges: str
    splines: Any = None
    weights: engine.FloatArray = field(default_factory=lambda: np.zeros(0))
    feature_importances_: engine.FloatArray = field(default_factory=lambda: np.zeros(0))
    intercept_: float = 0.0

    def fit(self, X: engine.FloatArray, y: engine.FloatArray) -> Curves:
        """Learn y, shape (R,), from X, shape (R, K)."""
        from sklearn.preprocessing import SplineTransformer

        self.splines = SplineTransformer(
            degree=self.degree, knots=_place_knots(X, self.knots), extrapolation=self.edges
        ).fit(X[:2])
        size, level = X.shape[1] * (self.knots + self.degree - 1), float(y.mean())
        sums, moment = np.zeros(size), np.zeros(size)
        gram: engine.FloatArray = np.zeros((size, size))
        for rows, Z in self._blocks(X):
            sums += Z.sum(axis=0)
            gram += Z.T @ Z
            moment += Z.T @ (y[rows] - level)
        gram -= np.outer(sums, sums) / len(y)
        solved = np.linalg.solve(gram + self.alpha * np.eye(size), moment)
        self.weights = np.asarray(solved, np.float64)
        self.intercept_ = level - float(sums @ self.weights) / len(y)
        self.feature_importances_ = _spreads(gram / len(y), self.weights, X.shape[1])
        return self

    def predict(self, X: engine.FloatArray) -> engine.FloatArray:
        """Return forecasts of X's rows, shape (R,)."""
        parts = [Z @ self.weights + self.intercept_ for _, Z in self._blocks(X)]
        return np.concatenate(parts)

    def _blocks(self, X: engine.FloatArray) -> Iterator[tuple[slice, engine.FloatArray]]:
        for start in range(0, len(X), BLOCK):
            rows = slice(start, start + BLOCK)
            yield rows, self.splines.transform(X[rows])


@dataclass(frozen=True)
class SplineGAM(engine.Model):
    """The sum of one smooth curve per feature: non-linear, and still to be read one by one.

    A generalised additive model of B-splines with a penalty on their squared coefficients
    (Hastie & Tibshirani 1986, "Generalized Additive Models", section 2; Eilers & Marx 1996,
    "Flexible Smoothing with B-splines and Penalties", sections 2 and 3). Knots lie at quantiles
    of the training rows, and at equal distances for a feature whose quantiles coincide.
    """

    name: ClassVar[str] = "spline_gam"

    knots: int = engine.option(
        5, "of each feature's curve, at quantiles of the training rows", ge=2
    )
    degree: int = engine.option(3, "of the polynomials between knots; 1 is straight lines", ge=1)
    alpha: float = engine.option(
        1000.0,
        "penalty on squared coefficients: it weighs as much as this many training rows",
        unit="rows",
        gt=0.0,
    )
    edges: str = engine.option(
        "constant",
        "how a curve goes on beyond its outermost knots, which lie at the 2nd and 98th percentiles",
        choices=("constant", "linear"),
    )

    def estimator(self, seed: int) -> engine.Estimator:
        """Return unfitted `Curves`; `seed` is not used."""
        return Curves(self.knots, self.degree, self.alpha, self.edges)


def _place_knots(X: engine.FloatArray, count: int) -> engine.FloatArray:
    """Where each feature's polynomials meet, shape (count, K), ascending."""
    shares, knots = np.linspace(EDGE, 1.0 - EDGE, count), np.empty((count, X.shape[1]))
    for k, x in enumerate(X.T):
        knots[:, k] = np.quantile(x, shares)
        if not (np.diff(knots[:, k]) > 0.0).all():
            low, high = float(x.min()), float(x.max())
            knots[:, k] = np.linspace(*((low, high) if low < high else (low - 1, low + 1)), count)
    return knots


def _spreads(
    covariance: engine.FloatArray, weights: engine.FloatArray, features: int
) -> engine.FloatArray:
    """The deviation of each feature's curve over the training rows, shape (K,)."""
    size = len(weights) // features
    parts = [slice(k * size, (k + 1) * size) for k in range(features)]
    variances = [weights[p] @ covariance[p, p] @ weights[p] for p in parts]
    return np.sqrt(np.maximum(variances, 0.0))
