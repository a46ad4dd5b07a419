"""Cost models: what trading and holding cost, chosen by ``costs.name``."""

from __future__ import annotations

from engine import Cost, hookimpl
from engine.plugins.costs.standard import Standard


@hookimpl
def register_costs() -> list[type[Cost]]:
    """Return the cost models of this room."""
    return [Standard]
