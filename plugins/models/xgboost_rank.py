"""XGBoost's ranker: boosted trees that learn which name of a date ends above which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

import engine


@dataclass(frozen=True)
class XGBoostRank(engine.Model):
    """Gradient-boosted trees on pairs of names of one date: who ends above whom.

    Burges 2010, "From RankNet to LambdaRank to LambdaMART: An Overview", section 2: the pairwise
    loss, with a date's names in `grades` of equal size by their target. Only the order within a
    date counts, so what moves all names alike teaches nothing. A forecast is the score times the
    slope of the target on it in training, so it is in the target's units; all trees are grown.
    """

    name: ClassVar[str] = "xgboost_rank"

    trees: int = engine.option(100, "that are grown", ge=1)
    learning_rate: float = engine.option(0.05, "share of each tree that is added", ge=1e-4, le=1.0)
    max_depth: int = engine.option(4, "questions from root to leaf at most", ge=1)
    min_child: float = engine.option(
        10.0, "least sum of the pairs' second derivatives in a leaf", ge=0.0
    )
    rows: float = engine.option(0.5, "share of the training rows drawn for a tree", ge=0.01, le=1.0)
    features: float = engine.option(0.5, "share of the features drawn for a tree", ge=0.01, le=1.0)
    l2: float = engine.option(1.0, "penalty on squared leaf values", ge=0.0)
    grades: int = engine.option(10, "of a date's names, by their target", ge=2, le=31)
    threads: int = engine.option(
        2, "threads to train with; the result is the same for any number", ge=1
    )

    def learn(self, training: engine.Training) -> engine.Predictor:
        """Learn the order of each date's names."""
        from xgboost import XGBRanker

        ranker = XGBRanker(
            objective="rank:pairwise",
            n_estimators=self.trees,
            learning_rate=self.learning_rate,
            max_depth=self.max_depth,
            min_child_weight=self.min_child,
            subsample=self.rows,
            colsample_bytree=self.features,
            reg_lambda=self.l2,
            lambdarank_num_pair_per_sample=1,
            lambdarank_pair_method="mean",
            tree_method="hist",
            n_jobs=self.threads,
            random_state=training.seed,
            verbosity=0,
        )
        X, y = training.X, training.y
        ranker.fit(X, grade(training.date, y, self.grades), qid=training.date)
        score = np.asarray(ranker.predict(X), np.float64)
        away = score - score.mean()
        square = float(away @ away)
        slope = float(away @ y) / square if square > 0.0 else 0.0
        return _Ranked(ranker, slope, float(y.mean()) - slope * float(score.mean()))


@dataclass(frozen=True, eq=False)
class _Ranked:
    ranker: Any
    slope: float
    level: float

    @property
    def feature_importances_(self) -> engine.FloatArray:
        """The ranker's own."""
        found: engine.FloatArray = self.ranker.feature_importances_
        return found

    def predict(self, X: engine.FloatArray) -> engine.FloatArray:
        """Return forecasts of X's rows, shape (R,)."""
        score = np.asarray(self.ranker.predict(X), np.float64)
        forecast: engine.FloatArray = self.level + self.slope * score
        return forecast


def grade(
    date: np.ndarray[Any, np.dtype[np.int64]], y: engine.FloatArray, grades: int
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return each row's grade within its date, shape (R,): 0 the lowest; equals have one grade."""
    order = np.lexsort((y, date))
    begins = np.diff(date[order], prepend=-1) != 0
    counts = np.diff(np.append(np.flatnonzero(begins), len(y)))
    place = np.arange(len(y)) - np.repeat(np.flatnonzero(begins), counts)
    new = begins | (np.diff(y[order], prepend=np.nan) != 0.0)
    place = np.maximum.accumulate(np.where(new, np.arange(len(y)), 0)) - (np.arange(len(y)) - place)
    made = np.empty(len(y), np.int64)
    made[order] = place * grades // np.repeat(counts, counts)
    return made
