"""XGBoost: gradient-boosted trees, stopped when the tail stops improving."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import engine


@dataclass(frozen=True)
class XGBoost(engine.Model):
    """Gradient-boosted trees on histograms, stopped when the held-out tail stops improving.

    Chen & Guestrin 2016, "XGBoost: A Scalable Tree Boosting System", section 2.
    """

    name: ClassVar[str] = "xgboost"
    wants_tail: ClassVar[bool] = True

    trees: int = engine.option(
        500, "at most; the tail of the training window decides (validation.tail)", ge=1
    )
    patience: int = engine.option(
        30, "trees without a better tail before it stops; 0 grows all", ge=0
    )
    learning_rate: float = engine.option(0.05, "share of each tree that is added", ge=1e-4, le=1.0)
    max_depth: int = engine.option(4, "questions from root to leaf at most", ge=1)
    min_child: float = engine.option(
        100.0, "training rows in a leaf at least, for returns are mostly noise", ge=0.0
    )
    rows: float = engine.option(0.5, "share of the training rows drawn for a tree", ge=0.01, le=1.0)
    features: float = engine.option(0.5, "share of the features drawn for a tree", ge=0.01, le=1.0)
    l2: float = engine.option(1.0, "penalty on squared leaf values", ge=0.0)
    threads: int = engine.option(
        2, "threads to train with; the result is the same for any number", ge=1
    )

    def estimator(self, seed: int) -> engine.Estimator:
        """Return an unfitted ``xgboost.XGBRegressor``."""
        from xgboost import XGBRegressor

        fresh: engine.Estimator = XGBRegressor(
            n_estimators=self.trees,
            learning_rate=self.learning_rate,
            max_depth=self.max_depth,
            min_child_weight=self.min_child,
            subsample=self.rows,
            colsample_bytree=self.features,
            reg_lambda=self.l2,
            tree_method="hist",
            n_jobs=self.threads,
            random_state=seed,
            verbosity=0,
        )
        return fresh

    def train(
        self,
        estimator: Any,
        X: engine.FloatArray,
        y: engine.FloatArray,
        tail: tuple[engine.FloatArray, engine.FloatArray] | None = None,
    ) -> engine.Estimator:
        """Fit, with early stopping when there is a tail; forecasts use the best number of trees.

        The starting value is the mean of `y`, summed here: XGBoost's own sum depends on the
        number of threads in its last bit.
        """
        estimator.set_params(base_score=float(y.mean()))
        stops = tail is not None and len(tail[1]) > 0 and self.patience > 0
        if stops:
            estimator.set_params(early_stopping_rounds=self.patience)
        fitted: engine.Estimator = estimator.fit(
            X, y, eval_set=[tail] if stops else None, verbose=False
        )
        return fitted
