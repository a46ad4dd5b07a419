"""What all doors share: from a table as someone saved it to bars.

1. Match our column names with theirs; read no other columns, and no other symbols.
2. Turn numbers, dates and symbols into what they should be; refuse what is not.
3. Adjust prices, count volume in units; hand over a long frame.

A door is a source: files, a query's result, a frame handed over in Python. It says how its table
is read, in `columns_of`, `symbols_of` and `read`; all that the cells mean is decided here.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from engine.core.errors import ConfigError, DataError, EngineError
from engine.core.kinds import Source
from engine.core.panel import BoolArray, FloatArray
from engine.core.universe import Universe
from engine.reading.columns import BARS, NEEDED, cells, find, grid, index_like, pairs, strip
from engine.reading.dates import stamps
from engine.reading.demands import explain_lacking, needs
from engine.reading.options import Reading
from engine.reading.spelling import near
from engine.reading.values import (
    codes,
    is_label,
    is_readable,
    name_symbol,
    names,
    numbers,
    to_categorical,
)
from engine.reading.volume import multipliers


@dataclass(frozen=True)
class Reader(Reading, Source):
    """A source that reads a table; `table` below is whatever a door calls one, such as a path.

    ``str(table)`` names it in messages.
    """

    @abstractmethod
    def columns_of(self, table: Any) -> list[str]:
        """Return the names of the table's columns."""

    @abstractmethod
    def symbols_of(self, table: Any, symbol: str) -> list[str]:
        """Return the symbols in the column `symbol`, each once, sorted."""

    @abstractmethod
    def read(
        self,
        table: Any,
        columns: Sequence[str],
        symbol: str | None,
        symbols: list[str] | None,
        stamp: str | None = None,
    ) -> pd.DataFrame:
        """Return these columns; `symbol` names the column whose text is never a null.

        The index counts the table's rows from 0. Rows of symbols other than `symbols` may be left
        out; with `stamp`, the column of dates, those clearly outside `start` and `end` too.
        """

    def head(self, table: Any) -> pd.DataFrame:
        """Return the first rows, all columns, as they stand; none where a door has no need."""
        return pd.DataFrame()

    def remedy(self, value: str) -> str:
        """What else may help where this text stands in a number column."""
        return ""

    def written(self, number: str) -> str:
        """Return a number, as the table writes it, with a decimal point and no other sign."""
        return number

    def asks(self, table: Any) -> list[str]:
        """Return options that the table needs before its columns can be told apart."""
        return []

    def stamp_of(self, found: Sequence[str]) -> str | None:
        """Which of a table's columns holds the dates, as far as its names tell."""
        own = self.columns.get("timestamp")
        if own in found:
            return own
        index = next((name for name in found if name.startswith("__index_level_")), found[0])
        wide = self.layout == "wide" or pairs(found)
        return find("timestamp", found) or (index if wide else None)

    def within(self, column: pd.Series, table: Any, slack: int = 0) -> BoolArray:
        """Whether dates lie from `start` to `end`, both included, and `slack` days around."""
        return self._in_time(self._stamps(table, column), slack)

    def bars_of(self, table: Any, universe: Universe, name: str | None = None) -> pd.DataFrame:
        """Return a table's bars, in its order, of the universe's symbols; empty without any.

        Parameters
        ----------
        table : object
            What `read` reads.
        universe : Universe
            Whose symbols.
        name : str, optional
            The symbol of a table that has no column for it, such as its file's name.

        Raises
        ------
        ConfigError, DataError
            The table cannot be read as it is; where more than one option would mend it, the
            message ends with all of them.
        """
        try:
            return self._read_bars(table, universe, self.symbol or name)
        except (ConfigError, DataError) as error:
            raise self._with_needs(error, table, name) from error

    def _with_needs(self, error: EngineError, table: Any, name: str | None) -> EngineError:
        try:
            head = self.head(table)
            asked = [*self.asks(table), *needs(head, self, name)] if len(head.columns) else []
        except (EngineError, ValueError, OSError):  # it cannot be read at all: the error says so
            return error
        said = str(error)
        if all(word.strip("'\"").split("=")[0] in said for word in asked):
            return error
        return type(error)(f"{error}; in all it needs {' '.join(dict.fromkeys(asked))}")

    def _read_bars(self, table: Any, universe: Universe, name: str | None) -> pd.DataFrame:
        found = self.columns_of(table)
        if self.layout == "wide" or pairs(found):
            return self._grid(table, found, universe.symbols)
        theirs = self._match(table, found, name)
        symbol = theirs.get("symbol")
        if symbol is None and universe.symbols is not None and name not in universe.symbols:
            return pd.DataFrame()
        wanted = list(dict.fromkeys(theirs.values()))
        stamp = None if self.start is None and self.end is None else theirs["timestamp"]
        symbols = None if symbol is None else universe.symbols
        frame = self.read(table, wanted, symbol, symbols, stamp)
        return frame if frame.empty else self._bars(table, frame, theirs, name)

    def nothing(self, table: Any, universe: Universe, have: Sequence[str]) -> str:
        """Why a table with these symbols gave no bar."""
        if not have:
            return f"{table} has columns but no rows: write it again, or name another file"
        want = sorted(universe.symbols or have)
        if not set(want) & set(have):
            return (
                f"universe {universe.name!r} has {len(want)} symbols ({_few(want)}), {table} has "
                f"{len(have)} ({_few(have)}), and none is in both: set universe.symbols"
                f"{near(want, have)}"
            )
        span = f"source.start={self.start or 'null'} to source.end={self.end or 'null'}"
        return f"{table} has no bar of the universe from {span}: widen them"

    def symbols_in(self, table: Any, name: str | None = None) -> list[str]:
        """Return the table's symbols, wherever it names them; `name` is that of its file."""
        found = self.columns_of(table)
        if self.layout == "wide" or pairs(found):
            return sorted(self._cells(table, found, self._grid_stamp(table, found)))
        symbol = self._match(table, found, self.symbol or name).get("symbol")
        if symbol is not None:
            return self.symbols_of(table, symbol)
        return [str(self.symbol or name)] if len(self.head(table)) else []

    def _stamps(self, table: Any, column: pd.Series) -> pd.DatetimeIndex:
        days = stamps(column, f"{table}: {column.name!r}", self.timezone, self.date_format)
        if not self.daily or (days == days.normalize()).all():
            return days
        return days.tz_convert(self.timezone).normalize().tz_localize(None).tz_localize("UTC")

    def _in_time(self, days: pd.DatetimeIndex, slack: int = 0) -> BoolArray:
        inside = np.ones(len(days), bool)
        if self.start is not None:
            inside &= np.asarray(days >= _day("start", self.start) - pd.Timedelta(days=slack))
        if self.end is not None:
            inside &= np.asarray(days < _day("end", self.end) + pd.Timedelta(days=slack + 1))
        return inside

    def _match(self, table: Any, found: list[str], name: str | None = None) -> dict[str, str]:
        """Our name to theirs, for every column to read; no symbol where `name` is it."""
        theirs: dict[str, str] = {}
        missing = []
        for ours in dict.fromkeys([*NEEDED, *BARS, *self.columns]):
            if ours in self.columns and self.columns[ours] not in found:
                raise ConfigError(
                    f"source.columns.{ours}={self.columns[ours]} is not a column of {table}: "
                    f"it has {', '.join(found)}"
                )
            their = self.columns.get(ours) or find(ours, found)
            if their is not None:
                theirs[ours] = their
            elif ours in NEEDED and not (ours == "symbol" and name is not None):
                missing.append(ours)
        if missing:
            raise DataError(explain_lacking(str(table), found, missing, self.stamp_of(found)))
        if self.symbol is not None and "symbol" in theirs:
            raise ConfigError(
                f"source.symbol={self.symbol}: {table} names its symbols in "
                f"{theirs['symbol']!r}: set source.symbol=null, or universe.symbols"
            )
        return {**theirs, **self._further(table, found, set(theirs.values()))}

    def _further(self, table: Any, found: list[str], used: set[str]) -> dict[str, str]:
        lists = (("keep", self.keep), ("groups", self.groups))
        asked = [(key, name) for key, listed in lists for name in listed or []]
        for key, name in [("adjust", self.adjust), *asked]:
            if name is not None and name not in found:
                raise ConfigError(
                    f"source.{key}: {table} has no column {name!r}: it has {', '.join(found)}"
                )
        wanted = found if self.keep is None else [*self.keep, *(self.groups or [])]
        further = [name for name in wanted if name not in used and not index_like(name)]
        adjust = [] if self.adjust is None else [self.adjust]
        return {name if name in adjust else strip(name): name for name in [*further, *adjust]}

    def _bars(
        self, table: Any, frame: pd.DataFrame, theirs: Mapping[str, str], name: str | None = None
    ) -> pd.DataFrame:
        symbol = theirs.get("symbol")
        out: dict[str, object] = {"timestamp": self._stamps(table, frame[theirs["timestamp"]])}
        out["symbol"] = (
            to_categorical(np.zeros(len(frame), np.intp), [str(name)])
            if symbol is None
            else names(frame[symbol], f"{table}: {symbol!r}")
        )
        for ours, their in theirs.items():
            column = frame[their]
            if ours in out or (ours not in BARS and not is_readable(column)):
                continue  # dates, lists and columns of nulls are neither fields nor groups
            if ours in BARS and pd.api.types.is_bool_dtype(column):
                column = column.astype(str)  # TRUE is no price of 1
            further = ours not in BARS and their != self.adjust
            if further and their in (self.groups or []):
                out[ours] = codes(column)
            elif further and is_label(column):
                out[ours] = pd.Categorical(column)
            else:
                out[ours] = self._numbers(table, column)
        return self._finish(table, out, symbol)

    def _numbers(self, table: Any, column: pd.Series) -> FloatArray:
        return numbers(column, f"{table}: {column.name!r}", self.remedy, self.written)

    def _finish(self, table: Any, out: dict[str, object], symbol: str | None) -> pd.DataFrame:
        """The columns as bars: adjusted, in units, and from `start` to `end`."""
        if self.adjust is not None:
            out = _adjust(out, self.adjust)
        if self.volume_multiplier:
            out["volume"] = self._units(table, out, symbol)
        bars = pd.DataFrame(out)
        inside = self._in_time(pd.DatetimeIndex(bars["timestamp"]))
        return bars if inside.all() else bars[inside].reset_index(drop=True)

    def _units(self, table: Any, out: Mapping[str, object], symbol: str | None) -> FloatArray:
        """The volume in shares or units, shape (R,)."""
        if "volume" not in out:
            raise ConfigError(
                f"source.volume_multiplier: {table} has no column 'volume': take the key out, or "
                "say which it is with +source.columns.volume=…"
            )
        own = pd.Categorical(out["symbol"])  # type: ignore[call-overload]
        times = multipliers(
            self.volume_multiplier or {},
            own,
            lambda: own.categories if symbol is None else self.symbols_of(table, symbol),
            str(table),
        )
        return np.asarray(out["volume"], np.float64) * times

    def _grid_stamp(self, table: Any, found: list[str]) -> str:
        stamp = self.columns.get("timestamp") or self.stamp_of(found)
        if stamp is None or stamp not in found:
            raise ConfigError(f"source.columns.timestamp={stamp} is not a column of {table}")
        return stamp

    def _cells(self, table: Any, found: list[str], stamp: str) -> dict[str, dict[str, str]]:
        """The column of each symbol and field of a table of dates × symbols."""
        rest = [name for name in found if name != stamp]
        if pairs(rest):
            return cells(rest, str(table))
        if self.adjust is not None or self.volume_multiplier:
            key = "adjust" if self.adjust is not None else "volume_multiplier"
            raise ConfigError(f"source.{key} needs source.layout=long: a wide file has one field")
        laid: dict[str, dict[str, str]] = {}
        for name in rest:
            if name_symbol(name) in laid:
                one = laid[name_symbol(name)]["close"]
                raise DataError(f"{table}: {one!r} and {name!r} are one symbol: rename one")
            laid[name_symbol(name)] = {"close": name}
        if not laid:
            raise DataError(f"{table} has no column beside {stamp!r}: a wide file has one a symbol")
        return laid

    def _grid(self, table: Any, found: list[str], symbols: list[str] | None) -> pd.DataFrame:
        """The bars of a table of dates × symbols, with one field or, by two levels, several."""
        stamp = self._grid_stamp(table, found)
        laid = self._cells(table, found, stamp)
        chosen = sorted(set(laid if symbols is None else symbols) & set(laid))
        if not chosen:
            return pd.DataFrame()
        each = list(dict.fromkeys(field for name in chosen for field in laid[name]))
        ours = self._fields(table, each)
        wanted = [their for name in chosen for their in laid[name].values()]
        frame = self.read(table, [stamp, *wanted], None, None)
        days, out = self._stamps(table, frame[stamp]), {}
        for field, our in ours.items():
            block = np.full((len(days), len(chosen)), np.nan)
            for i, name in enumerate(chosen):
                if field in laid[name]:
                    block[:, i] = self._numbers(table, frame[laid[name][field]])
            out[our] = block
        return self._finish(table, grid(days, chosen, out), None)

    def _fields(self, table: Any, each: list[str]) -> dict[str, str]:
        """Their field to ours, of those that are kept."""
        ours = {find(name, each): name for name in BARS}
        if find("close", each) is None and "close" not in self.columns:
            raise DataError(explain_lacking(str(table), each, ["close"], None))
        ours |= {their: our for our, their in self.columns.items() if their in each}
        if self.adjust is not None and self.adjust not in each:
            have = ", ".join(each)
            raise ConfigError(
                f"source.adjust: {table} has no column {self.adjust!r}: it has {have}"
            )
        kept = [n for n in each if n in ours or n == self.adjust or n in (self.keep or each)]
        return {name: ours.get(name, name) for name in kept}


def _day(name: str, text: str) -> pd.Timestamp:
    try:
        return pd.Timestamp(text, tz="UTC")
    except ValueError as error:
        raise ConfigError(f"source.{name}={text} is not a date: write 2020-01-31") from error


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (" …" if len(names) > 3 else "")


def _adjust(out: dict[str, object], adjust: str) -> dict[str, object]:
    """Prices times adjusted close over close, volume divided by it.

    So price × volume stays what was traded in money, which is what liquidity is measured by.
    A close of 0 or null has no ratio: the bar has no close then, and is counted as such. The
    close as it was is kept as ``raw_close``: figures per share belong beside it.
    """
    close, target = np.asarray(out["close"]), np.asarray(out.pop(adjust))
    out.setdefault("raw_close", close)
    ratio: FloatArray = np.full(len(close), np.nan)
    np.divide(target, close, out=ratio, where=close != 0)
    for name in BARS:
        if name in out:
            value = np.asarray(out[name])
            out[name] = (
                value * ratio
                if name != "volume"
                else np.divide(value, ratio, out=np.full(len(close), np.nan), where=ratio > 0)
            )
    return out
