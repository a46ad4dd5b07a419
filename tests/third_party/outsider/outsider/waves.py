"""A market of trends and sine waves, drawn without a random number."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

import engine


@dataclass(frozen=True)
class Waves(engine.Source):
    """Each symbol is a trend and two sine waves, whose shapes follow from its name."""

    name: ClassVar[str] = "waves"
    simulated: ClassVar[bool] = True

    days: int = engine.option(900, "length of the market", unit="business days", ge=2)
    start: str = engine.option("2018-01-01", "first day, or the next business day", unit="date")

    def load(self, universe: engine.Universe) -> pd.DataFrame:
        """Return close and volume; the symbols are the universe's, W00 … W11 without any."""
        names = universe.symbols or [f"W{i:02d}" for i in range(12)]
        dates = pd.bdate_range(self.start, periods=self.days, tz="UTC")
        return pd.concat([_bars(name, dates) for name in names], ignore_index=True)


def _bars(name: str, dates: pd.DatetimeIndex) -> pd.DataFrame:
    shape = np.random.default_rng(zlib.crc32(name.encode())).uniform(size=5)
    drift, slow, fast, phase, size = shape
    t = np.arange(len(dates))
    log = (drift - 0.3) * 3e-4 * t
    log += 0.15 * np.sin(2 * np.pi * (t / (60 + 120 * slow) + phase))
    log += 0.02 * np.sin(2 * np.pi * (t / (4 + 9 * fast) + size))
    volume = 1e6 * (1 + size) * (1.5 + np.sin(t / 10))
    return pd.DataFrame(
        {"timestamp": dates, "symbol": name, "close": 50 * np.exp(log), "volume": volume}
    )
