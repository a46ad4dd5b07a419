"""Rows of a table as a model sees them, and which of them it learns from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.core.errors import PluginError
from engine.core.panel import BoolArray, FloatArray
from engine.core.training import Rows
from engine.forecasts.ranges import Ranges, clip
from engine.forecasts.table import IntArray, Table


@dataclass(frozen=True, eq=False)
class TableRows:
    """Some rows of a table; see `engine.core.training.Rows`.

    Parameters
    ----------
    table : Table
    rows : int array, shape (R,)
    states : mapping of str to float array, shape (T,)
        Probability of each market state.
    dates : pandas.DatetimeIndex, shape (T,)
    symbols : tuple of str
        By name, N of them.
    """

    table: Table
    rows: IntArray
    states: Mapping[str, FloatArray]
    dates: pd.DatetimeIndex
    symbols: tuple[str, ...]

    @property
    def seen(self) -> TableRows:
        """The rows themselves, as a training has them too."""
        return self

    def shuffle(self, name: str, seed: int) -> TableRows:
        """Return the rows with a feature's values exchanged among those of each date."""
        random, order = np.random.default_rng(seed), np.arange(len(self.rows))
        begins = np.flatnonzero(np.diff(self.date, prepend=-1))
        for some in np.split(order, begins[1:]):
            random.shuffle(some)
        at = self.table.names.index(name)
        values = self.table.read(at, self.table.cells[self.rows])
        column = self.table.columns[at].copy()
        column[self.table.cells[self.rows]] = values[order]
        columns, hidden = [*self.table.columns], [*self.table.hidden]
        columns[at], hidden[at] = column, None
        table = replace(self.table, columns=tuple(columns), hidden=tuple(hidden))
        return replace(self, table=table)

    @cached_property
    def date(self) -> npt.NDArray[np.int64]:
        """The panel's row of each date, shape (R,)."""
        return self.table.dates(self.rows).astype(np.int64)

    @cached_property
    def symbol(self) -> npt.NDArray[np.int64]:
        """The place of each symbol among all, by name, shape (R,)."""
        return self.table.symbols[self.rows].astype(np.int64)

    @cached_property
    def regimes(self) -> Mapping[str, FloatArray]:
        """Probability of each market state on each row's date, shape (R,)."""
        return {state: column[self.date] for state, column in self.states.items()}


def find_rows(rows: Rows) -> TableRows:
    """Return the rows of a table that a model was handed, be it to learn from or to forecast."""
    found = getattr(rows, "seen", None)
    if not isinstance(found, TableRows):
        raise PluginError(f"{type(rows).__name__} is no rows that the engine handed over")
    return found


@dataclass(frozen=True, eq=False)
class Part:
    """What to learn from: the rows of some dates, or some of these rows.

    Parameters
    ----------
    dates : Ranges
    kept : bool array, shape (R,), optional
        Over all rows of the table.
    """

    dates: Ranges
    kept: BoolArray | None = None

    def select(self, table: Table) -> IntArray:
        """Return its rows."""
        rows = table.select(self.dates, learn=True)
        return rows if self.kept is None else rows[self.kept[rows]]

    def clip(self, start: int, stop: int) -> Part:
        """Return what of it lies on the dates [start, stop)."""
        return Part(clip(self.dates, start, stop), self.kept)
