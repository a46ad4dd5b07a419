"""The panel: named (T, N) arrays over one UTC date index and one symbol index.

Everything inside the engine works on these arrays; long frames (one row per bar) are
made here, at the door, and nowhere else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.core.crowd import crowd
from engine.core.errors import DataError, did_you_mean
from engine.core.groups import Grouping, between, content, labels_at, take
from engine.core.long import Long
from engine.core.periods import periods_per_year
from engine.core.sealed import seal

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
CAUSAL = ("present", "returns", "full", "spanning", "market")  # their rows know no later ones
SHARED = ("present", "returns", "full")  # what is worth computing once for all readers
ROUNDING = 1e-9  # of a name: half of ten is five
STRIP = 1024**2  # cells that are counted at a time


@dataclass(frozen=True, eq=False)
class Panel:
    """Named (T, N) arrays over one date index and one symbol index.

    Parameters
    ----------
    dates : pandas.DatetimeIndex, shape (T,)
        UTC, unique, ascending.
    symbols : tuple of str, length N
        Unique, ascending.
    fields : mapping of str to float64 array, shape (T, N)
        C-contiguous and sealed, like all arrays here: nobody can make them writeable, and the
        mappings cannot be set. NaN where there is no bar. `close` is always there.
    groups : mapping of str to tuple of str, length N, or to `engine.core.groups.Dated`
        Labels of the symbols, such as ``sector``; "" where unknown. Those of `Dated` change
        with the dates: each has the last label known by then.
    series : mapping of str to float64 array, shape (T,)
        Market-wide series, such as ``vix``, as known at the close of each date.
    member : bool array, shape (T, N), optional
        Whether the symbol is in the universe on that date. Default: always.
    periods_per_year : float, optional
        Rows a year, by which decisions annualise; a panel that is cut or taken from this one
        keeps it. Default: read from the first dates (`engine.core.periods.periods_per_year`).
    quorum : float
        The share of the names that traded lately which must trade for a row to be `full`.
    """

    dates: pd.DatetimeIndex
    symbols: tuple[str, ...]
    fields: Mapping[str, FloatArray]
    groups: Mapping[str, Grouping] = field(default_factory=dict)
    series: Mapping[str, FloatArray] = field(default_factory=dict)
    member: BoolArray = None  # type: ignore[assignment]  # filled in below
    periods_per_year: float = None  # type: ignore[assignment]  # filled in below
    quorum: float = 0.5

    def __post_init__(self) -> None:
        if "close" not in self.fields:
            raise DataError("a panel needs the field 'close'")
        taken = next((name for name in self.fields if name.lower() == "annual"), None)
        if taken is not None:
            raise DataError(
                f"the bars have a field {taken!r}, which formulas read as rows a year: give the "
                f"column another name, as with +source.columns.yearly={taken}"
            )
        fields = {name: self._validate(name, array) for name, array in self.fields.items()}
        object.__setattr__(self, "fields", MappingProxyType(fields))
        member = np.ones(self.shape, bool) if self.member is None else self.member
        object.__setattr__(self, "member", seal(member))
        series = {name: seal(array) for name, array in self.series.items()}
        object.__setattr__(self, "series", MappingProxyType(series))
        object.__setattr__(self, "groups", MappingProxyType(dict(self.groups)))
        if self.periods_per_year is None:
            object.__setattr__(self, "periods_per_year", periods_per_year(self.dates))

    def _validate(self, name: str, array: FloatArray) -> FloatArray:
        if array.shape != self.shape:
            raise DataError(f"field {name!r} has shape {array.shape}, the panel has {self.shape}")
        return seal(np.ascontiguousarray(array, np.float64))

    def __reduce__(self) -> tuple[type[Panel], tuple[Any, ...]]:
        """What copies and pickles are made of: their arrays are sealed again."""
        return type(self), (
            self.dates,
            self.symbols,
            dict(self.fields),
            dict(self.groups),
            dict(self.series),
            self.member,
            self.periods_per_year,
            self.quorum,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """(T, N)."""
        return len(self.dates), len(self.symbols)

    def __contains__(self, name: object) -> bool:
        return name in self.fields

    def __getitem__(self, name: str) -> FloatArray:
        if name not in self.fields:
            raise DataError(f"the bars have no field {name!r}: {did_you_mean(name, self.fields)}")
        return self.fields[name]

    @cached_property
    def present(self) -> BoolArray:
        """Where there is a bar, shape (T, N)."""
        present: BoolArray = np.isfinite(self["close"])
        return seal(present)

    @cached_property
    def returns(self) -> FloatArray:
        """Close-to-close simple returns, shape (T, N), per bar.

        The previous close is the last known one, so a return after a suspension spans it.
        NaN where there is no bar and on a symbol's first bar.
        """
        return seal(returns_since(np.full(self.shape[1], np.nan), self["close"])[0])

    def labels(self, name: str, row: int) -> npt.NDArray[np.str_]:
        """The symbols' labels of a grouping as known on a row, shape (N,); "" where unknown."""
        return labels_at(self.groups[name], row)

    def finite(self, name: str) -> FloatArray:
        """A field, or the returns, with NaN for what is infinite, shape (T, N)."""
        if name not in self._finite:
            array = self.returns if name == "returns" and name not in self else self[name]
            wrong = np.isinf(array)
            made = np.where(wrong, np.nan, array) if wrong.any() else array
            self._finite[name] = seal(made)
        return self._finite[name]

    @cached_property
    def _finite(self) -> dict[str, FloatArray]:
        return {}

    @cached_property
    def full(self) -> BoolArray:
        """Rows that are no holiday of most names, shape (T,).

        Of the symbols with a bar in the 20 rows before, at least the share `quorum` has one. On
        other rows nothing is decided, there is no market return, and statistics do not look.
        """
        lately, trading = np.zeros((2, len(self.dates)), np.intp)
        width = max(STRIP // max(len(self.dates), 1), 1)
        for start in range(0, len(self.symbols), width):  # counts add up; memory is that of a strip
            here = np.isfinite(self["close"][:, start : start + width])
            names, rows = np.nonzero(here.T)
            counts = crowd(rows, np.diff(names, prepend=-1) != 0, len(self.dates))
            lately += counts[0]
            trading += counts[1]
        enough: BoolArray = trading >= self.quorum * lately - ROUNDING
        return seal(enough)

    @cached_property
    def spanning(self) -> FloatArray:
        """Returns since each symbol's last close on a full row, shape (T, N); NaN on other rows.

        What moved on a row that is not full is in the next full row's return.
        """
        if self.full.all():
            return self.returns
        closes = np.where(self.full[:, None], self["close"], np.nan)
        return seal(returns_since(np.full(self.shape[1], np.nan), closes)[0])

    @cached_property
    def market(self) -> FloatArray:
        """Equal-weighted mean return of the members, shape (T,), since the last full row.

        NaN without bars and on rows that are not `full`: three names that trade while the
        others have a holiday are no market.
        """
        return seal(mean_of_members(self.spanning, self.member))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the data that the panel holds: the same data give the same text."""
        digest = hashlib.sha256(self.dates.as_unit("ns").asi8.tobytes())
        digest.update("\0".join(self.symbols).encode())
        for arrays in (self.fields, self.series):
            for name in sorted(arrays):
                digest.update(name.encode())
                digest.update(np.ascontiguousarray(arrays[name]).data)
        for name in sorted(self.groups):
            digest.update(f"{name}\0".encode() + content(self.groups[name]))
        digest.update(np.packbits(self.member).data)
        return digest.hexdigest()

    @cached_property
    def places(self) -> npt.NDArray[np.intp]:
        """The rank of each symbol among the symbols, shape (N,): what ties go by."""
        return np.argsort(np.argsort(np.array(self.symbols)))

    @cached_property
    def in_order(self) -> bool:
        """Whether the symbols stand in their order."""
        return bool((self.places == np.arange(len(self.symbols))).all())

    def cut(self, stop: int) -> Panel:
        """The panel as it was known after its first `stop` dates."""
        known = replace(
            self,
            dates=self.dates[:stop],
            fields={name: array[:stop] for name, array in self.fields.items()},
            groups={name: between(each, 0, stop) for name, each in self.groups.items()},
            series={name: array[:stop] for name, array in self.series.items()},
            member=self.member[:stop],
        )
        for name in CAUSAL:
            if name in self.__dict__:
                known.__dict__[name] = self.__dict__[name][:stop]
        return known

    def twin(self) -> Panel:
        """The same data as a panel of its own, for a reader who may do anything to it.

        It shares sealed arrays with this one, and no mapping, index or frame.
        """
        for name in SHARED:
            getattr(self, name)
        twin = self.cut(len(self.dates))
        object.__setattr__(twin, "dates", self.dates.copy(deep=True))
        return twin

    def between(self, start: int, stop: int) -> Panel:
        """The panel with the dates from row `start` to row `stop` alone."""
        known = self.cut(stop)
        return replace(
            known,
            dates=known.dates[start:],
            fields={name: array[start:] for name, array in known.fields.items()},
            groups={k: between(each, start, stop) for k, each in known.groups.items()},
            series={name: array[start:] for name, array in known.series.items()},
            member=known.member[start:],
        )

    def take(self, order: Iterable[int]) -> Panel:
        """The panel with its symbols in another order, or fewer of them."""
        columns = list(order)
        return replace(
            self,
            symbols=tuple(self.symbols[i] for i in columns),
            fields={name: array[:, columns] for name, array in self.fields.items()},
            groups={name: take(each, columns) for name, each in self.groups.items()},
            member=self.member[:, columns],
        )

    def with_fields(self, fields: Mapping[str, FloatArray]) -> Panel:
        """The panel with more fields; a field of the same name is replaced."""
        return replace(self, fields={**self.fields, **fields})

    def wide(self, array: FloatArray) -> pd.DataFrame:
        """A (T, N) array as a frame of dates × symbols."""
        return pd.DataFrame(array, index=self.dates, columns=list(self.symbols))

    @cached_property
    def _bars(self) -> npt.NDArray[np.intp]:
        return np.flatnonzero(self.present.ravel())

    def rows(
        self,
        columns: Mapping[str, npt.NDArray[np.generic]],
        also: BoolArray | None = None,
    ) -> Long:
        """(T, N) arrays as the rows of a long frame, which is made when it is asked for.

        Parameters
        ----------
        columns : mapping of str to array, shape (T, N)
        also : bool array, shape (T, N), optional
            Where a row is wanted without a bar, too.
        """
        flat = self._bars if also is None else np.flatnonzero((self.present | also).ravel())
        return Long(self.dates, self.symbols, columns, flat)

    def long(
        self,
        columns: Mapping[str, npt.NDArray[np.generic]],
        also: BoolArray | None = None,
    ) -> pd.DataFrame:
        """(T, N) arrays as a long frame: one row per bar, sorted by timestamp, then symbol.

        Parameters
        ----------
        columns, also
            As for `rows`.

        Returns
        -------
        pandas.DataFrame
            Columns ``timestamp`` (UTC), ``symbol`` (categorical), then one per array.
        """
        return self.rows(columns, also).frame()

    @classmethod
    def from_long(
        cls,
        frame: pd.DataFrame,
        *,
        dates: pd.DatetimeIndex | None = None,
        symbols: Iterable[str] | None = None,
    ) -> Panel:
        """A panel from a long frame; the frame's numeric columns become the fields.

        Parameters
        ----------
        frame : pandas.DataFrame
            Columns ``timestamp`` (UTC), ``symbol`` and at least ``close``. Pairs are unique.
        dates, symbols : optional
            The axes; by default those found in the frame. Rows outside them are refused.
        """
        stamps = pd.DatetimeIndex(frame["timestamp"])
        axis = stamps.unique().sort_values() if dates is None else dates
        names = frame["symbol"].astype(str)
        order = tuple(sorted(names.unique())) if symbols is None else tuple(symbols)
        fields = arrange(frame, axis, order)
        return cls(dates=axis, symbols=order, fields=fields)


def arrange(
    frame: pd.DataFrame, dates: pd.DatetimeIndex, symbols: tuple[str, ...]
) -> dict[str, FloatArray]:
    """The numbers of a long frame as arrays of shape (T, N); NaN where it has no row."""
    row = dates.get_indexer(pd.DatetimeIndex(frame["timestamp"]))
    column = pd.Index(symbols).get_indexer(pd.Index(frame["symbol"].astype(str)))
    if (row < 0).any() or (column < 0).any():
        raise DataError("a long frame has rows outside the panel's dates or symbols")
    flat = row * len(symbols) + column
    if len(np.unique(flat)) != len(flat):
        raise DataError("a long frame has duplicate (timestamp, symbol) rows")
    made = {}
    for name in frame.columns.difference(["timestamp", "symbol"], sort=False):
        if pd.api.types.is_numeric_dtype(frame[name]):
            array = np.full(len(dates) * len(symbols), np.nan)
            array[flat] = frame[name].to_numpy(np.float64, na_value=np.nan)
            made[str(name)] = array.reshape(len(dates), len(symbols))
    return made


def forward_fill(array: FloatArray) -> FloatArray:
    """Each column's last finite value so far, shape (T, N); NaN before the first."""
    known = np.isfinite(array)
    if known.all():
        return array.copy()
    names = np.arange(array.shape[1])
    flat = np.where(known, np.arange(len(array))[:, None] * len(names) + names, names)
    np.maximum.accumulate(flat, axis=0, out=flat)
    filled: FloatArray = np.take(array, flat)
    return filled


def returns_since(last: FloatArray, close: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Returns of some dates, shape (T, N), and each symbol's last close after them, shape (N,).

    `last` holds the last close before them, shape (N,); NaN where there is none.
    """
    known = forward_fill(np.concatenate([last[None], close]))
    with np.errstate(divide="ignore", invalid="ignore"):
        returns: FloatArray = close / known[:-1] - 1.0
    return returns, known[-1]


def narrow(array: FloatArray, dtype: npt.DTypeLike) -> FloatArray:
    """An array as another float type; NaN for what is too large for it."""
    if array.dtype == dtype:
        return array
    with np.errstate(over="ignore"):
        made = array.astype(dtype)
    made[np.isinf(made)] = np.nan
    return made


def mean_of_members(returns: FloatArray, member: BoolArray) -> FloatArray:
    """Each date's mean over the members, shape (T,); NaN where none has a return."""
    returns = np.where(member, returns, np.nan)
    count = np.isfinite(returns).sum(axis=1)
    total = np.nansum(returns, axis=1)
    mean: FloatArray = np.full(len(total), np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean
