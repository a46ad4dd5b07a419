"""The inputs that a plugin on panels must survive, beside the main ones."""

from __future__ import annotations

from collections.abc import Callable

from engine.checks.inputs import Inputs
from engine.checks.panels import panels, with_gap, with_ghost
from engine.core.panel import Panel


def make_odd(panel: Panel, dress: Callable[[Panel], Inputs]) -> dict[str, Inputs]:
    """Return inputs by what is odd about them; `dress` adds the arrays that go with a panel."""
    odd = {
        "a symbol without bars": with_ghost(panel),
        "a date without bars": with_gap(panel),
        **{name: other for name, other in panels().items() if name != "whole"},
    }
    return {name: dress(other) for name, other in odd.items()}
