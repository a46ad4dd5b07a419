"""Alpha Engine: a declarative backtesting engine. This is all that a plugin author imports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.core.version import VERSION

if TYPE_CHECKING:
    from engine.api import run
    from engine.core.book import Book
    from engine.core.command import Command
    from engine.core.errors import (
        ConfigError,
        ContractError,
        DataError,
        EngineError,
        FormulaError,
        PluginError,
    )
    from engine.core.estimators import Estimator, Predictor
    from engine.core.keeping import Block, Kept, OpenStore, Record, Store
    from engine.core.kinds import (
        Cost,
        Factor,
        Kind,
        Model,
        Observer,
        Operator,
        Portfolio,
        Regime,
        Source,
        Stage,
    )
    from engine.core.memory import available_memory
    from engine.core.options import option
    from engine.core.panel import BoolArray, FloatArray, Panel, forward_fill
    from engine.core.places import user_cache, user_store
    from engine.core.progress import progress
    from engine.core.terms import Holding, Terms
    from engine.core.training import Forecaster, OnlinePredictor, Rows, Taught, Training
    from engine.core.universe import Universe
    from engine.core.whole import writing_whole
    from engine.expr import Formula, parse
    from engine.factor_store import FactorStore, store
    from engine.factors import evaluate
    from engine.plugin import hookimpl
    from engine.report import Report
    from engine.storage import LocalStore

_HOME = {
    "engine.api": ("run",),
    "engine.core.book": ("Book",),
    "engine.core.command": ("Command",),
    "engine.core.errors": (
        "ConfigError",
        "ContractError",
        "DataError",
        "EngineError",
        "FormulaError",
        "PluginError",
    ),
    "engine.core.estimators": ("Estimator", "Predictor"),
    "engine.core.keeping": ("Block", "Kept", "OpenStore", "Record", "Store"),
    "engine.core.kinds": (
        "Cost",
        "Factor",
        "Kind",
        "Model",
        "Observer",
        "OnlinePredictor",
        "Operator",
        "Portfolio",
        "Regime",
        "Source",
        "Stage",
    ),
    "engine.core.memory": ("available_memory",),
    "engine.core.options": ("option",),
    "engine.core.panel": (
        "BoolArray",
        "FloatArray",
        "Panel",
        "forward_fill",
    ),
    "engine.core.places": ("user_cache", "user_store"),
    "engine.core.progress": ("progress",),
    "engine.core.terms": (
        "Holding",
        "Terms",
    ),
    "engine.core.training": ("Forecaster", "OnlinePredictor", "Rows", "Taught", "Training"),
    "engine.core.universe": ("Universe",),
    "engine.core.whole": ("writing_whole",),
    "engine.expr": (
        "Formula",
        "parse",
    ),
    "engine.factor_store": ("FactorStore", "store"),
    "engine.factors": ("evaluate",),
    "engine.plugin": ("hookimpl",),
    "engine.report": ("Report",),
    "engine.storage": ("LocalStore",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__version__ = VERSION
__all__ = [
    "Block",
    "Book",
    "BoolArray",
    "Command",
    "ConfigError",
    "ContractError",
    "Cost",
    "DataError",
    "EngineError",
    "Estimator",
    "Factor",
    "FactorStore",
    "FloatArray",
    "Forecaster",
    "Formula",
    "FormulaError",
    "Holding",
    "Kept",
    "Kind",
    "LocalStore",
    "Model",
    "Observer",
    "OnlinePredictor",
    "OpenStore",
    "Operator",
    "Panel",
    "PluginError",
    "Portfolio",
    "Predictor",
    "Record",
    "Regime",
    "Report",
    "Rows",
    "Source",
    "Stage",
    "Store",
    "Taught",
    "Terms",
    "Training",
    "Universe",
    "available_memory",
    "evaluate",
    "forward_fill",
    "hookimpl",
    "option",
    "parse",
    "progress",
    "run",
    "store",
    "user_cache",
    "user_store",
    "writing_whole",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'engine' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULE_OF[name]), name)
