"""Values that are read: as frames, tables, and the rows of `factor_values`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.core.errors import ConfigError, DataError, did_you_mean
from engine.core.keeping import OpenStore, Values
from engine.library.bars import KeptBars, lay
from engine.library.records import Registered, State
from engine.library.rows import choose_rows

COLUMNS = ("factor_id", "date", "instrument", "value")


@dataclass(frozen=True, eq=False)
class Read:
    """Values of some factors.

    Parameters
    ----------
    dates : pandas.DatetimeIndex, shape (T,)
        UTC. Of a weekly or monthly factor most rows are NaN where daily ones are beside it.
    symbols : tuple of str, length N
    values : dict of str to float array, shape (T, N)
        By factor; NaN where it has no value.
    """

    dates: pd.DatetimeIndex
    symbols: tuple[str, ...]
    values: dict[str, Values]

    def wide(self, name: str | None = None) -> pd.DataFrame:
        """Return one factor as dates × symbols; the only one needs no name.

        Raises
        ------
        ConfigError
            It was not read.
        """
        name = next(iter(self.values)) if name is None and len(self.values) == 1 else name
        if name is None or name not in self.values:
            raise ConfigError(
                f"{name}: not among what was read; {did_you_mean(name or '', self.values)}"
            )
        return pd.DataFrame(self.values[name], index=self.dates, columns=list(self.symbols))

    def long(self) -> pd.DataFrame:
        """Return ``factor_id``, ``date``, ``instrument``, ``value``: a row for each value.

        What is NaN has no row. Sorted by factor, in the order asked for, then date and symbol.
        """
        parts = []
        for code, array in enumerate(self.values.values()):
            rows, columns = np.nonzero(~np.isnan(array))
            parts.append((np.full(len(rows), code), rows, columns, array[rows, columns]))
        factors, rows, columns, values = (np.concatenate(part) for part in zip(*parts, strict=True))
        return pd.DataFrame(
            {
                "factor_id": _name(factors, self.values),
                "date": self.dates[rows],
                "instrument": _name(columns, self.symbols),
                "value": values,
            }
        )

    def columns(self) -> pd.DataFrame:
        """Return ``timestamp``, ``symbol`` and a column for each factor.

        A row for each date and symbol at which some factor has a value.
        """
        some = np.zeros((len(self.dates), len(self.symbols)), bool)
        for array in self.values.values():
            some |= ~np.isnan(array)
        rows, columns = np.nonzero(some)
        keys = {
            "timestamp": self.dates[rows],
            "symbol": _name(columns, self.symbols),
        }
        return pd.DataFrame(keys | {n: a[rows, columns] for n, a in self.values.items()})

    def to_arrow(self) -> Any:
        """Return `long` as a pyarrow.Table."""
        import pyarrow as pa

        return pa.Table.from_pandas(self.long(), preserve_index=False)

    def to_polars(self) -> Any:
        """Return `long` as a polars.DataFrame.

        Raises
        ------
        ConfigError
            polars is not installed.
        """
        try:
            import polars as pl
        except ImportError:
            raise ConfigError("polars is not installed: pip install polars") from None
        return pl.from_arrow(self.to_arrow())


def _name(codes: npt.NDArray[np.intp], names: Iterable[str]) -> pd.Categorical[Any]:
    return pd.Categorical.from_codes(codes.astype(np.int64), dtype=pd.CategoricalDtype(list(names)))


def read_values(
    store: OpenStore,
    factors: Mapping[str, Registered],
    first: pd.Timestamp | None = None,
    last: pd.Timestamp | None = None,
    symbols: Sequence[str] | None = None,
    as_of: int | None = None,
) -> Read:
    """Read registered factors, as they were after a commit.

    Raises
    ------
    ConfigError
        One of them has no values yet, or there is no such symbol.
    """
    states, found = State.read(store, as_of), {}
    for name, factor in factors.items():
        state = states.get(factor.series)
        if state is None:
            when = "" if as_of is None else f" as of commit {as_of}"
            raise ConfigError(f"{name}: no values{when}; type engine factors update {name}")
        found[name] = state
    markets = {(state.market, state.bars): state for state in found.values()}
    bars = {at: KeptBars(store, *at) for at in markets}
    axis, names = _join_axes(bars, first, last)
    chosen = names if symbols is None else _choose(symbols, names)
    values = {}
    for name, state in found.items():
        own = bars[state.market, state.bars]
        values[name] = _read_one(store, factors[name].series, state, own, (axis, chosen), as_of)
    return Read(axis, chosen, values)


def _join_axes(
    bars: Mapping[tuple[str, int], KeptBars], first: pd.Timestamp | None, last: pd.Timestamp | None
) -> tuple[pd.DatetimeIndex, tuple[str, ...]]:
    each = list(bars.values())
    axis, names = each[0].dates, each[0].symbols
    for other in each[1:]:
        axis = axis.union(other.dates)
        names = tuple(sorted({*names, *other.symbols}))
    begin = 0 if first is None else int(axis.searchsorted(first, "left"))
    end = len(axis) if last is None else int(axis.searchsorted(last, "right"))
    return axis[begin:end], names


def _choose(symbols: Sequence[str], names: tuple[str, ...]) -> tuple[str, ...]:
    for each in symbols:
        if each not in names:
            raise ConfigError(f"symbol {each!r}: the bars have none; {did_you_mean(each, names)}")
    return tuple(symbols)


def _read_one(
    store: OpenStore,
    key: str,
    state: State,
    bars: KeptBars,
    axes: tuple[pd.DatetimeIndex, tuple[str, ...]],
    as_of: int | None,
) -> Values:
    dates, symbols = axes
    if not state.dates or not len(dates):
        return np.full((len(dates), len(symbols)), np.nan)
    kept = store.read([key], dates[0], dates[-1], as_of)
    values: Values = lay(kept, dates, symbols)[0]
    there = bars.dates[choose_rows(bars.dates, state.frequency)]
    rows, columns = ~dates.isin(there), ~np.isin(np.array(symbols), np.array(bars.symbols))
    if rows.any() or columns.any():
        values = values.copy()
        values[rows] = np.nan
        values[:, columns] = np.nan
    return values


def read_date(text: str | None, what: str) -> pd.Timestamp | None:
    """Return a date that was typed, in UTC; ConfigError where it is none."""
    if text is None:
        return None
    try:
        made = pd.Timestamp(text)
    except ValueError:
        raise ConfigError(f"{what} {text}: write a date, such as 2020-01-31") from None
    return made.tz_localize("UTC") if made.tz is None else made.tz_convert("UTC")


def refuse_empty(found: Read) -> None:
    """Raise DataError where there is no date."""
    if not len(found.dates):
        raise DataError("no date of the bars is in this span: choose another")
