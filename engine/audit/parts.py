"""Which parts of a run are judged, each with the plugin that does its work."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.kinds import Factor
from engine.expr import Formula, guest_names
from engine.pipeline import Remade
from engine.plugin import HOME, Registry

Part = tuple[str, str]


def list_parts(base: Remade, registry: Registry) -> Iterator[tuple[Part, str]]:
    """The parts of the stages that decide, each with the kind and name of its plugin."""
    settings = base.settings
    plugins = {
        "regimes": f"regime {settings.regime.name}",
        "forecasts": f"model {settings.model.name}",
    }
    for stage in base.stages:
        if stage == "source":
            continue  # the rows are changed after it: see `doubts`
        if stage == "factors":
            for name, factor in settings.factors.items():
                yield (stage, name), _find_plugin(factor, registry)
        elif stage == "account":
            yield (stage, "portfolio"), f"portfolio {settings.portfolio.name}"
            yield (stage, "costs"), f"cost {settings.costs.name}"
        else:
            yield (stage, ""), plugins.get(stage, "")


def _find_plugin(factor: Factor, registry: Registry) -> str:
    """The plugin that does a factor's work: of a formula, a stranger's operator if it has one."""
    if isinstance(factor, Formula):
        operators = registry.entries("operator")
        for name in sorted(guest_names(factor.formula, operators)):
            if operators[name].dist != HOME:
                return f"operator {name}"
    return f"factor {factor.name}"
