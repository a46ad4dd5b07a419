"""Each: several models side by side, each with a forecast of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import engine
from engine.plugins.models._members import Members, refuse_none, sum_weighted


@dataclass(frozen=True)
class Each(engine.Model):
    """Several models on the same trainings; each leaves a forecast that bundles may take.

    ``ml_alpha_{key}_{horizon}d`` is that of the model under a key, ``ml_alpha_each_{horizon}d``
    their plain mean.
    """

    name: ClassVar[str] = "each"

    models: dict[str, engine.Model] = engine.option(
        {},
        "the models; their forecasts are called after the keys",
        plugins={"ridge": "ridge", "xgboost": "xgboost"},
    )

    def __post_init__(self) -> None:
        if self.name in self.models:
            raise engine.ConfigError(
                "model.models.each: that is what their mean is called; choose another key"
            )

    @property
    def forecast_keys(self) -> tuple[str, ...]:
        """What its forecasts are called after: their mean first."""
        return (self.name, *sorted(self.models))

    def learn(self, training: engine.Training) -> engine.Forecaster:
        """Train each model on all rows."""
        refuse_none("model", self.models)
        members = {key: training.teach(key, self.models[key]) for key in sorted(self.models)}
        return _Mean(members, {})


@dataclass(frozen=True, eq=False)
class _Mean(Members):
    def combine(
        self, rows: engine.Rows, said: Mapping[str, engine.FloatArray]
    ) -> engine.FloatArray:
        """Return the plain mean, shape (R,)."""
        return sum_weighted(said, dict.fromkeys(said, 1.0 / len(said)))
