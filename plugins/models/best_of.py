"""Best of: the one of several models that was best on rows it had not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import engine
from engine.plugins.models._members import (
    Members,
    measure_error,
    measure_recent_ic,
    refuse_none,
)


@dataclass(frozen=True)
class BestOf(engine.Model):
    """One of several models, chosen anew in each training, and trained on all its rows.

    Each is measured in purged folds inside the training, so from labels that are known; a run
    writes down what each came to, and which was chosen. Of equals the first by its key is taken.
    """

    name: ClassVar[str] = "best_of"

    models: dict[str, engine.Model] = engine.option(
        {}, "the candidates, by any name", plugins={"ridge": "ridge", "xgboost": "xgboost"}
    )
    by: str = engine.option(
        "rank_ic", "the highest rank IC, or the lowest squared error", choices=("rank_ic", "mse")
    )
    recent: int = engine.option(
        756, "last dates that candidates are measured on", unit="dates", ge=1
    )
    folds: int = engine.option(5, "inside a training, which they are measured in", ge=2)

    def learn(self, training: engine.Training) -> engine.Forecaster:
        """Measure each candidate on rows held out, and train all on all rows."""
        refuse_none("model", self.models)
        outside = training.forecast_outside(self.models, self.folds)
        measure = measure_recent_ic if self.by == "rank_ic" else measure_error
        found = {key: measure(training, outside[key], self.recent) for key in sorted(outside)}
        sign = 1.0 if self.by == "rank_ic" else -1.0
        best = max(found, key=lambda key: sign * found[key])
        members = {key: training.teach(key, self.models[key]) for key in sorted(self.models)}
        return _Chosen(members, {"chosen": best, self.by: found})


@dataclass(frozen=True, eq=False)
class _Chosen(Members):
    """The chosen one speaks; the others show what was given up."""

    def combine(
        self, rows: engine.Rows, said: Mapping[str, engine.FloatArray]
    ) -> engine.FloatArray:
        """Return the forecasts of the chosen one, shape (R,)."""
        return said[self.told["chosen"]]
