"""Values that tell where they belong, for the tests of stores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from engine import Block

DAYS = pd.bdate_range("2020-01-01", periods=600, tz="UTC")
NAMES = ("A", "B", "C")
KEYS = ("momentum", "value")


def make_values(dates: pd.DatetimeIndex, names: tuple[str, ...] = NAMES, plus: float = 0) -> Any:
    """Values that tell where they belong: 1000 × factor + days since 2020, and a bit a symbol."""
    days = (dates - DAYS[0]).days.to_numpy()
    letters = np.array([ord(name[0]) - 64 for name in names]) / 64
    factors = 1000.0 * np.arange(len(KEYS))
    return factors[:, None, None] + days[:, None] + letters + plus


def block(
    start: int, stop: int, names: tuple[str, ...] = NAMES, plus: float = 0, dtype: str = "float64"
) -> Block:
    """A block of the days from one to another."""
    dates = DAYS[start:stop]
    return Block(KEYS, dates, names, make_values(dates, names, plus).astype(dtype))
