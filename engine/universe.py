"""The universe: which symbols, when, with which labels, on which calendar."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from engine.errors import ConfigError
from engine.panel import BoolArray


@dataclass(frozen=True)
class Interval:
    """A stay of one symbol in the universe, both ends included; null is open."""

    symbol: str = ""
    start: str | None = None
    end: str | None = None


@dataclass(frozen=True)
class Universe:
    """Symbols, optional membership intervals, labels and calendar.

    Parameters
    ----------
    name : str
        Written into reports.
    symbols : list of str, optional
        The symbols; None takes whatever the source has.
    members : list of Interval
        Point-in-time membership. A symbol without an interval is always a member.
    tags : dict of str to dict of str to str
        Labels by tag and symbol, such as ``sector: {NVDA: Semiconductors}``.
    calendar : str, optional
        An exchange-calendars code (``XNYS``); None takes the source's dates.
    """

    name: str = "all"
    symbols: list[str] | None = None
    members: list[Interval] = field(default_factory=list)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    calendar: str | None = None

    def membership(self, dates: pd.DatetimeIndex, symbols: tuple[str, ...]) -> BoolArray:
        """Whether each symbol is a member on each date, shape (T, N)."""
        inside = np.ones((len(dates), len(symbols)), bool)
        column = {symbol: i for i, symbol in enumerate(symbols)}
        stays: dict[str, BoolArray] = {}
        for stay in self.members:
            start, end = _day(stay.start), _day(stay.end)
            if start is not None and end is not None and end < start:
                raise ConfigError(
                    f"universe.members: {stay.symbol} ends ({stay.end}) before it starts "
                    f"({stay.start}): swap them"
                )
            within = np.ones(len(dates), bool)
            if start is not None:
                within &= np.asarray(dates >= start)
            if end is not None:
                within &= np.asarray(dates < end + pd.Timedelta(days=1))
            stays[stay.symbol] = stays.get(stay.symbol, np.zeros(len(dates), bool)) | within
        for symbol, within in stays.items():
            if symbol in column:
                inside[:, column[symbol]] = within
        return inside


def _day(text: str | None) -> pd.Timestamp | None:
    if text is None:
        return None
    try:
        return pd.Timestamp(text, tz="UTC")
    except ValueError as error:
        raise ConfigError(f"universe.members: {text!r} is not a date: write 2020-01-31") from error
