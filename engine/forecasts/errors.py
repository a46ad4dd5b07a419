"""How far forecasts are from what they forecast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.core.panel import FloatArray


@dataclass(frozen=True)
class Errors:
    """Errors of forecasts against the label's target, one row per date and symbol.

    Parameters
    ----------
    mse : float
        Mean squared error, in squared units of the target.
    mae : float
        Mean absolute error, in units of the target.
    r2 : float
        1 less the squared errors over the target's squared deviations from its mean on these rows:
        0 is as good as knowing that mean.
    rank_ic : float
        Mean over dates of the rank IC against the forward return.

    NaN where nothing can be said: no row with a target, a constant target.
    """

    mse: float
    mae: float
    r2: float
    rank_ic: float

    @classmethod
    def of(cls, forecast: FloatArray, target: FloatArray, rank_ic: float) -> Errors:
        """Return the errors of forecasts against the target, shape (R,) each, where both are."""
        known = np.isfinite(target) & np.isfinite(forecast)
        if not known.any():
            return cls(np.nan, np.nan, np.nan, rank_ic)
        target, miss = target[known], (forecast - target)[known]
        squared, spread = miss @ miss, target - target.mean()
        whole = spread @ spread if target.min() < target.max() else 0.0
        return cls(
            mse=float(squared / len(miss)),
            mae=float(np.abs(miss).mean()),
            r2=float(1.0 - squared / whole) if whole > 0.0 else np.nan,
            rank_ic=rank_ic,
        )
