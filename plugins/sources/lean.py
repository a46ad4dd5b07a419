"""Raw daily bars with factor and map files, as QuantConnect's Lean keeps them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from engine import ConfigError, DataError, Source, Universe, option
from engine.plugins.sources._corporate import read_factors, read_tickers

logger = logging.getLogger(__name__)
PRICES = ("open", "high", "low", "close")
COLUMNS = ("timestamp", *PRICES, "volume")
SCALE = 1e4  # the files hold prices as whole numbers


@dataclass(frozen=True)
class Lean(Source):
    """Bars as traded and their corporate actions, adjusted here.

    A symbol is what a security is called in the end: its bars are put together from the
    tickers that its map file names; what another company did under a ticker is left out.
    """

    name: ClassVar[str] = "lean"
    repeatable: ClassVar[bool] = True

    path: str = option("", "folder of x_daily.zip, x_factor.csv and x_map.csv", file=True)
    adjusted: str = option(
        "total_return",
        "for splits and dividends, for splits alone, or as traded",
        choices=("total_return", "splits", "none"),
    )
    as_of: str | None = option(
        None, "see the data as on this day: no later bar, no later split or dividend", unit="date"
    )

    def load(self, universe: Universe) -> pd.DataFrame:
        """Return the bars; prices in currency per share of the last day, volume inversely.

        Price × volume stays what was traded in money.

        Raises
        ------
        ConfigError
            `path` or `as_of` is not set to what it should be.
        DataError
            A file is missing or broken, or there is no bar.
        """
        folder, now = self._folder(), self._now()
        have = {p.name.removesuffix("_map.csv").upper(): p for p in folder.glob("*_map.csv")}
        if not have:
            raise DataError(f"source.path={self.path} has no file like aapl_map.csv: name another")
        wanted = have if universe.symbols is None else set(universe.symbols) & set(have)
        frames = [self._security(folder, symbol, now) for symbol in sorted(wanted or have)]
        bars = pd.concat(frames, ignore_index=True)
        if bars.empty:
            raise DataError(
                f"source.path={self.path} has no bar up to {now}: set source.as_of, or "
                "bring the files x_daily.zip"
            )
        return bars

    def _folder(self) -> Path:
        if not self.path:
            raise ConfigError("source.path is not set: type source.path=FOLDER")
        folder = Path(self.path).expanduser().absolute()
        if not folder.is_dir():
            raise DataError(f"source.path={self.path}: there is no folder {folder}: set it")
        return folder

    def _now(self) -> np.datetime64:
        try:
            return np.datetime64("9999-12-31" if self.as_of is None else self.as_of, "s")
        except ValueError as error:
            raise ConfigError(
                f"source.as_of={self.as_of!r} is not a date: write '2020-01-31'"
            ) from error

    def _security(self, folder: Path, symbol: str, now: np.datetime64) -> pd.DataFrame:
        """One symbol's adjusted bars."""
        stem = symbol.lower()
        parts = []
        for ticker, first, last in read_tickers(folder / f"{stem}_map.csv").spans():
            file = folder / f"{ticker}_daily.zip"
            if not file.is_file():
                logger.warning(
                    "source.path: %s was %s from %s to %s: %s is not there",
                    *(symbol, ticker.upper(), str(first)[:10], str(last)[:10], file.name),
                )
                continue
            bars = _read_raw(file)
            day = bars["timestamp"].dt.normalize().to_numpy()
            parts.append(bars[(day >= first) & (day <= min(last, now))])
        frame = pd.concat(parts) if parts else pd.DataFrame(columns=list(COLUMNS), dtype=float)
        if self.adjusted != "none" and len(frame):
            day = frame["timestamp"].dt.normalize().to_numpy()
            ratio = read_factors(folder / f"{stem}_factor.csv").ratio(day, self.adjusted, now)
            frame["raw_close"] = frame["close"]
            frame[list(PRICES)] *= ratio[:, None]
            frame["volume"] /= ratio
        frame.insert(1, "symbol", symbol)
        frame["timestamp"] = pd.DatetimeIndex(frame["timestamp"]).tz_localize("UTC")
        return frame


def _read_raw(path: Path) -> pd.DataFrame:
    """A file's bars as traded."""
    try:
        frame = pd.read_csv(path, header=None, names=list(COLUMNS), dtype={0: str})
        stamps = pd.to_datetime(frame["timestamp"], format="%Y%m%d %H:%M")
        frame["timestamp"] = stamps.astype("datetime64[s]")
        frame = frame.astype(dict.fromkeys(COLUMNS[1:], np.float64))
    except (ValueError, TypeError, OSError, BadZipFile) as error:
        reason = str(error).split("\n")[0]
        raise DataError(
            f"{path} cannot be read as daily bars ({reason}): bring it again"
        ) from error
    frame[list(PRICES)] /= SCALE
    return frame
