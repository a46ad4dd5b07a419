"""Regime switch: a model for each market state, blended by how likely each state is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

import engine


@dataclass(frozen=True)
class RegimeSwitch(engine.Model):
    """The same model trained on the dates of each market state, and one on all.

    A date teaches the model of its likeliest state. A forecast is the mean of the models by the
    filtered probabilities of its date (Hamilton 1989, "A New Approach to the Economic Analysis of
    Nonstationary Time Series and the Business Cycle", section 4, for the states). A state with
    too few rows, or a date whose states are not known, has the model of all rows.
    """

    name: ClassVar[str] = "regime_switch"

    model: engine.Model = engine.option(None, "trained for each state", plugins="random_forest")
    min_rows: int = engine.option(
        5000, "training rows of a state, below which it has the model of all", unit="rows", ge=1
    )

    def learn(self, training: engine.Training) -> engine.Forecaster:
        """Train on all rows, and on those of each state that has enough."""
        whole = training.teach("all", self.model)
        names = [*training.regimes]
        if not names:
            raise engine.ConfigError("model=regime_switch needs a regime: type regime=threshold")
        chance = np.array([training.regimes[name] for name in names])
        known = np.isfinite(chance).all(axis=0)
        likeliest = np.where(known, np.argmax(np.where(known, chance, 0.0), axis=0), -1)
        rows = {name: int((likeliest == at).sum()) for at, name in enumerate(names)}
        models = {
            name: training.keep(likeliest == at).teach(name, self.model)
            for at, name in enumerate(names)
            if rows[name] >= self.min_rows
        }
        return _Switch(whole, models, {"rows": rows, "own_model": sorted(models)})


@dataclass(frozen=True, eq=False)
class _Switch:
    whole: engine.Forecaster
    models: Mapping[str, engine.Forecaster]
    told: dict[str, Any] = field(default_factory=dict)

    def forecast(self, rows: engine.Rows) -> engine.FloatArray:
        """Return forecasts of rows, shape (R,), in the target's units."""
        overall = self.whole.forecast(rows)
        made, rest = np.zeros(len(overall)), np.ones(len(overall))
        for state in sorted(self.models):
            weight = np.nan_to_num(rows.regimes[state], nan=0.0)
            made += weight * self.models[state].forecast(rows)
            rest -= weight
        blended: engine.FloatArray = made + rest * overall
        return blended
