"""Random forest: the mean of decision trees, each grown on its own sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.plugins.models._forest import OfTrees


@dataclass(frozen=True)
class RandomForest(OfTrees):
    """The mean of decision trees, each grown on its own sample of rows and features.

    Breiman 2001, "Random Forests", section 2. Returns are mostly noise: shallow trees with
    large leaves are the default.
    """

    name: ClassVar[str] = "random_forest"
    tree: ClassVar[str] = "DecisionTreeRegressor"
