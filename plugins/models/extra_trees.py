"""Extra trees: the mean of trees that split at places drawn by chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import engine
from engine.plugins.models._forest import OfTrees


@dataclass(frozen=True)
class ExtraTrees(OfTrees):
    """The mean of trees which split each feature that they try at a place drawn by chance.

    Geurts, Ernst & Wehenkel 2006, "Extremely Randomized Trees", section 2; on draws of the rows,
    as a random forest's. Chance in place of the best split makes trees smoother together, and
    needs no sorting.
    """

    name: ClassVar[str] = "extra_trees"
    tree: ClassVar[str] = "ExtraTreeRegressor"

    max_depth: int = engine.option(8, "questions from root to leaf at most", ge=1)
    features: float = engine.option(0.5, "share of the features tried at a split", ge=0.01, le=1.0)
