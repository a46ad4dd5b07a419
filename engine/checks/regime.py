"""The properties of a regime detector."""

from __future__ import annotations

import re

import numpy as np

from engine.checks.inputs import Inputs
from engine.checks.odd import make_odd
from engine.checks.panels import small_panel
from engine.checks.probe import Probe
from engine.checks.same import Result, Results
from engine.checks.verdict import Broken, Check
from engine.core.kinds import Regime
from engine.core.panel import Panel

DAYS = 640  # detectors learn from two years before they speak
_STATE = re.compile(r"[a-z][a-z0-9_]*")


def regime_checks(plugin: Regime, panel: Panel | None = None) -> list[Check]:
    """Return the checks of a regime detector."""
    panel = small_panel(days=DAYS) if panel is None else panel
    probe = Probe(plugin, Inputs(panel), _ask, make_odd(panel, Inputs), symbolic=False)
    return [
        *probe.checks(),
        ("states", lambda: _check_states(plugin)),
        ("probabilities", lambda: _check_probabilities(probe)),
    ]


def _ask(plugin: Regime, inputs: Inputs) -> Results:
    return {"": Result(plugin.probabilities(inputs.panel), tuple(plugin.states))}


def _check_states(plugin: Regime) -> None:
    """The states are two names or more, fit to be keys of the configuration."""
    states = plugin.states
    if not isinstance(states, tuple) or len(states) < 2:
        raise Broken(f"states={states!r}: return a tuple of two names or more")
    wrong = [s for s in states if not isinstance(s, str) or not _STATE.fullmatch(s)]
    if wrong:
        raise Broken(f"state {wrong[0]!r}: use lower case letters, digits and _ only")
    if len(set(states)) < len(states):
        raise Broken(f"states={states!r}: two have one name")


def _check_probabilities(probe: Probe) -> None:
    """Each row is a distribution, or unknown as a whole."""
    p, dates = probe.result[""].array, probe.inputs.panel.dates
    for day, row in zip(dates, p, strict=True):
        if np.isnan(row).all():
            continue
        if np.isnan(row).any():
            raise Broken(f"on {day:%Y-%m-%d} is partly NaN: {row.tolist()}")
        if (row < 0.0).any() or (row > 1.0).any() or abs(row.sum() - 1.0) > 1e-9:
            raise Broken(f"on {day:%Y-%m-%d} is no distribution: {row.tolist()}")
