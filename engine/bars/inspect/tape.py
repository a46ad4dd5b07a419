"""The usable bars, sorted by symbol and date: what the statistics run on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from engine.bars import IntArray, Rows
from engine.bars.inspect.finding import DataFinding, Example, worst
from engine.core.panel import BoolArray, FloatArray


@dataclass(frozen=True, eq=False)
class Tape:
    """Bars with a close > 0, one per symbol and date, sorted by symbol, then date.

    Parameters
    ----------
    days : pandas.DatetimeIndex, shape (D,)
        UTC, ascending.
    names : tuple of str, length S
        Symbols, ascending.
    day, name : int arrays, shape (B,)
        Position of each bar's date and symbol.
    numbers : dict of str to float array, shape (B,)
        The fields.
    """

    days: pd.DatetimeIndex
    names: tuple[str, ...]
    day: IntArray
    name: IntArray
    numbers: dict[str, FloatArray]

    def __len__(self) -> int:
        return len(self.day)

    @cached_property
    def begin(self) -> IntArray:
        """Position of the first bar of each bar's symbol, shape (B,)."""
        return self._find(side="left")

    @cached_property
    def stop(self) -> IntArray:
        """One past the last bar of each bar's symbol, shape (B,)."""
        return self._find(side="right")

    def _find(self, side: Literal["left", "right"]) -> IntArray:
        names = np.arange(len(self.names))
        return np.searchsorted(self.name, names, side).astype(np.intp)[self.name]

    @cached_property
    def first(self) -> BoolArray:
        """Whether a bar is its symbol's first, shape (B,)."""
        first = np.ones(len(self), bool)
        first[1:] = self.name[1:] != self.name[:-1]
        return first

    def around(self, column: FloatArray, at: IntArray, offsets: IntArray) -> FloatArray:
        """Values at `offsets` bars from each of `at`, shape (len(at), len(offsets)).

        NaN where the symbol has no such bar.
        """
        position = at[:, None] + offsets[None, :]
        inside = (position >= self.begin[at][:, None]) & (position < self.stop[at][:, None])
        return np.where(inside, column[np.clip(position, 0, max(len(self) - 1, 0))], np.nan)

    def finding(
        self,
        name: str,
        severity: str,
        what: str,
        found: BoolArray,
        badness: FloatArray,
        note: Callable[[int], str],
    ) -> DataFinding:
        """Return a finding about bars: those where `found`, of the `badness` (B,)."""
        at = np.flatnonzero(found)

        def describe(bar: int, value: float) -> Example:
            return Example(self.date(bar), self.names[self.name[bar]], value, note(bar))

        share = len(at) / max(len(self), 1)
        return DataFinding(name, len(at), share, severity, what, worst(at, badness[at], describe))

    def date(self, bar: int) -> str:
        """Return a bar's date as text; with the time where it has one."""
        return day_text(self.days[self.day[bar]])


def day_text(day: pd.Timestamp) -> str:
    """Return a date as text; with the time where it has one."""
    return f"{day:%Y-%m-%d %H:%M}".removesuffix(" 00:00")


def tape(rows: Rows, alive: BoolArray) -> Tape:
    """Lay out the live rows whose close is > 0."""
    live = alive & (rows.numbers["close"] > 0)
    at = rows.order[live[rows.order]]
    return Tape(
        days=rows.days,
        names=rows.names,
        day=rows.day[at],
        name=rows.name[at],
        numbers={key: values[at] for key, values in rows.numbers.items()},
    )
