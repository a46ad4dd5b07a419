"""Stacking: a model that learns from what other models forecast of rows they had not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import engine
from engine.plugins.models._members import Members, refuse_none


@dataclass(frozen=True)
class Stacking(engine.Model):
    """A model on top of models: its features are their forecasts.

    It learns from what each said of rows that were held out from it, in purged folds inside the
    training (Wolpert 1992, "Stacked Generalization", section 2): what a model says of rows that it
    was trained on tells nothing of how far it can be trusted. To forecast, each is trained on all
    rows.
    """

    name: ClassVar[str] = "stacking"

    models: dict[str, engine.Model] = engine.option(
        {}, "the members, by any name", plugins={"ridge": "ridge", "xgboost": "xgboost"}
    )
    final: engine.Model = engine.option(None, "learns from their forecasts", plugins="ridge")
    folds: int = engine.option(5, "inside a training, each held out from the members", ge=2)

    def learn(self, training: engine.Training) -> engine.Forecaster:
        """Train the final model on forecasts of rows held out, and the members on all rows."""
        refuse_none("model", self.models)
        outside = training.forecast_outside(self.models, self.folds)
        final = training.teach("final", self.final, columns=outside)
        members = {key: training.teach(key, self.models[key]) for key in sorted(self.models)}
        return _Stack(members, {}, final)


@dataclass(frozen=True, eq=False)
class _Stack(Members):
    final: engine.Taught

    def combine(
        self, rows: engine.Rows, said: Mapping[str, engine.FloatArray]
    ) -> engine.FloatArray:
        """Return what the final model makes of the members' forecasts, shape (R,)."""
        return self.final.forecast_columns(rows, said)
