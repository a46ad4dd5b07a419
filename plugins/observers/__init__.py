"""Observers: what watches a run without touching it."""

from engine import Observer, hookimpl
from engine.plugins.observers.jsonlines import JsonLines


@hookimpl
def register_observers() -> list[type[Observer]]:
    """Every built-in observer."""
    return [JsonLines]
