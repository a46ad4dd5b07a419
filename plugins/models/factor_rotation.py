"""Factor rotation: factors weighed by how well each ordered returns of late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

import engine


@dataclass(frozen=True)
class FactorRotation(engine.Model):
    """The mean of one-factor forecasts, each as strong as the factor's recent rank IC.

    A combination of forecasts that each use one predictor (Rapach, Strauss & Zhou 2010,
    "Out-of-Sample Equity Premium Prediction: Combination Forecasts", section 2): factor k says
    ``IC_k × deviation of the target × x_k``, with x_k of unit variance and IC_k its rank IC by
    date, averaged with weights that halve every `half_life` dates. No matrix is inverted, so
    factors that go together do no harm.
    """

    name: ClassVar[str] = "factor_rotation"

    half_life: int = engine.option(
        126, "dates after which a date's rank IC counts half", unit="dates", ge=1
    )

    def learn(self, training: engine.Training) -> engine.Forecaster:
        """Average each factor's rank IC over the training's dates."""
        weights = []
        for column in training.X.T:
            daily = training.measure_rank_ic(column)
            known = np.isfinite(daily)
            age = np.arange(len(daily))[::-1]
            decay = np.where(known, 0.5 ** (age / self.half_life), 0.0)
            total = decay.sum()
            weights.append(float(decay @ np.nan_to_num(daily) / total) if total > 0.0 else 0.0)
        ic = np.array(weights)
        slopes = ic * float(training.target.std()) / len(ic)
        told = {"rank_ic": dict(zip(training.names, ic.tolist(), strict=True))}
        return _Rotation(training, slopes, told)


@dataclass(frozen=True, eq=False)
class _Rotation:
    training: engine.Training
    coef_: engine.FloatArray  # (K,)
    told: dict[str, Any]

    def forecast(self, rows: engine.Rows) -> engine.FloatArray:
        """Return forecasts of rows, shape (R,), in the target's units."""
        X = self.training.scale(rows)
        made = np.zeros(len(X))
        for k, slope in enumerate(self.coef_):  # in order: BLAS rounds a row by its place
            made += slope * X[:, k]
        return made
