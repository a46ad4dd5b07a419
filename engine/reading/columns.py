"""Which of a table's columns is what: names, aliases, and headers of two levels.

A header of two levels, as yfinance writes it, is kept as pandas' parquet files keep it: a column
is called ``('Close', 'AAPL')``, whichever level is the first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.core.errors import DataError
from engine.reading.values import name_symbol, to_categorical

BARS = ("open", "high", "low", "close", "volume")
ALIASES = {
    "timestamp": ("timestamp", "date", "datetime", "time", "open_time", "open time"),
    "symbol": ("symbol", "ticker", "asset", "instrument"),
}
NEEDED = ("timestamp", "symbol", "close")
PRICES = {"open", "high", "low", "close", "adj close"}
INDEX = ("__index_level_", "Unnamed:")  # what pandas calls the columns of an index without name
PAIR = re.compile(r"\((['\"])(.*)\1, (['\"])(.*)\3\)")
TICKER = re.compile(r"[\^$]?[A-Z0-9][A-Z0-9.=/^-]{0,11}")


def strip(name: object) -> str:
    """Return a column's name as people mean it: without blanks around it and Qlib's ``$``."""
    return str(name).strip().lstrip("$")


def find(ours: str, found: Sequence[str]) -> str | None:
    """Return their column of our name, or of one of its aliases; case decides between two."""
    for alias in ALIASES.get(ours, (ours,)):
        near = [name for name in found if strip(name).lower() == alias]
        if near:
            return alias if alias in near else near[0]
    return None


def find_any(name: str, ours: Sequence[str]) -> str | None:
    """Return which of our names a column of theirs has."""
    return next((our for our in ours if find(our, [name]) is not None), None)


def index_like(name: str) -> bool:
    """Whether a column is an index that had no name."""
    return name.startswith(INDEX)


def looks_wide(found: Sequence[str], stamp: str | None) -> bool:
    """Whether the columns beside the dates look like tickers, each with its closes."""
    rest = [name for name in found if name != stamp and not index_like(name)]
    bars = {*BARS, *ALIASES["symbol"], *ALIASES["timestamp"]}
    plausible = [n for n in rest if TICKER.fullmatch(n.strip()) and n.lower() not in bars]
    return len(rest) > 1 and len(plausible) == len(rest)


def is_bars(found: Sequence[str]) -> bool:
    """Whether some column holds closes, by its own name or by that of a symbol."""
    return bool(find("close", found) or pairs(found) or looks_wide(found, find("timestamp", found)))


def pairs(found: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return the columns whose header has two levels, with both."""
    matches = {name: PAIR.fullmatch(name) for name in found}
    return {name: (m[2].strip(), m[4].strip()) for name, m in matches.items() if m}


def cells(found: Sequence[str], where: str) -> dict[str, dict[str, str]]:
    """Return, of a header of two levels, the column of each symbol and field.

    Raises
    ------
    DataError
        Neither level has a close among its names.
    """
    both = {name: pair for name, pair in pairs(found).items() if pair[1] and pair[0]}
    level = next((i for i in (0, 1) if any(p[i].lower() == "close" for p in both.values())), None)
    if level is None:
        level = next((i for i in (0, 1) if PRICES & {p[i].lower() for p in both.values()}), None)
    if level is None:
        shown = ", ".join(list(both)[:3])
        raise DataError(f"{where} has two levels of columns, and no 'Close' in either ({shown})")
    laid: dict[str, dict[str, str]] = {}
    for name, pair in both.items():
        laid.setdefault(name_symbol(pair[1 - level]), {})[pair[level]] = name
    return laid


def flat(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return a frame with its index, where that says something, among columns named by text.

    The frame itself is not changed.

    Raises
    ------
    DataError
        A name is both in the index and among the columns, or twice among the columns.
    """
    frame = frame.set_axis(_labels(frame.columns), axis=1)
    levels = _levels(frame)
    if levels is not None:
        clash = next((name for name in levels if name in frame.columns), None)
        if clash is not None:
            raise DataError(f"{where} has {clash!r} as a column and in its index: keep one of them")
        stamp = find("timestamp", list(frame.columns))
        if stamp is not None and find("timestamp", levels) is not None:
            raise DataError(f"{where} has dates in its index and in {stamp!r}: keep one of them")
        frame = frame.reset_index(names=levels)
    else:
        frame = frame.reset_index(drop=True)
    if frame.columns.has_duplicates:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise DataError(f"{where} has two columns {twice!r}: rename or drop one")
    return frame


def _labels(columns: pd.Index) -> list[str]:
    if columns.nlevels == 2:
        return [str(tuple(name_symbol(level) for level in name)) for name in columns]
    if columns.nlevels > 2:
        return ["/".join(map(str, name)) for name in columns]
    return [name_symbol(name) for name in columns]


def _levels(frame: pd.DataFrame) -> list[str] | None:
    """Names for the index's levels; None where it is but a count of rows."""
    index = frame.index
    kinds = [index.get_level_values(i) for i in range(index.nlevels)]
    known = {alias for aliases in ALIASES.values() for alias in aliases}
    dated = [isinstance(level, pd.DatetimeIndex) for level in kinds]
    if not any(dated) and not known & {strip(name).lower() for name in index.names}:
        return None
    rest = "symbol" if index.nlevels == 2 else "level"
    names: list[str] = []
    for i, (name, is_date) in enumerate(zip(index.names, dated, strict=True)):
        own = is_date and find("timestamp", [str(name)]) is None
        fallback = "timestamp" if is_date else rest if rest not in names else f"{rest}_{i}"
        names.append(fallback if name is None or (own and index.nlevels == 1) else str(name))
    return names


def grid(
    days: pd.DatetimeIndex, symbols: Sequence[str], fields: Mapping[str, npt.NDArray[np.float64]]
) -> dict[str, object]:
    """Return dates × symbols as the columns of a long frame; an empty cell is no bar.

    Parameters
    ----------
    days : pandas.DatetimeIndex, shape (T,)
    symbols : sequence of str, length N
    fields : mapping of str to float array, shape (T, N)
    """
    known = np.zeros((len(days), len(symbols)), bool)
    for values in fields.values():
        known |= ~np.isnan(values)
    row, column = np.nonzero(known)
    return {
        "timestamp": days[row],
        "symbol": to_categorical(column, symbols),
        **{name: values[row, column] for name, values in fields.items()},
    }
