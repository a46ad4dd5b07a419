"""LightGBM: gradient-boosted trees that grow leaf by leaf, stopped by the tail."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, ClassVar

import engine

EXTRA = "pip install 'alpha-engine[lightgbm]'"


@dataclass(frozen=True)
class LightGBM(engine.Model):
    """Gradient-boosted trees, each grown at the leaf that gains most, stopped by the tail.

    Ke et al. 2017, "LightGBM: A Highly Efficient Gradient Boosting Decision Tree", section 2.
    Needs the extra ``lightgbm``. The bins are of the training rows alone.
    """

    name: ClassVar[str] = "lightgbm"
    wants_tail: ClassVar[bool] = True

    trees: int = engine.option(
        500, "at most; the tail of the training window decides (validation.tail)", ge=1
    )
    patience: int = engine.option(
        30, "trees without a better tail before it stops; 0 grows all", ge=0
    )
    learning_rate: float = engine.option(0.05, "share of each tree that is added", ge=1e-4, le=1.0)
    leaves: int = engine.option(15, "of a tree at most", ge=2)
    max_depth: int = engine.option(5, "questions from root to leaf at most", ge=1)
    min_leaf: int = engine.option(
        200, "training rows in a leaf at least, for returns are mostly noise", ge=1
    )
    rows: float = engine.option(0.5, "share of the training rows drawn for a tree", ge=0.01, le=1.0)
    features: float = engine.option(0.5, "share of the features drawn for a tree", ge=0.01, le=1.0)
    l2: float = engine.option(100.0, "penalty on squared leaf values", unit="rows", ge=0.0)
    threads: int = engine.option(
        2, "threads to train with; the result is the same for any number", ge=1
    )

    def __post_init__(self) -> None:
        if find_spec("lightgbm") is None:
            raise engine.ConfigError(f"model=lightgbm needs an extra: {EXTRA}")

    def estimator(self, seed: int) -> engine.Estimator:
        """Return an unfitted ``lightgbm.LGBMRegressor``."""
        from lightgbm import LGBMRegressor

        fresh: engine.Estimator = LGBMRegressor(
            n_estimators=self.trees,
            learning_rate=self.learning_rate,
            num_leaves=self.leaves,
            max_depth=self.max_depth,
            min_child_samples=self.min_leaf,
            min_child_weight=0.0,
            subsample=self.rows,
            subsample_freq=1,
            colsample_bytree=self.features,
            reg_lambda=self.l2,
            n_jobs=self.threads,
            random_state=seed,
            deterministic=True,
            force_row_wise=True,
            verbosity=-1,
        )
        return fresh

    def train(
        self,
        estimator: Any,
        X: engine.FloatArray,
        y: engine.FloatArray,
        tail: tuple[engine.FloatArray, engine.FloatArray] | None = None,
    ) -> engine.Estimator:
        """Fit, with early stopping when there is a tail; forecasts use the best number of trees."""
        from lightgbm import early_stopping

        stops = tail is not None and len(tail[1]) > 0 and self.patience > 0
        fitted: engine.Estimator = estimator.fit(
            X,
            y,
            eval_X=tail[0] if stops and tail is not None else None,
            eval_y=tail[1] if stops and tail is not None else None,
            callbacks=[early_stopping(self.patience, verbose=False)] if stops else None,
        )
        return fitted
