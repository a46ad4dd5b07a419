"""Bars handed over in Python: a frame, long or wide, as the source of a run.

1. Dates and symbols may stand in columns or in the index; case does not matter.
2. With a symbol, each row is a bar; without one, each column is a symbol's closes, or, with two
   levels of columns, one of its fields.
3. All else is read as in a file, by the same options (`engine.reading`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import pandas as pd

from engine.core.errors import DataError
from engine.core.kinds import Source
from engine.core.universe import Universe
from engine.reading import BARS, Reader, Reading, find, flat, name_symbol

HEAD = 1000  # rows that tell which options a frame needs
NAME = "bars"  # what messages call a frame


@dataclass(frozen=True, eq=False)
class Table:
    """A frame whose index, where it says something, is among its columns."""

    frame: pd.DataFrame

    def __str__(self) -> str:
        return NAME


@dataclass(frozen=True, eq=False, kw_only=True)
class Handed(Reader):
    """A frame as a source; the frame itself is never changed."""

    name: ClassVar[str] = "panel"

    frame: pd.DataFrame

    @classmethod
    def of(cls, frame: pd.DataFrame, reading: Source | None = None) -> Handed:
        """Return a frame as a source, read with the options of another source, if it has any."""
        if not isinstance(reading, Reading):
            return cls(frame=frame)
        return cls(frame=frame, **{f.name: getattr(reading, f.name) for f in fields(Reading)})

    def load(self, universe: Universe) -> pd.DataFrame:
        """Return the frame's bars as a long frame; the engine cleans them afterwards.

        Raises
        ------
        ConfigError, DataError
            It is no frame of bars; the message says what is missing.
        """
        if not isinstance(self.frame, pd.DataFrame):
            raise DataError(f"bars is a {type(self.frame).__name__}: hand over a pandas.DataFrame")
        if self.frame.empty:
            raise DataError("bars has no rows: hand over a frame that has")
        table = Table(flat(self.frame, NAME))
        form = replace(self, layout="wide") if self._is_wide(table) else self
        bars = form.bars_of(table, universe)
        if bars.empty:
            raise DataError(form.nothing(table, universe, form.symbols_in(table)))
        return bars

    def facts(self, universe: Universe) -> Mapping[str, Any]:
        """Return how the bars came in."""
        return {"handed over": "in Python, as a frame"}

    def _is_wide(self, table: Table) -> bool:
        """Whether no column is one of a long frame's, but for the dates."""
        found = self.columns_of(table)
        named = [*self.columns, *(ours for ours in ("symbol", *BARS) if find(ours, found))]
        return not named and self.symbol is None and self.stamp_of(found) is not None

    def columns_of(self, table: Table) -> list[str]:
        """Return the names of the frame's columns."""
        return list(table.frame.columns)

    def symbols_of(self, table: Table, symbol: str) -> list[str]:
        """Return the symbols in the frame, each once, sorted."""
        return sorted(map(name_symbol, table.frame[symbol].dropna().unique()))

    def read(
        self,
        table: Table,
        columns: Sequence[str],
        symbol: str | None,
        symbols: list[str] | None,
        stamp: str | None = None,
    ) -> pd.DataFrame:
        """Return these columns of the frame."""
        return table.frame[list(columns)]

    def head(self, table: Table) -> pd.DataFrame:
        """Return the frame's first rows."""
        return table.frame.head(HEAD)
