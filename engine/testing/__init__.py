"""The conformance kit: does a plugin keep its kind's contract? For plugin authors, and for us.

In a test of your own::

    from engine.testing import check

    def test_gap_keeps_the_contract():
        check(Gap())

`check` raises PluginError with one line per broken property; `verdicts` returns them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.checks import Verdict, small_panel
    from engine.testing.checks import (
        check,
        check_cost,
        check_factor,
        check_model,
        check_operator,
        check_portfolio,
        check_regime,
        check_source,
        check_store,
        verdicts,
    )

_HOME = {
    "check": "engine.testing.checks",
    "check_cost": "engine.testing.checks",
    "check_factor": "engine.testing.checks",
    "check_model": "engine.testing.checks",
    "check_operator": "engine.testing.checks",
    "check_portfolio": "engine.testing.checks",
    "check_regime": "engine.testing.checks",
    "check_source": "engine.testing.checks",
    "check_store": "engine.testing.checks",
    "small_panel": "engine.checks.panels",
    "Verdict": "engine.checks.verdict",
    "verdicts": "engine.testing.checks",
}

__all__ = [
    "Verdict",
    "check",
    "check_cost",
    "check_factor",
    "check_model",
    "check_operator",
    "check_portfolio",
    "check_regime",
    "check_source",
    "check_store",
    "small_panel",
    "verdicts",
]


def __getattr__(name: str) -> Any:
    """Import on first use: the pytest plugin lives in this package and must load at once."""
    if name not in _HOME:
        raise AttributeError(f"module 'engine.testing' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)
