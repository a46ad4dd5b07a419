"""Labels, and a model trained on other dates than it forecasts: in walk-forward, on their past."""

from __future__ import annotations

from engine.forecasts.errors import Errors
from engine.forecasts.fits import Fit, find_late
from engine.forecasts.labels import Label, Labels
from engine.forecasts.ranges import Ranges
from engine.forecasts.splits import CAUTION, ELSEWHERE, Validation
from engine.forecasts.training import EQUAL, Split
from engine.forecasts.walkforward import Forecasts, list_forecasts, list_horizons, walk_forward

__all__ = [
    "CAUTION",
    "ELSEWHERE",
    "EQUAL",
    "Errors",
    "Fit",
    "Forecasts",
    "Label",
    "Labels",
    "Ranges",
    "Split",
    "Validation",
    "find_late",
    "list_forecasts",
    "list_horizons",
    "walk_forward",
]
