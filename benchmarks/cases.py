"""What the formula benchmark computes: its cases, its sets, its bars."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Values = dict[str, Array]

CASES = {
    "ts_mean": "ts_mean(close, 20)",
    "ts_std": "stddev(close, 20)",
    "ts_min": "ts_min(close, 20)",
    "ts_max": "ts_max(close, 20)",
    "ts_rank": "ts_rank(close, 20)",
    "ts_argmax": "ts_argmax(close, 20)",
    "ts_corr": "correlation(close, volume, 20)",
    "decay_linear": "decay_linear(close, 10)",
    "delta": "delta(close, 5)",
    "rank": "rank(close)",
    "seed": "rank(decay_linear(correlation(vwap, volume, 4), 2)) * -1",
}
SETS = ("alpha101", "alpha158")
# Alphas that KunQuant lacks: all but 56 (market capitalisation) and 48 are neutral to industries.
LACKING = (48, 56, 58, 59, 63, 67, 69, 70, 76, 79, 80, 82, 87, 89, 90, 91, 93, 97, 100)
DAYS = 2520


@dataclass(frozen=True)
class Bars:
    """Simulated bars, each field of shape (T, N).

    A fifth of the symbols are listed late, and 2% of the bars are missing: NaN in every field.
    Prices are in cents, so that cross-sections have ties.
    """

    fields: Values

    @classmethod
    def simulated(cls, symbols: int, days: int) -> Bars:
        rng = np.random.default_rng(7)
        shape = (days, symbols)
        close = 50 * np.exp(np.cumsum(rng.normal(0.0002, 0.02, shape), axis=0))
        gap = rng.normal(0, 0.005, shape)
        spread = close * rng.uniform(0.001, 0.02, shape)
        opened = close * (1 + gap)
        fields = {
            "open": opened,
            "high": np.maximum(opened, close) + spread,
            "low": np.minimum(opened, close) - spread / 2,
            "close": close,
        }
        fields = {name: np.round(array, 2) for name, array in fields.items()}
        fields["vwap"] = (fields["high"] + fields["low"] + fields["close"]) / 3
        fields["volume"] = np.round(1e6 * np.exp(rng.normal(0, 0.5, shape)))
        fields["amount"] = fields["vwap"] * fields["volume"]
        listed = np.where(rng.random(symbols) < 0.2, rng.integers(0, days // 2, symbols), 0)
        missing = (np.arange(days)[:, None] < listed) | (rng.random(shape) < 0.02)
        for array in fields.values():
            array[missing] = np.nan
        return cls(fields)

    @property
    def shape(self) -> tuple[int, int]:
        days, symbols = self.fields["close"].shape
        return days, symbols

    def __getitem__(self, name: str) -> Array:
        return self.fields[name]


@dataclass(frozen=True)
class Job:
    """One thing to time, and how its result becomes named (T, N) arrays (not timed)."""

    run: Callable[[], Any]
    values: Callable[[Any], Values]


def formulas_of(name: str) -> dict[str, str]:
    """The formulas of a case or of a set of ``conf/factors``, by name.

    Of alpha101 those that KunQuant has too. Raises ConfigError for a set that is absent.
    """
    if name in CASES:
        return {name: CASES[name]}
    from engine.config.compose import compose_config

    lacking = {f"alpha{number:03d}" for number in LACKING} if name == "alpha101" else set()
    factors = compose_config([f"factors={name}"]).factors
    texts = {str(key): factors[key] for key in factors if key not in lacking}
    return {k: v if isinstance(v, str) else str(v.formula) for k, v in texts.items()}
