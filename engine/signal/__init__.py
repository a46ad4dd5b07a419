"""From factors and forecasts to the bundle's score, and what counts in a decision."""

from __future__ import annotations

from engine.signal.decision import Decision
from engine.signal.scores import MARKET_BETA, Bundle, score
from engine.signal.seasoning import Masked, is_young, mask_young

__all__ = ["MARKET_BETA", "Bundle", "Decision", "Masked", "is_young", "mask_young", "score"]
