"""Labels, and a model trained on the past of each split."""

from __future__ import annotations

from engine.forecasts.labels import Label, Labels
from engine.forecasts.splits import Validation
from engine.forecasts.walkforward import Forecasts, forecast_name, walk_forward

__all__ = [
    "Forecasts",
    "Label",
    "Labels",
    "Validation",
    "forecast_name",
    "walk_forward",
]
