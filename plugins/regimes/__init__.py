"""Regimes: filtered probabilities of market states, from calm to turbulent."""

from __future__ import annotations

from engine import Regime, hookimpl
from engine.plugins.regimes.hmm import HiddenMarkov
from engine.plugins.regimes.threshold import Threshold


@hookimpl
def register_regimes() -> list[type[Regime]]:
    """The built-in regime detectors."""
    return [Threshold, HiddenMarkov]
