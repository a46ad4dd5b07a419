"""Which parts of a run are judged, each with the plugin that does its work."""

from __future__ import annotations

from collections.abc import Iterator

from engine.pipeline import STAGES, Remade

Part = tuple[str, str]


def list_parts(base: Remade) -> Iterator[tuple[Part, str]]:
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
                yield (stage, name), f"factor {factor.name}"
        elif stage == "account":
            yield (stage, "portfolio"), f"portfolio {settings.portfolio.name}"
            yield (stage, "costs"), f"cost {settings.costs.name}"
        else:
            yield (stage, ""), plugins.get(stage, "")


def list_left_out(base: Remade) -> list[str]:
    """The stages that no decision is made of."""
    return [stage.name for stage in STAGES if stage.name not in base.stages]
