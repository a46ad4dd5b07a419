"""The mean of trees, each grown on its own draw of rows, as scikit-learn's forests have it.

The forecasts are those of its forests to the last bit, in a fraction of the time:

1. A tree gets the rows that are drawn for it, and no other. scikit-learn hands each tree all rows
   with a weight, mostly 0: what a node looks up then lies all over the memory.
2. What is asked of a forecast (that it has been fitted, that all is finite) is asked once.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import numpy as np

import engine

SEEDS = np.iinfo(np.int32).max


@dataclass(eq=False)
class Forest:
    """Trees that are grown on draws, with replacement, of a share of the training rows.

    Parameters
    ----------
    make_tree : callable
        Returns an unfitted tree of scikit-learn's for a seed.
    trees : int
    rows : float
        Share of the training rows drawn for a tree.
    threads : int
        Forecasts are the same for any number.
    seed : int
    """

    make_tree: Callable[[int], Any]
    trees: int
    rows: float
    threads: int
    seed: int
    grown: list[Any] = field(default_factory=list)

    def fit(self, X: engine.FloatArray, y: engine.FloatArray) -> Forest:
        """Learn y, shape (R,), from X, shape (R, K)."""
        columns = np.ascontiguousarray(X.T, np.float32)
        seeds = np.random.RandomState(self.seed).randint(SEEDS, size=self.trees)

        def grow(seed: int) -> Any:
            count = max(1, int(self.rows * len(y)))
            drawn = np.random.RandomState(seed).randint(0, len(y), count)
            times = np.bincount(drawn, minlength=len(y))
            rows = np.flatnonzero(times)
            return self.make_tree(seed).fit(columns[:, rows].T, y[rows], times[rows])

        with ThreadPoolExecutor(self.threads) as pool:
            self.grown = [*pool.map(grow, seeds.tolist())]
        return self

    def predict(self, X: engine.FloatArray) -> engine.FloatArray:
        """Return forecasts of X's rows, shape (R,), summed in the order of the trees."""
        rows = np.ascontiguousarray(X, np.float32)
        total = np.zeros(len(rows))
        for tree in self.grown:
            total += tree.tree_.predict(rows)[:, 0]
        total /= len(self.grown)
        return total

    @property
    def feature_importances_(self) -> engine.FloatArray:
        """Share of each feature in what the trees explain, shape (K,)."""
        shares = [tree.feature_importances_ for tree in self.grown if tree.tree_.node_count > 1]
        if not shares:
            return np.zeros(self.grown[0].n_features_in_)
        mean = np.mean(shares, axis=0, dtype=np.float64)
        share: engine.FloatArray = mean / mean.sum()
        return share


@dataclass(frozen=True)
class OfTrees(engine.Model):
    """What models that are forests share: all but how a tree is grown, and its usual size."""

    tree: ClassVar[str]
    """scikit-learn's class of trees."""

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
        """Return an unfitted `Forest` of the class's trees."""
        from sklearn import tree

        make = partial(
            getattr(tree, self.tree),
            max_depth=self.max_depth,
            min_samples_leaf=self.min_leaf,
            max_features=self.features,
        )
        return Forest(
            lambda seed: make(random_state=seed), self.trees, self.rows, self.threads, seed
        )
