"""Ensemble: the mean of several models, weighed by how good each was on rows it had not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import engine
from engine.plugins.models._members import (
    Blend,
    measure_error,
    measure_recent_ic,
    refuse_none,
    sum_weighted,
)

SPREAD = "ensemble_spread"


@dataclass(frozen=True)
class Ensemble(engine.Model):
    """A weighted mean of the forecasts of several models.

    Equal weights are hard to beat (Timmermann 2006, "Forecast Combinations", Handbook of Economic
    Forecasting, section 3), so they are the default. `inverse_error` weighs by one over the mean
    squared error (Bates & Granger 1969, "The Combination of Forecasts"), `softmax` by the rank IC;
    both are measured in purged folds inside each training, so from labels that are known.

    ``ml_alpha_ensemble_spread_{horizon}d``, which bundles may take, is how far the members disagree
    on a name: the weighted deviation of their forecasts from the mean, in the target's units.
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

    @property
    def forecast_keys(self) -> tuple[str, ...]:
        """What its forecasts are called after: their mean, and their spread."""
        return (self.name, SPREAD)

    def learn(self, training: engine.Training) -> engine.Forecaster:
        """Train each member on all rows; weigh them by what they said of rows held out."""
        refuse_none("model", self.models)
        weights = self._weigh(training)
        members = {key: training.teach(key, self.models[key]) for key in sorted(self.models)}
        return _Cautious(members, {"weights": weights}, weights, self.risk_aversion)

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


@dataclass(frozen=True, eq=False)
class _Cautious(Blend):
    """A weighted mean m, shrunk by the members' spread s to ``m³ / (m² + λ s²)``."""

    risk_aversion: float

    def combine(
        self, rows: engine.Rows, said: Mapping[str, engine.FloatArray]
    ) -> engine.FloatArray:
        """Return the weighted mean, shrunk where members disagree, shape (R,)."""
        mean = super().combine(rows, said)
        if self.risk_aversion == 0.0:
            return mean
        square, risk = mean**2, self.risk_aversion * self._measure_variance(said)
        share = np.divide(square, square + risk, out=np.zeros(len(mean)), where=square > 0.0)
        shrunk: engine.FloatArray = mean * share
        return shrunk

    def set_apart(self, said: Mapping[str, engine.FloatArray]) -> Mapping[str, engine.FloatArray]:
        """Return how far the members disagree, shape (R,)."""
        return {SPREAD: np.sqrt(self._measure_variance(said))}

    def _measure_variance(self, said: Mapping[str, engine.FloatArray]) -> engine.FloatArray:
        mean = sum_weighted(said, self.weights)
        return sum_weighted({key: (x - mean) ** 2 for key, x in said.items()}, self.weights)
