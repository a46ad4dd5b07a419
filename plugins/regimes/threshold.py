"""Threshold: market states by cut-offs on realised volatility, and on VIX where it is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

import engine
from engine.plugins.regimes._volatility import rolling_volatility, weighted_volatility


@dataclass(frozen=True)
class Threshold(engine.Regime):
    """Calm, normal or turbulent by the realised volatility of the equal-weighted market.

    The two cut-offs are levels, or quantiles of the volatility so far. Where the panel has
    the series ``vix``, its level classifies too, and the more turbulent of the two counts.
    Probabilities are 0 or 1; NaN before the cut-offs are known.
    """

    name: ClassVar[str] = "threshold"

    window: int = engine.option(
        20, "in the volatility of the equal-weighted market", unit="trading days", ge=2
    )
    weighting: str = engine.option(
        "rolling",
        "equal weights, or fading by 1 - 2 / (window + 1) a day",
        choices=("rolling", "ewma"),
    )
    cutoffs: str = engine.option(
        "quantile",
        "what cuts: quantiles of the volatilities so far, or the levels below",
        choices=("quantile", "absolute"),
    )
    quantiles: list[float] = engine.option(
        [0.5, 0.9], "shares of the past below normal and below turbulent", unit="fraction"
    )
    min_history: int = engine.option(
        252, "of volatility before the first quantile", unit="trading days", ge=1
    )
    levels: list[float] = engine.option(
        [0.12, 0.24], "volatilities where normal and turbulent begin", unit="per year"
    )
    vix_levels: list[float] = engine.option(
        [20.0, 30.0],
        "VIX where normal and turbulent begin, if the data have the series vix; the worse counts",
        unit="percent per year",
    )

    def __post_init__(self) -> None:
        for key in ("quantiles", "levels", "vix_levels"):
            pair = list(getattr(self, key))
            if len(pair) != 2 or not 0.0 < pair[0] < pair[1]:
                raise engine.ConfigError(
                    f"regime.{key}={pair} are not two rising numbers above 0: "
                    "where normal and where turbulent begins"
                )
        if self.quantiles[1] >= 1.0:
            raise engine.ConfigError(
                f"regime.quantiles={list(self.quantiles)} are not below 1: try [0.5,0.9]"
            )

    @property
    def states(self) -> tuple[str, ...]:
        """The three states, by rising volatility."""
        return ("calm", "normal", "turbulent")

    @property
    def observes(self) -> tuple[str, ...]:
        """The VIX, where the data have it."""
        return ("vix",)

    def probabilities(self, panel: engine.Panel) -> engine.FloatArray:
        """Return 0 or 1 per state, shape (T, 3); NaN before the first cut-offs."""
        measure = rolling_volatility if self.weighting == "rolling" else weighted_volatility
        volatility = measure(panel.market, self.window, panel.periods_per_year)
        low, high = self._cutoffs(volatility)
        state = _classify(volatility, low, high)
        if "vix" in panel.series:
            state = np.fmax(state, _classify(panel.series["vix"], *self.vix_levels))
        known = np.isfinite(state)
        out = np.full((len(state), 3), np.nan)
        out[known] = np.eye(3)[state[known].astype(np.intp)]
        return out

    def _cutoffs(self, volatility: engine.FloatArray) -> tuple[engine.FloatArray, ...]:
        """Where normal and turbulent begin on each date, two arrays of shape (T,)."""
        if self.cutoffs == "absolute":
            return tuple(np.full(len(volatility), level) for level in self.levels)
        so_far = pd.Series(volatility).expanding(min_periods=self.min_history)
        return tuple(so_far.quantile(q).to_numpy(np.float64) for q in self.quantiles)


def _classify(
    value: engine.FloatArray, low: engine.FloatArray | float, high: engine.FloatArray | float
) -> engine.FloatArray:
    """0, 1 or 2 by the cut-offs; NaN where the value or a cut-off is."""
    state = (value >= low).astype(np.float64) + (value >= high)
    return np.where(np.isfinite(value) & np.isfinite(low) & np.isfinite(high), state, np.nan)
