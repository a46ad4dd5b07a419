"""The library of factors of a configuration, from Python and from the prompt."""

from __future__ import annotations

from engine.factor_store.handle import FactorStore, store

__all__ = ["FactorStore", "store"]
