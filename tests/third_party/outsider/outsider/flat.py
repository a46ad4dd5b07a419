"""A broker with one price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import engine


@dataclass(frozen=True)
class Flat(engine.Cost):
    """The same rate for every trade; holding is free."""

    name: ClassVar[str] = "flat"

    bps: float = engine.option(5.0, "rate on the traded value", unit="bps", ge=0.0)

    def trading(
        self, panel: engine.Panel, orders: engine.FloatArray
    ) -> Mapping[str, engine.FloatArray]:
        """Return the rate ``broker``."""
        return {"broker": np.full(panel.shape, self.bps * 1e-4)}

    def carry(
        self, weights: engine.FloatArray, days: engine.FloatArray
    ) -> Mapping[str, engine.FloatArray]:
        """Return ``holding``: 0."""
        return {"holding": np.zeros(len(days))}
