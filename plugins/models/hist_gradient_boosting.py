"""Histogram gradient boosting: scikit-learn's boosted trees, stopped by the tail."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar

import numpy as np

import engine


@dataclass(eq=False)
class Boosted:
    """A booster, of whose trees only those up to the best one on a tail are used.

    Parameters
    ----------
    booster : sklearn.ensemble.HistGradientBoostingRegressor
    patience : int
        Trees without a better tail before it stops; 0 grows all.
    threads : int
    """

    booster: Any
    patience: int
    threads: int
    trees: int = 0

    def fit(
        self,
        X: engine.FloatArray,
        y: engine.FloatArray,
        tail: tuple[engine.FloatArray, engine.FloatArray] | None = None,
    ) -> Boosted:
        """Learn y, shape (R,), from X, shape (R, K), as long as it helps on the tail."""
        from threadpoolctl import threadpool_limits

        held: dict[str, engine.FloatArray] = {}
        if tail is not None and len(tail[1]) > 0 and self.patience > 0:
            held = {"X_val": tail[0], "y_val": tail[1]}
        self.booster.set_params(early_stopping=bool(held), n_iter_no_change=max(1, self.patience))
        with threadpool_limits(limits=self.threads, user_api="openmp"):
            self.booster.fit(X, y, **held)
        scores = self.booster.validation_score_  # the first is of no tree
        self.trees = max(1, int(np.argmax(scores))) if held else self.booster.n_iter_
        return self

    def predict(self, X: engine.FloatArray) -> engine.FloatArray:
        """Return forecasts of X's rows, shape (R,); on one thread, for a tree is soon walked."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(limits=1, user_api="openmp"):
            stages = self.booster.staged_predict(np.ascontiguousarray(X))
            forecast: engine.FloatArray = next(islice(stages, self.trees - 1, None))
        return forecast


@dataclass(frozen=True)
class HistGradientBoosting(engine.Model):
    """Gradient-boosted trees on features in at most 255 bins, stopped by the held-out tail.

    Friedman 2001, "Greedy Function Approximation: A Gradient Boosting Machine", section 4.3; Ke
    et al. 2017, "LightGBM", section 2.1, for the bins. The bins are of the training rows. Rows
    are never held out by chance: their labels would overlap those learnt from.
    """

    name: ClassVar[str] = "hist_gradient_boosting"
    wants_tail: ClassVar[bool] = True

    trees: int = engine.option(
        300, "at most; the tail of the training window decides (validation.tail)", ge=1
    )
    patience: int = engine.option(
        30, "trees without a better tail before it stops; 0 grows all", ge=0
    )
    learning_rate: float = engine.option(0.05, "share of each tree that is added", ge=1e-4, le=1.0)
    max_depth: int = engine.option(4, "questions from root to leaf at most", ge=1)
    min_leaf: int = engine.option(
        200, "training rows in a leaf at least, for returns are mostly noise", ge=1
    )
    features: float = engine.option(0.5, "share of the features tried at a split", ge=0.01, le=1.0)
    l2: float = engine.option(100.0, "penalty on squared leaf values", unit="rows", ge=0.0)
    threads: int = engine.option(
        2, "threads to train with; the result is the same for any number", ge=1
    )

    def estimator(self, seed: int) -> engine.Estimator:
        """Return an unfitted ``sklearn.ensemble.HistGradientBoostingRegressor``, `Boosted`."""
        from sklearn.ensemble import HistGradientBoostingRegressor

        booster = HistGradientBoostingRegressor(
            max_iter=self.trees,
            learning_rate=self.learning_rate,
            max_depth=self.max_depth,
            min_samples_leaf=self.min_leaf,
            max_features=self.features,
            l2_regularization=self.l2,
            tol=0.0,
            random_state=seed,
        )
        return Boosted(booster, self.patience, self.threads)

    def train(
        self,
        estimator: Any,
        X: engine.FloatArray,
        y: engine.FloatArray,
        tail: tuple[engine.FloatArray, engine.FloatArray] | None = None,
    ) -> engine.Estimator:
        """Fit, with early stopping when there is a tail; forecasts use the best number of trees."""
        fitted: engine.Estimator = estimator.fit(X, y, tail)
        return fitted
