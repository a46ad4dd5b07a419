"""The bars that values stand on, kept as series too, and what has changed since.

1. Each field is a series of the market; so are membership (0 or 1), each grouping (a number a
   label), and, with one symbol, market-wide series and the calendar: 1 on a date that the bars
   have, 0 on one that they have no more.
2. A panel is compared with what is kept cell by cell, bit by bit, a field at a time. What differs
   is written on top. A date that came or went in the middle makes all from there on another.
3. What is read is limited to the calendar and the symbols of the commit that is asked about.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np
import pandas as pd

from engine.core.errors import DataError
from engine.core.groups import Dated
from engine.core.keeping import Block, Kept, OpenStore, Values
from engine.core.panel import BoolArray, FloatArray, Panel
from engine.library.records import Axes

ONE = ("",)  # the symbol of what has none
BITS = 52  # of a label's hash, which a float64 holds
STACKED = 256e6  # bytes of new bars that are put into one file


def name_market(text: str, panel: Panel) -> str:
    """Return the market's name: a hash of where its bars come from, and of their first date.

    A later first date gives windows and means other values; a later last one does not.
    """
    parts = [text, panel.dates[0].isoformat(), panel.periods_per_year, panel.quorum]
    return sha256(json.dumps(parts).encode()).hexdigest()[:32]


def describe(text: str, panel: Panel) -> Axes:
    """Return the record of a market."""
    return Axes(
        text=text,
        periods_per_year=panel.periods_per_year,
        quorum=panel.quorum,
        symbols=list(panel.symbols),
        fields=sorted(panel.fields),
        groups=sorted(panel.groups),
        series=sorted(panel.series),
    )


def lay(kept: Kept, dates: pd.DatetimeIndex, symbols: tuple[str, ...]) -> Values:
    """Return values on other axes, shape (F, T, N); NaN where nothing is kept."""
    if kept.symbols == symbols and kept.dates.equals(dates):
        return kept.values
    if not kept.values.size:
        return np.full((len(kept.values), len(dates), len(symbols)), np.nan, kept.values.dtype)
    rows = kept.dates.get_indexer(dates)
    columns = pd.Index(kept.symbols).get_indexer(pd.Index(symbols))
    values = kept.values[:, rows][:, :, columns]
    values[:, rows < 0] = np.nan
    values[:, :, columns < 0] = np.nan
    return values


def differ(old: Values, new: Values) -> BoolArray:
    """Where bits differ; NaN is NaN."""
    bits = f"i{new.dtype.itemsize}"
    same = np.ascontiguousarray(old).view(bits) == np.ascontiguousarray(new).view(bits)
    found: BoolArray = ~(same | (np.isnan(old) & np.isnan(new)))
    return found


def list_arrays(panel: Panel) -> Iterator[tuple[str, FloatArray]]:
    """What a panel holds by symbol, one by one: its name, and an array of shape (T, N)."""
    for name in sorted(panel.fields):
        yield f"field {name}", panel.fields[name]
    yield "member", panel.member.astype(float)
    for name in sorted(panel.groups):
        yield f"group {name}", _code(panel, name)


def _code(panel: Panel, name: str) -> FloatArray:
    """Labels as numbers, shape (T, N): 0 where unknown."""
    grouping = panel.groups[name]
    labels = grouping.names if isinstance(grouping, Dated) else grouping
    numbers = np.array([_number(label) for label in labels])
    if isinstance(grouping, Dated):
        return numbers[grouping.codes]
    return np.broadcast_to(numbers, panel.shape)


def _number(label: str) -> float:
    digest = int.from_bytes(sha256(label.encode()).digest()[:8], "big")
    return float(digest >> (64 - BITS)) + 1.0 if label else 0.0


@dataclass(frozen=True)
class Cells:
    """Where something has changed: rows, shape (T,), and columns, shape (N,)."""

    rows: BoolArray
    columns: BoolArray

    @classmethod
    def of(cls, where: BoolArray, rows: int) -> Cells:
        """From the first rows of an array, shape (p, N)."""
        full = np.zeros(rows, bool)
        full[: len(where)] = where.any(axis=1)
        columns: BoolArray = np.asarray(where.any(axis=0))
        return cls(full, columns)


@dataclass(frozen=True)
class Changes:
    """What a panel has that kept bars had not.

    Parameters
    ----------
    fresh : int
        The first row that is new, or whose row before it is another one.
    came : bool array, shape (N,)
        Symbols that the bars had not.
    axis : bool
        Whether symbols came or went, or stand in another order: sums over a date's symbols
        round in their order.
    cells : dict of str to Cells
        By what `list_arrays` calls it.
    old_dates : pandas.DatetimeIndex
        Those of the kept bars.
    there : bool array, shape (T,)
        Rows of the panel whose dates the kept bars have.
    """

    fresh: int
    came: BoolArray
    axis: bool
    cells: dict[str, Cells]
    old_dates: pd.DatetimeIndex
    there: BoolArray

    @property
    def inserted(self) -> bool:
        """Whether a date came or went before the last one that was kept."""
        return self.fresh < len(self.old_dates)


@dataclass(frozen=True, eq=False)
class KeptBars:
    """A market's bars as they were after a commit."""

    store: OpenStore
    market: str
    commit: int

    @cached_property
    def axes(self) -> Axes | None:
        """Their symbols and names; None where nothing is kept."""
        return Axes.read(self.store, self.commit).get(self.market)

    def key(self, what: str) -> str:
        """The key of a series."""
        return f"bars {self.market} {what}"

    @property
    def symbols(self) -> tuple[str, ...]:
        """In the panel's order."""
        return tuple(self.axes.symbols) if self.axes else ()

    @cached_property
    def dates(self) -> pd.DatetimeIndex:
        """Those that the bars had."""
        if self.axes is None:
            return pd.DatetimeIndex([], tz="UTC")
        kept = self.store.read([self.key("calendar")], as_of=self.commit)
        alive = np.flatnonzero(kept.values[0, :, 0] == 1.0)
        return pd.DatetimeIndex(kept.dates[alive])

    def read(self, what: str, dates: pd.DatetimeIndex, symbols: tuple[str, ...]) -> FloatArray:
        """Return one of `list_arrays` on some axes; NaN where nothing was kept."""
        nothing: FloatArray = np.full((len(dates), len(symbols)), np.nan)
        if self.axes is None or not len(dates):
            return nothing
        try:
            kept = self.store.read([self.key(what)], dates[0], dates[-1], self.commit)
        except DataError:
            if what in self._names:
                raise
            return nothing
        values: FloatArray = lay(kept, dates, symbols)[0]
        return values

    @cached_property
    def _names(self) -> set[str]:
        assert self.axes is not None
        fields = {f"field {name}" for name in self.axes.fields}
        groups = {f"group {name}" for name in self.axes.groups}
        return {*fields, *groups, "member"}

    def compare(self, panel: Panel) -> Changes:
        """Return what a panel has that these bars had not; both up to the panel's last date."""
        fresh = self.common(panel)
        cells = {}
        for what, array in list_arrays(panel):
            old = self.read(what, panel.dates[:fresh], panel.symbols)
            where = differ(old, array[:fresh])
            if where.any():
                cells[what] = Cells.of(where, len(panel.dates))
        came = ~np.isin(np.array(panel.symbols, str), np.array(self.symbols, str))
        axis = self.symbols != panel.symbols
        there = np.asarray(panel.dates.isin(self.dates))
        return Changes(fresh, came, axis, cells, self.dates, there)

    def common(self, panel: Panel) -> int:
        """How many of the first dates are the same."""
        here, there = panel.dates.as_unit("ns").asi8, self.dates.as_unit("ns").asi8
        shared = min(len(here), len(there))
        other = np.flatnonzero(here[:shared] != there[:shared])
        return int(other[0]) if len(other) else shared

    def list_blocks(self, panel: Panel) -> list[Block]:
        """What has to be written so that the kept bars are the panel's."""
        fresh = self.common(panel)
        blocks: list[Block] = []
        new: list[tuple[str, FloatArray]] = []
        for what, array in list_arrays(panel):
            where = differ(self.read(what, panel.dates[:fresh], panel.symbols), array[:fresh])
            blocks += self._correct(what, panel, array, where)
            new.append((what, array[fresh:]))
        if fresh < len(panel.dates):
            blocks += self._add(panel, fresh, new)
        return [*blocks, *self._date(panel, fresh)]

    def _correct(
        self, what: str, panel: Panel, array: FloatArray, where: BoolArray
    ) -> Iterator[Block]:
        rows, columns = (np.flatnonzero(where.any(axis=axis)) for axis in (1, 0))
        if len(rows):
            symbols = tuple(panel.symbols[k] for k in columns)
            values = array[np.ix_(rows, columns)][None]
            yield Block((self.key(what),), panel.dates[rows], symbols, values)

    def _add(self, panel: Panel, fresh: int, new: list[tuple[str, FloatArray]]) -> Iterator[Block]:
        dates, symbols = panel.dates[fresh:], panel.symbols
        if len(new) * new[0][1].nbytes <= STACKED:
            values = np.stack([array for _, array in new])
            yield Block(tuple(self.key(what) for what, _ in new), dates, symbols, values)
            return
        for what, array in new:
            yield Block((self.key(what),), dates, symbols, np.ascontiguousarray(array)[None])

    def _date(self, panel: Panel, fresh: int) -> Iterator[Block]:
        """The calendar, and the market-wide series, which have no symbols."""
        gone = self.dates[self.dates <= panel.dates[-1]].difference(panel.dates)
        if len(gone):
            yield Block((self.key("calendar"),), gone, ONE, np.zeros((1, len(gone), 1)))
        if fresh < len(panel.dates):
            ones = np.ones((1, len(panel.dates) - fresh, 1))
            yield Block((self.key("calendar"),), panel.dates[fresh:], ONE, ones)
        for name, array in sorted(panel.series.items()):
            key, values = f"series {name}", array[:, None]
            old = self.read(key, panel.dates, ONE)
            rows = np.flatnonzero(differ(old, values).any(axis=1))
            if len(rows):
                yield Block((self.key(key),), panel.dates[rows], ONE, values[rows][None])

    def rebuild(self) -> Panel:
        """Return the panel of these bars; its labels are numbers, 0 where unknown.

        Raises
        ------
        DataError
            Nothing is kept.
        """
        if self.axes is None:
            raise DataError(f"no bars are kept of the market {self.market} as of {self.commit}")
        dates, symbols = self.dates, self.symbols
        return Panel(
            dates=dates,
            symbols=symbols,
            fields={n: self.read(f"field {n}", dates, symbols) for n in self.axes.fields},
            groups={n: _label(self.read(f"group {n}", dates, symbols)) for n in self.axes.groups},
            series={n: self.read(f"series {n}", dates, ONE)[:, 0] for n in self.axes.series},
            member=self.read("member", dates, symbols) == 1.0,
            periods_per_year=self.axes.periods_per_year,
            quorum=self.axes.quorum,
        )


def _label(codes: FloatArray) -> Dated | tuple[str, ...]:
    known, places = np.unique(codes, return_inverse=True)
    names = tuple(f"{int(code):x}" if code else "" for code in known)
    places = places.reshape(codes.shape).astype(np.int64)
    if (places == places[0]).all():
        return tuple(names[k] for k in places[0])
    return Dated(names, places)


def keep_bars(store: OpenStore, market: str, text: str, panel: Panel) -> int:
    """Keep a panel's bars where they differ from those that are kept.

    Returns the number of a commit as of which the kept bars are the panel's, whoever else writes.
    """
    while True:
        base = store.last_commit()
        kept = KeptBars(store, market, base)
        blocks, axes = kept.list_blocks(panel), describe(text, panel)
        if not blocks and kept.axes == axes:
            return base
        records = [] if kept.axes == axes else [axes.record(market)]
        number = store.write(blocks, f"bars to {panel.dates[-1]:%Y-%m-%d}", records)
        if number == base + 1:  # nobody wrote in between
            return number
