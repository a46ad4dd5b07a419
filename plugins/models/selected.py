"""Selected: any model on the features that a selection inside each training has left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

import engine
from engine.plugins.models._members import Told, measure_error


@dataclass(frozen=True)
class Selected(engine.Model):
    """A model that sees the best features alone; which they are is found in each training anew.

    - `l1`: the last ones that a lasso keeps as its penalty grows (Tibshirani 1996).
    - `mrmr`: one by one, the feature with the highest squared correlation with the target over its
      mean squared correlation with those chosen before (Peng, Long & Ding 2005, "Feature Selection
      Based on Mutual Information", section 2.3, the quotient form, with correlations).
    - `permutation`: those whose shuffling inside its date costs the model most, measured on a fold
      that was held out from it (Breiman 2001, "Random Forests", section 10).

    Ties go by name. What was chosen is told.
    """

    name: ClassVar[str] = "selected"

    model: engine.Model = engine.option(None, "sees what is left", plugins="ridge")
    by: str = engine.option("mrmr", "how", choices=("l1", "mrmr", "permutation"))
    features: int = engine.option(10, "that are left; all where there are no more", ge=1)
    folds: int = engine.option(3, "inside a training; permutation asks the last one", ge=2)

    def learn(self, training: engine.Training) -> engine.Forecaster:
        """Choose features, and train the model on them."""
        names = np.array(training.names)
        if len(names) > self.features:
            rank = {"l1": rank_by_lasso, "mrmr": rank_by_mrmr}.get(self.by)
            found = rank(training) if rank else self._rank_by_permutation(training)
            names = names[np.sort(found[: self.features])]
        chosen = names.tolist()
        taught = training.teach("model", self.model, features=chosen)
        return Told(taught, {"features": chosen})

    def _rank_by_permutation(self, training: engine.Training) -> np.ndarray[Any, Any]:
        fold = training.inner(self.folds)[-1]
        taught = fold.training.teach("model", self.model)
        within = training.keep(np.isin(np.arange(len(training.date)), fold.rows))
        cost = np.empty(len(training.names))
        for k, name in enumerate(training.names):
            said = taught.forecast(fold.ahead.shuffle(name, training.seed))
            cost[k] = measure_error(within, said, len(within.date))
        return np.argsort(-cost, kind="stable")


def rank_by_lasso(training: engine.Training) -> np.ndarray[Any, Any]:
    """Return features, the last to leave a lasso's path first, shape (K,)."""
    from sklearn.linear_model import lars_path

    X, y = training.X, training.y - training.y.mean()
    _, entered, _ = lars_path(X, y, method="lasso", copy_X=True)
    order = list(dict.fromkeys(entered))
    return np.array(order + [k for k in range(X.shape[1]) if k not in order], np.int64)


def rank_by_mrmr(training: engine.Training) -> np.ndarray[Any, Any]:
    """Return features by relevance over redundancy, shape (K,)."""
    X, y = training.X, training.y - training.y.mean()
    X = X - X.mean(axis=0)
    size = np.sqrt((X**2).sum(axis=0))
    known = size > 0.0
    unit = X / np.where(known, size, 1.0)
    alike, worth = (unit.T @ unit) ** 2, (unit.T @ y) ** 2
    left, order = list(range(len(size))), list[int]()
    while left:
        redundant = alike[left][:, order].mean(axis=1) if order else np.ones(len(left))
        score = worth[left] / np.maximum(redundant, 1e-12)
        order.append(left.pop(int(np.argmax(score))))
    return np.array(order, np.int64)
