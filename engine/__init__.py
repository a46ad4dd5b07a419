"""Alpha Engine: a declarative backtesting engine. This is all that a plugin author imports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.api import run
    from engine.book import Book
    from engine.errors import (
        ConfigError,
        ContractError,
        DataError,
        EngineError,
        FormulaError,
        PluginError,
    )
    from engine.evaluation import evaluate
    from engine.expr import parse
    from engine.expr.formula import Formula
    from engine.hookspecs import hookimpl
    from engine.kinds import (
        Cost,
        Estimator,
        Factor,
        Model,
        Observer,
        Operator,
        Portfolio,
        Regime,
        Source,
        Stage,
        option,
    )
    from engine.memory import available_memory
    from engine.panel import BoolArray, FloatArray, Panel, forward_fill
    from engine.report.finished import Report
    from engine.terms import Holding, Terms
    from engine.universe import Universe
    from engine.whole import writing_whole

_HOME = {
    "engine.book": ("Book",),
    "engine.errors": (
        "ConfigError",
        "ContractError",
        "DataError",
        "EngineError",
        "FormulaError",
        "PluginError",
    ),
    "engine.evaluation": ("evaluate",),
    "engine.expr": ("parse",),
    "engine.expr.formula": ("Formula",),
    "engine.hookspecs": ("hookimpl",),
    "engine.kinds": (
        "Cost",
        "Estimator",
        "Factor",
        "Model",
        "Observer",
        "Operator",
        "Portfolio",
        "Regime",
        "Source",
        "Stage",
        "option",
    ),
    "engine.memory": ("available_memory",),
    "engine.panel": ("BoolArray", "FloatArray", "Panel", "forward_fill"),
    "engine.api": ("run",),
    "engine.report.finished": ("Report",),
    "engine.terms": ("Holding", "Terms"),
    "engine.universe": ("Universe",),
    "engine.whole": ("writing_whole",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__version__ = "0.1.0"
__all__ = [
    "Book",
    "BoolArray",
    "ConfigError",
    "ContractError",
    "Cost",
    "DataError",
    "EngineError",
    "Estimator",
    "Factor",
    "FloatArray",
    "Formula",
    "FormulaError",
    "Holding",
    "Model",
    "Observer",
    "Operator",
    "Panel",
    "PluginError",
    "Portfolio",
    "Regime",
    "Report",
    "Source",
    "Stage",
    "Terms",
    "Universe",
    "available_memory",
    "evaluate",
    "forward_fill",
    "hookimpl",
    "option",
    "parse",
    "run",
    "writing_whole",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'engine' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULE_OF[name]), name)
