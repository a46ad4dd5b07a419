"""Twenty US large caps, 1990–2022: real prices that need no download."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from engine import ConfigError, DataError, Source, Universe, option


@dataclass(frozen=True)
class Sample(Source):
    """Adjusted closes of 20 US large caps, as they come with skfolio; nothing but closes.

    All twenty survived to 2022: returns of strategies on them flatter.
    """

    name: ClassVar[str] = "sample"

    start: str | None = option(None, "first day; null takes 1990-01-02", unit="date")
    end: str | None = option(None, "last day; null takes 2022-12-28", unit="date")

    def load(self, universe: Universe) -> pd.DataFrame:
        """Return ``timestamp``, ``symbol`` and ``close`` (adjusted), sorted.

        Raises
        ------
        ConfigError
            `start` or `end` is not a date.
        DataError
            The file is not where skfolio keeps it, or no day lies between start and end.
        """
        start, end = _date("start", self.start), _date("end", self.end)
        wide = pd.read_csv(_path(), index_col=0, parse_dates=True)
        wide = wide.loc[start:end]
        if wide.empty:
            raise DataError(
                f"source.start={self.start}, source.end={self.end}: the sample has no day "
                "between them: it runs from 1990-01-02 to 2022-12-28"
            )
        days = pd.DatetimeIndex(wide.index).tz_localize("UTC")
        close = wide.to_numpy(np.float64)
        row, column = np.nonzero(~np.isnan(close))
        symbol = wide.columns.astype(str)[column]
        return pd.DataFrame({"timestamp": days[row], "symbol": symbol, "close": close[row, column]})


def _date(key: str, text: str | None) -> pd.Timestamp | None:
    try:
        return None if text is None else pd.Timestamp(text)
    except ValueError as error:
        raise ConfigError(f"source.{key}={text!r} is not a date: write 2020-01-31") from error


def _path() -> Path:
    """Where skfolio keeps the file; found without importing skfolio, which is slow."""
    spec = find_spec("skfolio")
    roots = [] if spec is None else list(spec.submodule_search_locations or [])
    for root in roots:
        path = Path(root, "datasets", "data", "sp500_dataset.csv.gz")
        if path.is_file():
            return path
    raise DataError(
        "skfolio's sample prices are missing: reinstall skfolio, or set source=simulated"
    )
