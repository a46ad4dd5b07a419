"""Two states of the market, told apart by its volatility so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

import engine


@dataclass(frozen=True)
class Storm(engine.Regime):
    """Stormy while the market's volatility is above a multiple of its median so far."""

    name: ClassVar[str] = "storm"

    window: int = engine.option(20, "returns in the volatility", unit="trading days", ge=2)
    times: float = engine.option(1.5, "multiple of the median", ge=0.0)

    @property
    def states(self) -> tuple[str, ...]:
        """The two states, by rising volatility."""
        return ("calm", "stormy")

    def probabilities(self, panel: engine.Panel) -> engine.FloatArray:
        """Return 0 or 1 per state, shape (T, 2); NaN before the first volatility."""
        volatility = pd.Series(panel.market).rolling(self.window, min_periods=self.window).std()
        usual = volatility.expanding().median()
        stormy = np.where(volatility.notna(), volatility > self.times * usual, np.nan)
        return np.column_stack([1.0 - stormy, stormy])
