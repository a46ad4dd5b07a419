"""Bars handed over in Python: a frame, long or wide, as the source of a run.

1. Dates and symbols may stand in columns or in the index; case does not matter.
2. With a symbol, each row is a bar; without one, each column is a symbol's closes.
3. Dates become UTC: plain dates stay the dates they are, times without a timezone are UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from engine.errors import DataError
from engine.kinds import Source
from engine.panel import FloatArray
from engine.universe import Universe

ALIASES = {"timestamp": ("timestamp", "date", "datetime"), "symbol": ("symbol", "ticker")}
BARS = ("close", "open", "high", "low", "volume")


@dataclass(frozen=True, eq=False)
class Handed(Source):
    """A frame as a source; the frame itself is never changed."""

    name: ClassVar[str] = "panel"

    frame: pd.DataFrame

    def load(self, universe: Universe) -> pd.DataFrame:
        """Return the frame's bars as a long frame; the engine checks them afterwards.

        Raises
        ------
        DataError
            It is no frame of bars; the message says what is missing.
        """
        frame = _flat(self.frame)
        stamp, symbol = (_find(frame, ours) for ours in ("timestamp", "symbol"))
        if symbol is not None:
            return _long(frame, stamp, symbol)
        return _wide(frame, stamp)

    def facts(self, universe: Universe) -> Mapping[str, Any]:
        """Return how the bars came in."""
        return {"handed over": "in Python, as a frame"}


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its index, where that says something, among the columns."""
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"bars is a {type(frame).__name__}: hand over a pandas.DataFrame")
    if frame.columns.nlevels > 1:
        raise DataError(f"bars has {frame.columns.nlevels} levels of columns: stack() one of them")
    known = {alias for names in ALIASES.values() for alias in names}
    levels = [str(name).lower() for name in frame.index.names]
    if isinstance(frame.index, pd.DatetimeIndex) and levels[0] not in known:
        clash = _find(frame, "timestamp")
        if clash is not None:
            raise DataError(f"bars has dates in its index and in {clash!r}: keep one of them")
        frame = frame.rename_axis("timestamp")
        levels = ["timestamp"]
    if known & {*levels}:
        clash = next((n for n in frame.index.names if n in frame.columns), None)
        if clash is not None:
            raise DataError(f"bars has {clash!r} as a column and in its index: keep one of them")
        frame = frame.reset_index()
    if frame.columns.has_duplicates:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise DataError(f"bars has two columns {twice!r}: rename or drop one")
    if frame.empty:
        raise DataError("bars has no rows: hand over a frame that has")
    return frame


def _find(frame: pd.DataFrame, ours: str) -> Any:
    """Their column of our name, or None."""
    for alias in ALIASES.get(ours, (ours,)):
        near = [name for name in frame.columns if str(name).lower() == alias]
        if near:
            return alias if alias in near else near[0]
    return None


def _long(frame: pd.DataFrame, stamp: Any, symbol: Any) -> pd.DataFrame:
    theirs = {"timestamp": stamp, "symbol": symbol, **{n: _find(frame, n) for n in BARS}}
    for ours in ("timestamp", "close"):
        if theirs[ours] is None:
            found = ", ".join(map(str, frame.columns))
            raise DataError(f"bars has no column {ours!r}, but {found}: rename yours to it")
    out: dict[str, Any] = {"timestamp": _stamps(frame[stamp]), "symbol": _names(frame[symbol])}
    for ours in BARS:
        if theirs[ours] is not None:
            out[ours] = _numbers(frame[theirs[ours]])
    for name in frame.columns:
        if name not in theirs.values():
            further = _further(frame[name])
            if further is not None:
                out[str(name)] = further
    return pd.DataFrame(out)


def _wide(frame: pd.DataFrame, stamp: Any) -> pd.DataFrame:
    """Closes as dates × symbols; an empty cell is no bar."""
    if stamp is None:
        raise DataError(
            "bars has neither a column 'symbol' nor dates: hand over timestamp, symbol and close "
            "as columns, or closes as dates × symbols with a DatetimeIndex"
        )
    if _find(frame, "close") is not None:
        raise DataError("bars has a column 'close' and none that is called 'symbol': add it")
    columns = frame.columns.drop(stamp)
    if not len(columns):
        raise DataError(f"bars has no column beside {stamp!r}: a wide frame has one a symbol")
    days = _stamps(frame[stamp])
    symbols = _names(columns.to_series())
    close = np.column_stack([_numbers(frame[name]) for name in columns])
    row, column = np.nonzero(~np.isnan(close))
    return pd.DataFrame(
        {"timestamp": days[row], "symbol": symbols[column], "close": close[row, column]}
    )


def _stamps(column: pd.Series) -> pd.DatetimeIndex:
    """Dates in UTC; the date of a midnight in a timezone stays what it is there."""
    wrong = "write dates as 2020-01-31, or as datetime64"
    if pd.api.types.is_numeric_dtype(column):
        raise DataError(f"bars: {column.name!r} holds {column.dtype}, not dates: {wrong}")
    try:
        days = pd.DatetimeIndex(
            column if pd.api.types.is_datetime64_any_dtype(column)
            else pd.to_datetime(column, format="ISO8601")
        )  # fmt: skip
    except (ValueError, TypeError) as error:
        reason = str(error).split("\n")[0]
        raise DataError(f"bars: {column.name!r} is not all dates ({reason}): {wrong}") from error
    if days.hasnans:
        row = int(np.flatnonzero(days.isna())[0])
        raise DataError(f"bars: {column.name!r} has no date in row {row}: drop it, or give it one")
    local = days.tz_localize(None)
    if days.tz is None or (local == local.normalize()).all():
        return local.tz_localize("UTC")
    return days.tz_convert("UTC")


def _names(column: pd.Series) -> pd.Categorical:
    """Symbols as text; null and "" are refused."""
    text = column.astype(object).map(lambda name: "" if pd.isna(name) else str(name))
    empty = np.flatnonzero((text == "").to_numpy())
    if len(empty):
        raise DataError(f"bars: {column.name!r} is empty in row {int(empty[0])}: name the symbol")
    return pd.Categorical(text)


def _numbers(column: pd.Series) -> FloatArray:
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(np.float64, na_value=np.nan, copy=True)
    parsed = pd.to_numeric(column.astype(object), errors="coerce")
    wrong = np.flatnonzero((parsed.isna() & column.notna()).to_numpy())
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"bars: {column.name!r} should hold numbers, and has {str(column.iloc[row])!r} in row "
            f"{row}: mend it"
        )
    return parsed.to_numpy(np.float64, na_value=np.nan)


def _further(column: pd.Series) -> pd.Categorical | FloatArray | None:
    """A further column: numbers, text as labels, or None for dates, lists and nulls."""
    if pd.api.types.is_numeric_dtype(column):
        return _numbers(column)
    if isinstance(column.dtype, pd.CategoricalDtype):
        return pd.Categorical(column.astype(object))
    first = column.first_valid_index()
    known = column.dropna()
    if first is None or not isinstance(known.iloc[0], str):
        return None
    if not known.map(lambda value: isinstance(value, str)).all():
        raise DataError(f"bars: {column.name!r} mixes text with other values: make it one of them")
    return pd.Categorical(column)
