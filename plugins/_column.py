"""One column of a long parquet file that an earlier run, or another program, left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engine import DataError, FloatArray

MOST = 0.9  # of the bars' dates, or symbols: a file that lacks more is told of


@dataclass(frozen=True, eq=False)
class Column:
    """Days (UTC), symbols and values of a file's rows, R each."""

    file: Path
    days: pd.DatetimeIndex
    symbols: pd.Index[Any]
    values: FloatArray

    @classmethod
    def read(cls, path: str, column: str, whose: str) -> Column:
        """Return a column of a parquet file; DataError names the file and what it lacks."""
        import pyarrow.parquet as pq
        from pyarrow import ArrowException

        file = Path(path)
        if not file.is_file():
            raise DataError(f"{file.absolute()}: no such file; set the {whose}'s path")
        try:
            names = pq.read_schema(file).names
        except (ArrowException, OSError) as error:
            raise DataError(f"{file}: not a parquet file; set the {whose}'s path") from error
        for name in ("timestamp", "symbol", column):
            if name not in names:
                raise DataError(f"{file}: no column {name!r}; it has {', '.join(names[:12])}")
        frame = pd.read_parquet(file, columns=["timestamp", "symbol", column])
        values = frame[column]
        if not pd.api.types.is_numeric_dtype(values):
            raise DataError(f"{file}: column {column!r} holds {values.dtype}, not numbers")
        return cls(
            file,
            _days(frame["timestamp"], file),
            pd.Index(frame["symbol"].astype(str)),
            values.to_numpy(np.float64, na_value=np.nan),
        )

    def lay_out(
        self, dates: pd.DatetimeIndex, symbols: Sequence[str], *, as_of: bool = False
    ) -> FloatArray:
        """Return the values on dates and symbols, shape (T, N); NaN where there is none.

        With `as_of` a cell has its symbol's last row at or before the date, NaN included.
        """
        column = pd.Index(symbols).get_indexer(self.symbols)
        if as_of:  # the first date at or after each row; none: the length
            row = dates.searchsorted(self.days, side="left")
            inside = (row < len(dates)) & (column >= 0)
        else:
            row = dates.get_indexer(self.days)
            inside = (row >= 0) & (column >= 0)
        own = pd.DataFrame({"day": self.days[inside], "column": column[inside]})
        if own.duplicated().any():
            raise DataError(
                f"{self.file}: a (timestamp, symbol) pair occurs twice; drop one of them"
            )
        out = np.full((len(dates), len(symbols)), np.nan)
        if not as_of:
            out[row[inside], column[inside]] = self.values[inside]
            return out
        order = np.flatnonzero(inside)[np.argsort(own["day"].to_numpy(), kind="stable")]
        newest = np.full(out.shape, -1)
        newest[row[order], column[order]] = np.arange(len(order))  # the last of a date's rows
        np.maximum.accumulate(newest, axis=0, out=newest)
        known: FloatArray = np.append(self.values[order], np.nan)[newest]  # -1: before the first
        return known


@dataclass(frozen=True)
class Met:
    """Whether the bars' dates and symbols hardly meet those of a file, and the words for it."""

    few: bool
    text: str

    @classmethod
    def count(
        cls, rows: Column, dates: pd.DatetimeIndex, symbols: Sequence[str], *, as_of: bool = False
    ) -> Met:
        """Count how many of the bars' dates and symbols a file has."""
        days, theirs = rows.days.unique().sort_values(), rows.symbols.unique().sort_values()
        names = pd.Index(symbols)
        # an earlier run's forecasts begin late, and end early: what lies between counts
        within = dates[(dates >= days[:1].min()) & (dates <= days[-1:].max())]
        if as_of:
            held, asked = int((dates >= days[:1].min()).sum()), dates
        else:
            asked = within if len(within) else dates
            held = int(asked.isin(days).sum())
        known = int(names.isin(theirs).sum())
        few_days = held == 0 or (not as_of and held < MOST * len(asked))
        text = (
            f"it has {'a row at or before' if as_of else 'rows for'} {held} of {len(asked)} dates "
            f"of the bars{_keys(days, dates, _show)} and {known} of their {len(names)} "
            f"symbols{_keys(theirs, names, str)}"
        )
        if few_days and not as_of:
            text += "; as_of: true takes each symbol's last row at or before a date"
        return cls(few_days or known < MOST * len(names), text)


def _keys(theirs: pd.Index[Any], ours: pd.Index[Any], shown: Any) -> str:
    """A key that the file has and the bars lack, and the other way round."""
    parts = [
        f"{who} {shown(lost[0])}"
        for who, lost in (
            ("it has", theirs[~theirs.isin(ours)]),
            ("they have", ours[~ours.isin(theirs)]),
        )
        if len(lost)
    ]
    return f" ({', '.join(parts)})" if parts else ""


def _show(day: pd.Timestamp) -> str:
    return f"{day:%Y-%m-%d %H:%M}".removesuffix(" 00:00")


def _days(stamps: pd.Series[Any], file: Path) -> pd.DatetimeIndex:
    """The stamps in UTC; numbers are refused, for their unit is anyone's guess."""
    try:
        if pd.api.types.is_numeric_dtype(stamps):
            raise ValueError("numbers")
        return pd.DatetimeIndex(pd.to_datetime(stamps, utc=True, format="ISO8601"))
    except (ValueError, TypeError) as error:
        raise DataError(f"{file}: column 'timestamp' holds no dates such as 2024-01-31") from error
