"""Ensemble: the mean of several models, weighed by how good each was on rows it had not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import engine
from engine.plugins.models._members import (
    Blend,
    measure_error,
    measure_recent_ic,
    refuse_none,
)


@dataclass(frozen=True)
class Ensemble(engine.Model):
    """A weighted mean of the forecasts of several models.

    Equal weights are hard to beat (Timmermann 2006, "Forecast Combinations", Handbook of Economic
    Forecasting, section 3), so they are the default. `inverse_error` weighs by one over the mean
    squared error (Bates & Granger 1969, "The Combination of Forecasts"), `softmax` by the rank IC;
    both are measured in purged folds inside each training, so from labels that are known.
    """

    name: ClassVar[str] = "ensemble"

    models: dict[str, engine.Model] = engine.option(
        {}, "the members, by any name", plugins={"ridge": "ridge", "xgboost": "xgboost"}
    )
    weights: str = engine.option(
        "equal", "of the members", choices=("equal", "inverse_error", "softmax")
    )
    temperature: float = engine.option(
        0.02, "of softmax: members whose rank ICs differ by it have weights as 1 to e", gt=0.0
    )
    recent: int = engine.option(252, "last dates that weights are measured on", unit="dates", ge=1)
    folds: int = engine.option(5, "inside a training, which weights are measured in", ge=2)
    risk_aversion: float = engine.option(
        0.0, "shrinks a mean m with spread s of its members to m³ / (m² + risk_aversion × s²)", ge=0
    )

    def learn(self, training: engine.Training) -> engine.Forecaster:
        """Train each member on all rows; weigh them by what they said of rows held out."""
        refuse_none("model", self.models)
        weights = self._weigh(training)
        members = {key: training.teach(key, self.models[key]) for key in sorted(self.models)}
        return Blend(members, {"weights": weights}, weights, self.risk_aversion)

    def _weigh(self, training: engine.Training) -> dict[str, float]:
        keys = sorted(self.models)
        if self.weights == "equal" or len(keys) == 1:
            return dict.fromkeys(keys, 1.0 / len(keys))
        outside = training.forecast_outside(self.models, self.folds)
        if self.weights == "softmax":
            ic = [measure_recent_ic(training, outside[key], self.recent) for key in keys]
            raw = np.exp((np.array(ic) - max(ic)) / self.temperature)
        else:
            error = np.array([measure_error(training, outside[key], self.recent) for key in keys])
            raw = error.min() / error if error.min() > 0.0 else (error == 0.0).astype(float)
        return dict(zip(keys, (raw / raw.sum()).tolist(), strict=True))
