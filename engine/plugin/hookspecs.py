"""Every place where a plugin may step in, in the order in which a run meets them.

A plugin is a module (or any object) behind an entry point of the group ``engine`` with one
or more of these functions, each marked ``@engine.hookimpl``. They return lists: pure,
testable alone, independent of the order in which plugins load.
"""

from __future__ import annotations

from types import ModuleType

import pluggy

from engine.core.command import Command
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
    Store,
)

hookspec = pluggy.HookspecMarker("engine")
hookimpl = pluggy.HookimplMarker("engine")


@hookspec
def register_sources() -> list[type[Source]]:  # type: ignore[empty-body]
    """Where bars can come from; chosen by ``source.name``."""


@hookspec
def register_operators() -> list[type[Operator]]:  # type: ignore[empty-body]
    """Operators of the formula language, beside those of the engine's table."""


@hookspec
def register_factors() -> list[type[Factor]]:  # type: ignore[empty-body]
    """Factors that a set can list by ``name``."""


@hookspec
def register_regimes() -> list[type[Regime]]:  # type: ignore[empty-body]
    """Regime detectors; chosen by ``regime.name``."""


@hookspec
def register_models() -> list[type[Model]]:  # type: ignore[empty-body]
    """Alpha models; chosen by ``model.name``."""


@hookspec
def register_portfolios() -> list[type[Portfolio]]:  # type: ignore[empty-body]
    """Ways from signal to weights; chosen by ``portfolio.name``."""


@hookspec
def register_costs() -> list[type[Cost]]:  # type: ignore[empty-body]
    """Cost models; chosen by ``costs.name``."""


@hookspec
def register_observers() -> list[type[Observer]]:  # type: ignore[empty-body]
    """Observers, told of each stage as it ends; switched on under ``observers``."""


@hookspec
def register_stores() -> list[type[Store]]:  # type: ignore[empty-body]
    """Where values and results are kept; chosen by ``store.name``."""


@hookspec
def register_kinds() -> list[type[Kind]]:  # type: ignore[empty-body]
    """Kinds of plugin of one's own, each with a hook ``register_…s`` for its plugins."""


@hookspec
def register_commands() -> list[Command]:  # type: ignore[empty-body]
    """Commands of the prompt, a row each; asked for when ``engine`` lists or looks for one."""


def spec_of(kind: type[Kind]) -> ModuleType:
    """Return the specification of the hook of a kind that a distribution has brought."""

    def spec() -> list[type[Kind]]:  # type: ignore[empty-body]
        """Plugins of the kind."""

    specs = ModuleType(f"{__name__}.{kind.kind_name}")
    setattr(specs, kind.kind_hook(), hookspec(spec))
    return specs
