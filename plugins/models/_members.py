"""What models that are made of others share: how good their members were, and their mean."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import engine


def refuse_none(key: str, models: Mapping[str, engine.Model]) -> None:
    """Raise ConfigError where there is no member."""
    if not models:
        raise engine.ConfigError(
            f"{key}.models is empty: add a member, such as +model@model.models.ridge=ridge"
        )


def measure_recent_ic(training: engine.Training, forecast: engine.FloatArray, recent: int) -> float:
    """Return the mean rank IC of forecasts, shape (R,), over the last `recent` dates; 0 without."""
    daily = training.measure_rank_ic(forecast)
    known = daily[np.isfinite(daily)][-recent:]
    return float(known.mean()) if len(known) else 0.0


def measure_error(training: engine.Training, forecast: engine.FloatArray, recent: int) -> float:
    """Return the mean squared error of forecasts, shape (R,), over the last `recent` dates."""
    dates = np.unique(training.date)[-recent:]
    late = (training.date >= dates[0]) & np.isfinite(forecast)
    return float(np.mean((forecast - training.target)[late] ** 2))


@dataclass(frozen=True, eq=False)
class Members:
    """Models that were taught; what their forecasts become is for a class that derives from it.

    Parameters
    ----------
    taught : mapping of str to Forecaster
    told : dict
        What a run writes down of a choice between them.
    """

    taught: Mapping[str, engine.Forecaster]
    told: dict[str, Any]

    @abstractmethod
    def combine(
        self, rows: engine.Rows, said: Mapping[str, engine.FloatArray]
    ) -> engine.FloatArray:
        """Return forecasts, shape (R,), made of the members'."""

    def ask_members(self, rows: engine.Rows) -> Mapping[str, engine.FloatArray]:
        """Return each member's forecasts of rows, shape (R,), in the target's units."""
        return {key: self.taught[key].forecast(rows) for key in sorted(self.taught)}

    def set_apart(self, said: Mapping[str, engine.FloatArray]) -> Mapping[str, engine.FloatArray]:
        """Return what bundles may take besides the forecasts, shape (R,) each: the members'."""
        return said

    def forecast(self, rows: engine.Rows) -> engine.FloatArray:
        """Return forecasts of rows, shape (R,), in the target's units."""
        return self.combine(rows, self.ask_members(rows))


@dataclass(frozen=True, eq=False)
class Blend(Members):
    """A weighted mean of members' forecasts.

    Parameters
    ----------
    weights : mapping of str to float
        That sum to 1.
    """

    weights: Mapping[str, float]

    def combine(
        self, rows: engine.Rows, said: Mapping[str, engine.FloatArray]
    ) -> engine.FloatArray:
        """Return the weighted mean, shape (R,)."""
        return sum_weighted(said, self.weights)


def sum_weighted(
    values: Mapping[str, engine.FloatArray], weights: Mapping[str, float]
) -> engine.FloatArray:
    """Return the weighted sum of arrays of one shape; added in the order of the keys."""
    total = np.zeros(len(next(iter(values.values()))))
    for key in sorted(values):
        total += weights[key] * values[key]  # 1 × x + 0 is x, to the last bit
    return total


@dataclass(frozen=True, eq=False)
class Told:
    """A model that was taught, with what a run writes down of how it was chosen."""

    taught: engine.Taught
    told: dict[str, Any]

    def forecast(self, rows: engine.Rows) -> engine.FloatArray:
        """Return forecasts of rows, shape (R,), in the target's units."""
        return self.taught.forecast(rows)
