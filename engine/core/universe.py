"""The universe: which symbols, when, with which labels, on which calendar."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd

from engine.core.errors import ConfigError
from engine.core.options import Options, option
from engine.core.panel import BoolArray
from engine.core.text import escape


@dataclass(frozen=True)
class Interval:
    """A stay of one symbol in the universe, both ends included; null is open."""

    symbol: str = ""
    start: str | None = None
    end: str | None = None


@dataclass(frozen=True)
class Universe(Options):
    """Symbols, who is a member on which date, labels and calendar.

    Who is no member has no score and is in no cross-section; a symbol's own past is read from its
    bars all the same, so the bars before it joins count for what is known of it then.

    Parameters
    ----------
    name : str
        Written into reports.
    symbols : list of str, optional
        The symbols; None takes whatever the source has.
    members : list of Interval
        Point-in-time membership. A symbol without an interval is always a member.
    members_file : str, optional
        CSV, parquet or text file of the intervals (symbol, start, end) instead, or of symbols
        alone; a symbol without a row is never a member. `engine.bars.membership` reads it.
    top_n : int, optional
        Only the n largest of each month: by median close × volume over `top_window` rows up to
        the last date of the month before, among the members of that date.
    top_window : int
        Rows.
    tags : dict of str to dict of str to str
        Labels by tag and symbol, such as ``sector: {NVDA: Semiconductors}``.
    calendar : str, optional
        An exchange-calendars code (``XNYS``); None takes the source's dates.
    """

    config_key: ClassVar[str] = "universe"

    name: str = "all"
    symbols: list[str] | None = None
    members: list[Interval] = field(default_factory=list)
    members_file: str | None = option(
        None, "file of symbols, or of intervals of membership (symbol, start, end)", file=True
    )
    top_n: int | None = option(
        None, "only the n largest of each month by median dollar volume; null is all", ge=1
    )
    top_window: int = option(63, "rows of that median", unit="trading days", ge=1)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    calendar: str | None = None

    def membership(self, dates: pd.DatetimeIndex, symbols: tuple[str, ...]) -> BoolArray:
        """Whether the intervals hold each symbol and date, shape (T, N)."""
        inside = np.full((len(dates), len(symbols)), self.members_file is None)
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
            name = escape(stay.symbol)
            stays[name] = stays.get(name, np.zeros(len(dates), bool)) | within
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
