"""Multi horizon: a model for each of several horizons, their forecasts combined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import engine
from engine.plugins.models._members import Blend, measure_recent_ic


@dataclass(frozen=True)
class MultiHorizon(engine.Model):
    """The same model trained on labels of several horizons, and one forecast of the run's own.

    Short labels are many and noisy, long ones few and steady. Each horizon has labels of its own,
    purged by their own end. A forecast of k deviations of the h-day target counts as k deviations
    of the run's target; the mean is weighed by the rank IC that each horizon had of late against
    the run's target, in purged folds inside the training, and is plain where none was above 0.
    """

    name: ClassVar[str] = "multi_horizon"

    model: engine.Model = engine.option(None, "trained for each horizon", plugins="ridge")
    horizons: list[int] = engine.option(
        [1, 5, 10, 20], "of the labels to learn from", unit="trading days"
    )
    weights: str = engine.option(
        "rank_ic", "of the horizons: by their past rank IC, or equal", choices=("rank_ic", "equal")
    )
    recent: int = engine.option(252, "last dates that weights are measured on", unit="dates", ge=1)
    folds: int = engine.option(5, "inside a training, which weights are measured in", ge=2)

    def __post_init__(self) -> None:
        wrong = [each for each in self.horizons if each < 1]
        if wrong or not self.horizons or len({*self.horizons}) < len(self.horizons):
            raise engine.ConfigError(
                f"model.horizons={self.horizons}: write different numbers of trading days, 1 or "
                "more each, such as [1,5,20]"
            )

    @property
    def label_horizons(self) -> tuple[int, ...]:
        """Horizons whose labels it asks for."""
        return tuple(sorted(self.horizons))

    def learn(self, training: engine.Training) -> engine.Forecaster:
        """Train a model for each horizon; weigh them by what they said of rows held out."""
        weights, told = self._weigh(training)
        members = {_name(h): _Scaled.learn(training, self.model, h) for h in self.label_horizons}
        return Blend(members, told, weights)

    def _weigh(self, training: engine.Training) -> tuple[dict[str, float], dict[str, object]]:
        keys = [_name(h) for h in self.label_horizons]
        equal = dict.fromkeys(keys, 1.0 / len(keys))
        if self.weights == "equal" or len(keys) == 1:
            return equal, {"weights": equal}
        said = {key: np.full(len(training.date), np.nan) for key in keys}
        for fold in training.inner(self.folds):
            for key, h in zip(keys, self.label_horizons, strict=True):
                taught = _Scaled.learn(fold.training, self.model, h)
                said[key][fold.rows] = taught.forecast(fold.ahead)
        found = {key: measure_recent_ic(training, said[key], self.recent) for key in keys}
        above = {key: max(found[key], 0.0) for key in keys}
        total = sum(above.values())
        weights = {key: above[key] / total for key in keys} if total > 0.0 else equal
        return weights, {"weights": weights, "rank_ic": found}


@dataclass(frozen=True, eq=False)
class _Scaled:
    """A model of another horizon, whose forecasts are brought to the run's target."""

    taught: engine.Taught
    factor: float

    @classmethod
    def learn(cls, training: engine.Training, model: engine.Model, horizon: int) -> _Scaled:
        own = training.at(horizon)
        deviation = float(own.target.std())
        factor = float(training.target.std()) / deviation if deviation > 0.0 else 1.0
        return cls(own.teach("model", model), factor)

    def forecast(self, rows: engine.Rows) -> engine.FloatArray:
        """Return forecasts of rows, shape (R,), in units of the run's target."""
        made: engine.FloatArray = self.factor * self.taught.forecast(rows)
        return made


def _name(horizon: int) -> str:
    return f"{horizon}d"
