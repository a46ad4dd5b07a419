"""Who is in the universe when: stays read from a file, and the largest by traded value.

1. `resolve_members` reads ``universe.members_file``; its rows stand in place of
   ``universe.members``, and its symbols in place of ``universe.symbols`` where these are null.
2. `member` asks whether a symbol's intervals hold a date, and, with ``universe.top_n``,
   whether the symbol was among the largest when the month began.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.core.errors import ConfigError, DataError
from engine.core.medians import row_medians
from engine.core.panel import BoolArray, FloatArray
from engine.core.universe import Interval, Universe
from engine.reading import find, name_symbol

KEY = "universe.members_file"
COLUMNS = ("symbol", "start", "end")


def resolve_members(universe: Universe) -> Universe:
    """Return the universe with the stays and symbols of its members file, if it names one.

    Raises
    ------
    ConfigError
        `members` is set too, or the file is neither CSV nor parquet.
    DataError
        The file is missing or broken, or a row of it cannot be right.
    """
    if universe.members_file is None:
        return universe
    if universe.members:
        raise ConfigError(f"universe.members and {KEY} are both set: empty one of them")
    stays = read_stays(universe.members_file)
    symbols = universe.symbols
    if symbols is None:
        symbols = sorted({stay.symbol for stay in stays})
    return replace(universe, members=stays, symbols=symbols)


def read_stays(path: str) -> list[Interval]:
    """Return the intervals of a file: symbol, start, end; an empty end is open.

    A file of symbols alone holds members for good. A text file has no header; a line of it is a
    symbol, or a symbol, start and end, as Qlib's lists of instruments have them.

    Raises
    ------
    ConfigError, DataError
        As `resolve_members`.
    """
    table = _table(path)
    names = table["symbol"].to_numpy()
    if not len(names):
        raise DataError(f"{KEY}={path} has no rows: write symbol,start,end of each stay")
    if (names == "").any():
        row = int(np.flatnonzero(names == "")[0])
        raise DataError(f"{KEY}={path}: row {row + 1} has no symbol: write one")
    start, end = _days(table["start"], path), _days(table["end"], path)
    reversed_ = np.flatnonzero(end < start)
    if len(reversed_):
        row = int(reversed_[0])
        raise DataError(
            f"{KEY}={path}: row {row + 1}: {names[row]} has end {end[row]:%Y-%m-%d} before "
            f"start {start[row]:%Y-%m-%d}: swap them"
        )
    _refuse_overlaps(path, names, start, end)
    return [
        Interval(str(name), first or None, last or None)
        for name, first, last in zip(names, table["start"], table["end"], strict=True)
    ]


def _table(path: str) -> pd.DataFrame:
    """The three columns as text, dates as 2020-01-31, "" for null."""
    file = Path(path).expanduser().absolute()
    if file.suffix not in {".csv", ".parquet", ".txt"}:
        raise ConfigError(f"{KEY}={path}: name a .csv, .parquet or .txt file")
    if not file.is_file():
        raise DataError(f"{KEY}={path}: there is no file {file}: set {KEY}")
    try:
        if file.suffix == ".txt":
            table = _read_list(file)
        elif file.suffix == ".csv":  # NA is a ticker: nothing but "" is null
            table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
        else:
            table = pd.read_parquet(file)
    except (ValueError, OSError) as error:
        reason = str(error).strip().split("\n")[0]
        raise DataError(f"{KEY}={path} cannot be read ({reason}): write it again") from error
    found = [str(name) for name in table]
    theirs = {name: find(name, found) for name in COLUMNS}
    if theirs["symbol"] is not None and theirs["start"] is theirs["end"] is None:
        return pd.DataFrame({"symbol": _text(table[theirs["symbol"]]), "start": "", "end": ""})
    for name, their in theirs.items():
        if their is None:
            raise DataError(
                f"{KEY}={path} has no column {name!r}, but {', '.join(found)}: rename or add it"
            )
    return pd.DataFrame({name: _text(table[their]) for name, their in theirs.items()})


def _read_list(file: Path) -> pd.DataFrame:
    """The lines of a text file: a symbol, or a symbol, start and end."""
    lines = [re.split(r"[\s,;]+", line.split("#")[0].strip()) for line in _lines(file)]
    rows = [line for line in lines if line != [""]]
    wrong = next((line for line in rows if len(line) not in {1, len(COLUMNS)}), None)
    if wrong is not None:
        shown = " ".join(wrong)[:40]
        raise ValueError(f"{shown!r} is neither a symbol nor a symbol, start and end")
    return pd.DataFrame([[*line, "", ""][: len(COLUMNS)] for line in rows], columns=[*COLUMNS])


def _lines(file: Path) -> list[str]:
    return file.read_text("utf-8-sig").splitlines()


def _text(column: pd.Series) -> list[str]:
    if pd.api.types.is_datetime64_any_dtype(column):
        column = column.dt.strftime("%Y-%m-%d")
    nulls = column.isna()
    return ["" if null else name_symbol(v) for v, null in zip(column, nulls, strict=True)]


def _days(column: pd.Series, path: str) -> pd.DatetimeIndex:
    """Dates; NaT where the text is empty."""
    days = pd.DatetimeIndex(pd.to_datetime(column, format="%Y-%m-%d", errors="coerce"))
    wrong = np.flatnonzero(days.isna() & (column != "").to_numpy())
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"{KEY}={path}: row {row + 1}, column {str(column.name)!r}: {column.iloc[row]!r} is "
            "not a date: write 2020-01-31"
        )
    return days


def _refuse_overlaps(
    path: str, names: npt.NDArray[np.str_], start: pd.DatetimeIndex, end: pd.DatetimeIndex
) -> None:
    first = start.fillna(pd.Timestamp.min.ceil("D")).to_numpy()
    last = end.fillna(pd.Timestamp.max.floor("D")).to_numpy()
    order = np.lexsort((first, names))
    name, latest = names[order], last[order]
    overlap = np.flatnonzero((name[1:] == name[:-1]) & (first[order][1:] <= latest[:-1]))
    if len(overlap):
        one, two = sorted(int(row) + 1 for row in order[overlap[0] : overlap[0] + 2])
        raise DataError(
            f"{KEY}={path}: rows {one} and {two}: the stays of {name[overlap[0]]} overlap (start "
            "and end are both included): end the first before the second starts"
        )


def member(
    universe: Universe,
    dates: pd.DatetimeIndex,
    symbols: tuple[str, ...],
    fields: Mapping[str, FloatArray],
) -> BoolArray:
    """Whether each symbol is in the universe on each date, shape (T, N).

    Parameters
    ----------
    universe : Universe
        Its members file is read, unless `resolve_members` has done so.
    dates, symbols
        The panel's axes, T and N long.
    fields : mapping of str to float array, shape (T, N)
        The panel's; ``close`` and ``volume`` are read when `universe.top_n` is set.

    Raises
    ------
    DataError
        `universe.top_n` is set, and there is no volume, or no month with enough history.
    """
    if not universe.members:
        universe = resolve_members(universe)
    inside = universe.membership(dates, symbols)
    if universe.top_n is None:
        return inside
    what = f"universe.top_n={universe.top_n}"
    if "volume" not in fields:
        raise DataError(
            f"{what} ranks by close × volume, and the source has no volume: choose a source "
            "that has, or set universe.top_n=null"
        )
    value = fields["close"] * fields["volume"]
    top = largest(value, inside, dates, symbols, universe.top_n, universe.top_window)
    if not top.any():
        raise DataError(
            f"{what}: no symbol has {universe.top_window} rows of volume before a month begins, "
            f"in {len(dates)} dates: use a longer sample, or a smaller universe.top_window"
        )
    inside &= top
    return inside


def largest(
    value: FloatArray,
    candidate: BoolArray,
    dates: pd.DatetimeIndex,
    symbols: tuple[str, ...],
    n: int,
    window: int,
) -> BoolArray:
    """Whether each symbol is among the n largest of its month, shape (T, N).

    A month's members are chosen at the close of the last date of the month before: the n with
    the highest median of `value` over the last `window` rows; the first by name among equals.
    Only candidates of that date are ranked, so that a symbol that joins the universe later
    takes no place now. A symbol needs a first value before or on the window's first row, and
    values on half of its rows at least: the new and the delisted are out. NaNs are skipped.

    Parameters
    ----------
    value : float array, shape (T, N)
        Such as traded value, in currency per row.
    candidate : bool array, shape (T, N)
        Whether a symbol may be chosen.
    dates : pandas.DatetimeIndex, shape (T,)
        Ascending; months are those of UTC.
    symbols : tuple of str, length N
        Unique.
    n : int
        How many.
    window : int
        Rows.
    """
    top = np.zeros(value.shape, bool)
    known = np.isfinite(value)
    listed = np.maximum.accumulate(known, axis=0)
    by_name = np.argsort(np.argsort(np.array(symbols, dtype=object), kind="stable"))
    month = np.asarray(dates.year * 12 + dates.month)
    starts = [*(np.flatnonzero(month[1:] != month[:-1]) + 1), len(dates)]
    for start, stop in pairwise(starts):
        if start < window:
            continue
        enough = 2 * known[start - window : start].sum(axis=0) >= window
        able = np.flatnonzero(listed[start - window] & candidate[start - 1] & enough)
        median = row_medians(value[start - window : start, able].T)
        order = np.lexsort((by_name[able], -median))
        top[start:stop, able[order[:n]]] = True
    return top
