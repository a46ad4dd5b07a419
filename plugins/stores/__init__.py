"""Stores: where values of factors and results of stages are kept."""

from __future__ import annotations

from engine import Store, hookimpl
from engine.plugins.stores.local import Local
from engine.plugins.stores.none import Nothing


@hookimpl
def register_stores() -> list[type[Store]]:
    """The built-in stores."""
    return [Local, Nothing]
