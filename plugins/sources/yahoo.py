"""Yahoo Finance's daily prices, kept on disk."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pandas as pd

from engine import ConfigError, DataError, Source, Universe, option, reading
from engine.plugins.sources._yahoo import (
    DAY,
    Kept,
    NoPricesError,
    adjust,
    fetch,
    join,
    read,
    write,
)

logger = logging.getLogger(__name__)
OVERLAP = pd.Timedelta(days=10)  # asked for again, to see whether a split has restated the past
GIVE_UP = 3  # symbols that fail one after the other before any succeeds: there is no network
OFFLINE = "without a network, type source=sample universe=us_large, or source=simulated"


@dataclass
class Progress:
    """How the symbols fared."""

    failed: dict[str, str] = field(default_factory=dict)
    stale: dict[str, str] = field(default_factory=dict)
    worked: bool = False

    @property
    def hopeless(self) -> bool:
        """Whether asking for more is a waste of time."""
        return not self.worked and len(self.failed) + len(self.stale) >= GIVE_UP


@dataclass(frozen=True)
class Yahoo(Source):
    """Daily bars from Yahoo Finance, for research and private use as its terms say.

    What has been fetched stays on disk; a later run asks only for later days. Symbols that
    have since been delisted are mostly missing there: returns flatter.
    """

    name: ClassVar[str] = "yahoo"

    start: str = option("2014-01-02", "first day", unit="date")
    end: str | None = option(
        None, "last day; null takes yesterday, UTC: give a date for the same run again", unit="date"
    )
    adjusted: str = option(
        "total_return",
        "for splits and dividends, or for splits alone",
        choices=("total_return", "splits"),
    )
    volume_multiplier: dict[str, float] | None = option(
        None,
        'shares or units in one of the volume, by symbol, such as {"CL=F": 1000} for barrels; '
        "null is 1; at the prompt: 'source.volume_multiplier={CL\\=F: 1000}'",
    )
    cache: str = option("~/.cache/alpha-engine/yahoo", "folder to keep prices in")
    offline: bool = option(False, "true: take what is on disk, and ask for nothing")
    retries: int = option(3, "further tries per symbol", ge=0, le=10)
    pause: float = option(
        1.0, "before the first of them; doubles each time", unit="seconds", ge=0, le=60
    )

    def load(self, universe: Universe) -> pd.DataFrame:
        """Return the bars of the symbols that there are; the others are listed in a warning.

        Raises
        ------
        ConfigError
            No symbols, a wrong date, or yfinance is not installed.
        DataError
            There is no bar at all, or a file on disk is broken.
        """
        if not universe.symbols:
            raise ConfigError(
                "source=yahoo needs universe.symbols: type universe=us_large, or "
                "'universe.symbols=[AAPL, MSFT]'"
            )
        first, last = self._day("start"), self._day("end")
        if last < first:
            raise ConfigError(f"source.end={last:%Y-%m-%d} is before source.start: swap them")
        folder = Path(self.cache).expanduser().absolute()
        folder.mkdir(parents=True, exist_ok=True)
        progress, frames = Progress(), []
        symbols = sorted(set(universe.symbols))
        for done, symbol in enumerate(symbols, 1):
            kept = self._symbol(folder, symbol, first, last, progress)
            logger.info("source=yahoo: %d of %d symbols (%s)", done, len(symbols), symbol)
            bars = None if kept is None else kept.bars.loc[first:last]
            if bars is not None and len(bars):
                frames.append(_frame(symbol, bars, self.adjusted))
        _tell(progress, len(symbols), bool(frames))
        bars = pd.concat(frames, ignore_index=True)
        if self.volume_multiplier:
            names = pd.Categorical(bars["symbol"])
            bars["volume"] = bars["volume"] * reading.multipliers(
                self.volume_multiplier, names, lambda: symbols, "universe.symbols"
            )
        return bars

    def _day(self, key: str) -> pd.Timestamp:
        yesterday = pd.Timestamp.now("UTC").tz_localize(None).normalize() - DAY
        text = self.start if key == "start" else self.end
        try:  # a day that is not over has no bar yet, and must not count as asked for
            return yesterday if text is None else min(pd.Timestamp(text), yesterday)
        except ValueError as error:
            raise ConfigError(f"source.{key}={text!r} is not a date: write 2020-01-31") from error

    def _symbol(
        self,
        folder: Path,
        symbol: str,
        first: pd.Timestamp,
        last: pd.Timestamp,
        progress: Progress,
    ) -> Kept | None:
        """What is known of a symbol after asking for what is missing on disk."""
        kept = read(folder, symbol)
        if kept is not None and kept.first <= first and last <= kept.last:
            return kept
        reason = "offline" if self.offline else "not tried" if progress.hopeless else ""
        if not reason:
            try:
                fresh = self._ask(folder, symbol, first, last, kept)
            except NoPricesError:
                reason, progress.worked = "Yahoo has no prices", True
            except ConfigError:
                raise
            except Exception as error:  # networks fail in many ways, each with a class of its own
                reason = f"{type(error).__name__}: {' '.join(str(error).split())[:80]}"
            else:
                progress.worked = True
                write(folder, symbol, fresh)
                return fresh
        if kept is None:
            progress.failed[symbol] = reason
        else:
            progress.stale[symbol] = f"{kept.first:%Y-%m-%d} to {kept.last:%Y-%m-%d}, {reason}"
        return kept

    def _ask(
        self,
        folder: Path,
        symbol: str,
        first: pd.Timestamp,
        last: pd.Timestamp,
        kept: Kept | None,
    ) -> Kept:
        """The days after those on disk, or all of them where that will not do."""
        if kept is not None:
            first, last = min(first, kept.first), max(last, kept.last)
            if first == kept.first and len(kept.bars):
                since = kept.bars.index[-1] - OVERLAP
                bars = join(kept.bars, self._retry(folder, symbol, since, last))
                if bars is not None:
                    return Kept(bars, first, last)
        return Kept(self._retry(folder, symbol, first, last), first, last)

    def _retry(
        self, folder: Path, symbol: str, first: pd.Timestamp, last: pd.Timestamp
    ) -> pd.DataFrame:
        """Ask, and ask again after a pause that doubles."""
        for attempt in range(self.retries):
            try:
                return fetch(symbol, first, last, folder)
            except (NoPricesError, ConfigError):
                raise
            except Exception as error:  # see _symbol
                wait = self.pause * 2.0**attempt
                logger.info("source=yahoo: %s: %s; again in %g s", symbol, error, wait)
                time.sleep(wait)
        return fetch(symbol, first, last, folder)


def _frame(symbol: str, bars: pd.DataFrame, how: str) -> pd.DataFrame:
    frame = adjust(bars) if how == "total_return" else bars.drop(columns="dividend")
    stamps = pd.DatetimeIndex(frame.index).tz_localize("UTC")
    frame = frame.reset_index(drop=True)
    frame.insert(0, "timestamp", stamps)
    frame.insert(1, "symbol", symbol)
    return frame


def _tell(progress: Progress, count: int, some: bool) -> None:
    """Say which symbols are missing, or behind."""
    failed = [f"{name} ({why})" for name, why in progress.failed.items()]
    if not some:
        first = failed[0] if failed else "no bar between source.start and source.end"
        raise DataError(f"source=yahoo: none of {count} symbols: {first}: {OFFLINE}")
    if failed:
        logger.warning("source=yahoo: %d of %d symbols: %s", len(failed), count, "; ".join(failed))
    if progress.stale:
        shown = "; ".join(f"{name} ({why})" for name, why in progress.stale.items())
        logger.warning("source=yahoo: %d symbols as on disk: %s", len(progress.stale), shown)
