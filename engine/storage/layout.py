"""How pieces of files are put together into one array of factors, dates and symbols.

```
 dates of all files   0  1  2  3  4  5  6  7  8
 file 1               ├─ rows 0:6 ─────┤           the later a file comes, the higher it lies
 file 2                           ├─ 4:6 ┤         what was written twice is read from the top
 file 3                                  ├ 6:9 ─┤
```
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
import pandas as pd

from engine.core.keeping import Kept, Values
from engine.storage.rows import Segment
from engine.storage.segments import Int64, Places

KEPT = 64  # groups of series whose places are kept


class File(Protocol):
    """An open file of values."""

    def take(self, factors: Places, rows: Places) -> Values:
        """Some factors and rows of it, not to be written to."""


@dataclass(frozen=True, eq=False)
class Place:
    """Where a segment goes: its rows, to which rows and columns of the array."""

    segment: Segment
    rows: Places
    to: Places
    columns: Places


@dataclass(frozen=True, eq=False)
class Layout:
    """Where some segments go in an array of all their dates and symbols."""

    dates: Int64
    symbols: tuple[str, ...]
    places: tuple[Place, ...]
    _factors: dict[tuple[int, ...], list[Places]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, segments: Sequence[Segment], names: Mapping[int, tuple[str, ...]], as_of: int | None
    ) -> Layout:
        """Lay segments, the lowest first, over one another.

        Parameters
        ----------
        segments : sequence of Segment
        names : mapping of int to tuple of str
            The symbols of each axis.
        as_of : int or None
            Only dates that a commit up to this one brought.
        """
        known = [
            np.arange(len(s.dates)) if as_of is None else np.flatnonzero(s.since <= as_of)
            for s in segments
        ]
        there = [s.dates[rows] for s, rows in zip(segments, known, strict=True)]
        dates = np.unique(np.concatenate(there or [np.empty(0, np.int64)]))
        if len(names) == 1:
            (symbols,) = names.values()
        else:
            symbols = tuple(sorted({name for each in names.values() for name in each}))
        at = {name: k for k, name in enumerate(symbols)}
        columns = {
            axis: _shorten(np.array([at[name] for name in each], np.int64))
            for axis, each in names.items()
        }
        places = tuple(
            Place(s, _shorten(rows), _shorten(np.searchsorted(dates, days)), columns[s.symbols])
            for s, rows, days in zip(segments, known, there, strict=True)
        )
        return cls(dates, symbols, places)

    @cached_property
    def is_full(self) -> bool:
        """Whether every cell is in some file: each date is, and so with one axis of symbols."""
        return len({place.segment.symbols for place in self.places}) == 1

    @cached_property
    def dtype(self) -> np.dtype[np.floating]:
        """The type that holds all of them."""
        kinds = {place.segment.dtype for place in self.places}
        return np.result_type(*kinds) if kinds else np.dtype(np.float64)

    @cached_property
    def _spans(self) -> tuple[Int64, Int64]:
        """The first row that each place fills, and the one after its last."""
        ends = [_ends(place.to) for place in self.places]
        first, stop = np.array(ends, np.int64).reshape(-1, 2).T
        return first, stop

    def fill(
        self,
        series: tuple[int, ...],
        span: tuple[int | None, int | None],
        open_file: Callable[[Segment], File],
    ) -> Kept:
        """Put together the values of series, from one date to another, both with them.

        They are a view of a file where one holds all of them side by side.
        """
        low, high = span
        begin = 0 if low is None else int(np.searchsorted(self.dates, low, side="left"))
        end = len(self.dates) if high is None else int(np.searchsorted(self.dates, high, "right"))
        end = max(end, begin)
        index = self.index if end - begin == len(self.dates) else self.index[begin:end]
        first, stop = self._spans
        met = np.flatnonzero((first < end) & (stop > begin)).tolist()
        where = self._places(series)
        if len(met) == 1:
            place = self.places[met[0]]
            to, some = _within(place.to, begin, end)
            if to == slice(0, end - begin) and self._is_whole(place.columns):
                taken = open_file(place.segment).take(where[met[0]], _among(place.rows, some))
                return Kept(index, self.symbols, _seal(taken.astype(self.dtype, copy=False)))
        out: Values = np.empty((len(series), end - begin, len(self.symbols)), self.dtype)
        if not self.is_full:
            out.fill(np.nan)
        for k in met:
            place = self.places[k]
            to, some = _within(place.to, begin, end)
            if _count(some):
                taken = open_file(place.segment).take(where[k], _among(place.rows, some))
                _put(taken, out, to, place.columns)
        return Kept(index, self.symbols, _seal(out))

    def _places(self, series: tuple[int, ...]) -> list[Places]:
        """Where series stand in each segment; kept, for a caller asks for the same again."""
        found = self._factors.get(series)
        if found is None:
            if len(self._factors) >= KEPT:
                self._factors.clear()
            at = {p.segment.kind: _shorten(p.segment.places(series)) for p in self.places}
            found = self._factors[series] = [at[p.segment.kind] for p in self.places]
        return found

    def _is_whole(self, columns: Places) -> bool:
        return isinstance(columns, slice) and columns == slice(0, len(self.symbols))

    @cached_property
    def index(self) -> pd.DatetimeIndex:
        """The dates, as pandas has them."""
        return pd.DatetimeIndex(self.dates.view("M8[ns]"), tz="UTC")


def join(count: int, parts: Sequence[tuple[list[int], Kept]]) -> Kept:
    """Put values of several layouts, each with the places of its series, on one another's axes."""
    dates = np.unique(np.concatenate([kept.dates.as_unit("ns").asi8 for _, kept in parts]))
    symbols = tuple(sorted({name for _, kept in parts for name in kept.symbols}))
    at = {name: k for k, name in enumerate(symbols)}
    dtype = np.result_type(*(kept.values.dtype for _, kept in parts))
    out = np.full((count, len(dates), len(symbols)), np.nan, dtype)
    for members, kept in parts:
        rows = np.searchsorted(dates, kept.dates.as_unit("ns").asi8)
        columns = np.array([at[name] for name in kept.symbols], np.int64)
        out[np.ix_(np.array(members), rows, columns)] = kept.values
    return Kept(pd.DatetimeIndex(dates.view("M8[ns]"), tz="UTC"), symbols, _seal(out))


def _seal(values: Values) -> Values:
    values.flags.writeable = False
    return values


def _put(taken: Values, out: Values, to: Places, columns: Places) -> None:
    """Copy values to rows and columns of an array."""
    if isinstance(to, slice) and isinstance(columns, slice):
        out[:, to, columns] = taken
    else:
        F, T, N = out.shape
        out[np.ix_(np.arange(F), _number(to, T), _number(columns, N))] = taken


def _shorten(places: Int64) -> Places:
    """Places as a slice, where they follow one another."""
    n = len(places)
    if n and (n == 1 or (places[-1] - places[0] == n - 1 and (np.diff(places) == 1).all())):
        return slice(int(places[0]), int(places[-1]) + 1)
    return places


def _within(rows: Places, begin: int, end: int) -> tuple[Places, Places]:
    """Where rows go in [begin, end), and which of them do."""
    if isinstance(rows, slice):
        low = max(rows.start, begin)
        high = max(min(rows.stop, end), low)
        return slice(low - begin, high - begin), slice(low - rows.start, high - rows.start)
    taken = np.flatnonzero((rows >= begin) & (rows < end))
    return rows[taken] - begin, taken


def _among(rows: Places, some: Places) -> Places:
    """Some of the rows."""
    if isinstance(rows, slice) and isinstance(some, slice):
        return slice(rows.start + some.start, rows.start + some.stop)
    return (np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows)[some]


def _ends(places: Places) -> tuple[int, int]:
    """The first of some places, and the one after the last."""
    if isinstance(places, slice):
        return places.start, places.stop
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (0, 0)


def _count(places: Places) -> int:
    return places.stop - places.start if isinstance(places, slice) else len(places)


def _number(places: Places, count: int) -> Int64:
    return np.arange(count)[places] if isinstance(places, slice) else places
