"""A factor that is a class, and asks the formula language for a part of its work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import engine


@dataclass(frozen=True)
class RangePosition(engine.Factor):
    """Where the close stands in the range of its last rows: 0 at the bottom, 1 at the top."""

    name: ClassVar[str] = "range_position"

    days: int = engine.option(60, "rows in the range", unit="trading days", ge=2)

    @property
    def lookback(self) -> int:
        """Rows before t that row t reads."""
        return self.days - 1

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        """Return the position, shape (T, N); NaN in a range of no width."""
        formula = f"(close - ts_min(close, {self.days})) / ts_range(close, {self.days})"
        return engine.evaluate({self.name: formula}, panel)[self.name]
