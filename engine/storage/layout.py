"""How pieces of files are put together into one array of factors, dates and symbols.

```
 dates of all files   0  1  2  3  4  5  6  7  8
 file 1               ├─ rows 0:6 ─────┤           the later a file comes, the higher it lies
 file 2                           ├─ 4:6 ┤         what was written twice is read from the top
 file 3                                  ├ 6:9 ─┤
```
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from engine.core.keeping import Kept, Values
from engine.storage.catalogue import Int64, Segment

Places = slice | Int64  # rows or columns; a slice where they follow one another


@dataclass(frozen=True, eq=False)
class Layout:
    """Where some segments go in an array of all their dates and symbols."""

    dates: Int64
    symbols: tuple[str, ...]
    places: tuple[tuple[Segment, Places, Places, Places], ...]  # rows, to rows and columns

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
            (s, _shorten(rows), _shorten(np.searchsorted(dates, days)), columns[s.symbols])
            for s, rows, days in zip(segments, known, there, strict=True)
        )
        return cls(dates, symbols, places)

    @cached_property
    def is_full(self) -> bool:
        """Whether every cell is in some file: each date is, and so with one axis of symbols."""
        return len({segment.symbols for segment, *_ in self.places}) == 1

    def fill(
        self,
        series: Sequence[int],
        span: tuple[int | None, int | None],
        map_file: Callable[[Segment], Values],
    ) -> Kept:
        """Put together the values of series, from one date to another, both with them."""
        low, high = span
        begin = 0 if low is None else int(np.searchsorted(self.dates, low, side="left"))
        end = len(self.dates) if high is None else int(np.searchsorted(self.dates, high, "right"))
        end = max(end, begin)
        shape = (len(series), end - begin, len(self.symbols))
        dtype = self.places[0][0].dtype if self.places else "float64"
        out: Values = np.empty(shape, dtype)
        if not self.is_full:
            out.fill(np.nan)
        for segment, rows, to, columns in self.places:
            spots, some = _within(to, begin, end)
            if _count(some):
                factors = _shorten(segment.places(series))
                _copy(map_file(segment), (factors, _among(rows, some)), out, (spots, columns))
        whole = end - begin == len(self.dates)
        return Kept(self.index if whole else self.index[begin:end], self.symbols, out)

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
    return Kept(pd.DatetimeIndex(dates.view("M8[ns]"), tz="UTC"), symbols, out)


def _copy(
    values: Values, taken: tuple[Places, Places], out: Values, to: tuple[Places, Places]
) -> None:
    """Copy some factors and rows of a file to rows and columns of the array."""
    factors, rows = taken
    if isinstance(factors, slice) and isinstance(rows, slice) and _are_slices(to):
        out[:, to[0], to[1]] = values[factors, rows]
        return
    F, T, N = out.shape
    some = values[_number(factors, values.shape[0])][:, _number(rows, values.shape[1])]
    out[np.ix_(np.arange(F), _number(to[0], T), _number(to[1], N))] = some


def _are_slices(places: Iterable[Places]) -> bool:
    return all(isinstance(each, slice) for each in places)


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


def _count(places: Places) -> int:
    return places.stop - places.start if isinstance(places, slice) else len(places)


def _number(places: Places, count: int) -> Int64:
    return np.arange(count)[places] if isinstance(places, slice) else places
