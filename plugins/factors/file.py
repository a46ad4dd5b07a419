"""A factor that an earlier run, or another program, left in a parquet file."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine import ConfigError, DataError, Factor, FloatArray, Panel, option

log = logging.getLogger(__name__)
Codes = npt.NDArray[np.intp]
MOST = 0.9  # of the bars' dates, or symbols: a file that lacks more is told of


@dataclass(frozen=True)
class FileFactor(Factor):
    """One column of a long parquet file, such as a run's ``forecasts.parquet``.

    Rows are matched by date and symbol; cells that the file lacks are NaN. With `as_of` a cell
    has its symbol's last row dated at or before it, NaN included, until the next one. What the
    file knew when is the file's business: the engine cannot check it. Where dates or symbols
    hardly meet those of the bars, a line says how many do.
    """

    name: ClassVar[str] = "file"
    path: str = option("", "parquet file with timestamp, symbol and the column", file=True)
    column: str = option("", "column to read")
    as_of: bool = option(False, "take each symbol's last row at or before a date")

    def __post_init__(self) -> None:
        if not self.path or not self.column:
            raise ConfigError("a factor from a file needs path and column: set both")

    @property
    def lookback(self) -> int:
        """0: a row is read as it stands."""
        return 0

    def compute(self, panel: Panel) -> FloatArray:
        """Return the column on the panel's dates and symbols, shape (T, N)."""
        rows = self._read()
        met = _Met.count(rows, panel, self.as_of)
        if met.few:
            log.warning("%s: %s", self.path, met.text)
        return self._lay_out(rows, panel)

    def complaint(self, panel: Panel) -> str:
        """How many of the bars' dates and symbols are in the file."""
        return f"{self.path}: {_Met.count(self._read(), panel, self.as_of).text}"

    def _read(self) -> _Rows:
        import pyarrow.parquet as pq
        from pyarrow import ArrowException

        file = Path(self.path)
        if not file.is_file():
            raise DataError(f"{file.absolute()}: no such file; set the factor's path")
        try:
            names = pq.read_schema(file).names
        except (ArrowException, OSError) as error:
            raise DataError(f"{file}: not a parquet file; set the factor's path") from error
        for name in ("timestamp", "symbol", self.column):
            if name not in names:
                raise DataError(f"{file}: no column {name!r}; it has {', '.join(names[:12])}")
        frame = pd.read_parquet(file, columns=["timestamp", "symbol", self.column])
        values = frame[self.column]
        if not pd.api.types.is_numeric_dtype(values):
            raise DataError(f"{file}: column {self.column!r} holds {values.dtype}, not numbers")
        return _Rows(
            _days(frame["timestamp"], file),
            pd.Index(frame["symbol"].astype(str)),
            values.to_numpy(np.float64, na_value=np.nan),
        )

    def _lay_out(self, rows: _Rows, panel: Panel) -> FloatArray:
        column = pd.Index(panel.symbols).get_indexer(rows.symbols)
        if self.as_of:  # the first date at or after each row; none: the length
            row = panel.dates.searchsorted(rows.days, side="left")
            inside = (row < len(panel.dates)) & (column >= 0)
        else:
            row = panel.dates.get_indexer(rows.days)
            inside = (row >= 0) & (column >= 0)
        own = pd.DataFrame({"day": rows.days[inside], "column": column[inside]})
        if own.duplicated().any():
            raise DataError(
                f"{self.path}: a (timestamp, symbol) pair occurs twice; drop one of them"
            )
        out = np.full(panel.shape, np.nan)
        if not self.as_of:
            out[row[inside], column[inside]] = rows.values[inside]
            return out
        order = np.flatnonzero(inside)[np.argsort(own["day"].to_numpy(), kind="stable")]
        newest = np.full(panel.shape, -1)
        newest[row[order], column[order]] = np.arange(len(order))  # the last of a date's rows
        np.maximum.accumulate(newest, axis=0, out=newest)
        known: FloatArray = np.append(rows.values[order], np.nan)[newest]  # -1: before the first
        return known


@dataclass(frozen=True, eq=False)
class _Rows:
    """A file's rows: days (UTC), symbols and values, R each."""

    days: pd.DatetimeIndex
    symbols: pd.Index[Any]
    values: FloatArray


@dataclass(frozen=True)
class _Met:
    """Whether the bars' dates and symbols hardly meet those of a file, and the words for it."""

    few: bool
    text: str

    @classmethod
    def count(cls, rows: _Rows, panel: Panel, as_of: bool) -> _Met:
        days, symbols = rows.days.unique().sort_values(), rows.symbols.unique().sort_values()
        dates, names = panel.dates, pd.Index(panel.symbols)
        # an earlier run's forecasts begin late, and end early: what lies between counts
        within = dates[(dates >= days[:1].min()) & (dates <= days[-1:].max())]
        if as_of:
            held, asked = int((dates >= days[:1].min()).sum()), dates
        else:
            asked = within if len(within) else dates
            held = int(asked.isin(days).sum())
        known = int(names.isin(symbols).sum())
        few_days = held == 0 or (not as_of and held < MOST * len(asked))
        text = (
            f"it has {'a row at or before' if as_of else 'rows for'} {held} of {len(asked)} dates "
            f"of the bars{_keys(days, dates, _show)} and {known} of their {len(names)} "
            f"symbols{_keys(symbols, names, str)}"
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
