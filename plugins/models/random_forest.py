"""Random forest: the mean of decision trees, each grown on its own sample."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import engine
from engine.plugins.models._forest import Forest


@dataclass(frozen=True)
class RandomForest(engine.Model):
    """The mean of decision trees, each grown on its own sample of rows and features.

    Breiman 2001, "Random Forests", section 2. Returns are mostly noise: shallow trees with
    large leaves are the default.
    """

    name: ClassVar[str] = "random_forest"

    trees: int = engine.option(100, "in the forest; more only make it smoother, and slower", ge=1)
    max_depth: int = engine.option(6, "questions from root to leaf at most", ge=1)
    min_leaf: int = engine.option(
        100, "training rows in a leaf at least, for returns are mostly noise", ge=1
    )
    features: float = engine.option(0.33, "share of the features tried at a split", ge=0.01, le=1.0)
    rows: float = engine.option(
        0.1,
        "share of the training rows drawn for a tree; their labels overlap anyway",
        ge=0.01,
        le=1.0,
    )
    threads: int = engine.option(
        2, "threads to train with; the result is the same for any number", ge=1
    )

    def estimator(self, seed: int) -> engine.Estimator:
        """Return an unfitted `Forest` of ``sklearn.tree.DecisionTreeRegressor``."""
        from sklearn.tree import DecisionTreeRegressor

        tree = partial(
            DecisionTreeRegressor,
            max_depth=self.max_depth,
            min_samples_leaf=self.min_leaf,
            max_features=self.features,
        )
        return Forest(
            lambda seed: tree(random_state=seed), self.trees, self.rows, self.threads, seed
        )
