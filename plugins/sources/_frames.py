"""What the file sources share: from a table as someone saved it to bars.

1. Find the file, and say what is wrong when it is not one.
2. Match our column names with theirs; read no other columns, and no other symbols.
3. Turn numbers, dates and symbols into what they should be; refuse what is not.
4. Adjust prices, count volume in units; hand over a long frame.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from engine import BoolArray, ConfigError, DataError, FloatArray, Source, Universe, option
from plugins.sources._dates import stamps
from plugins.sources._paths import existing
from plugins.sources._values import codes, is_label, is_readable, names, numbers
from plugins.sources._volume import multipliers

BARS = ("open", "high", "low", "close", "volume")
ALIASES = {"timestamp": ("timestamp", "date", "datetime"), "symbol": ("symbol", "ticker")}
NEEDED = ("timestamp", "symbol", "close")


@dataclass(frozen=True)
class Files(Source):
    """A source that reads a file; a format says how, in `columns_of`, `symbols_of` and `read`."""

    path: str = option("", "the file, from the directory of the command")
    layout: str = option(
        "long", "a row per bar, or closes as dates × symbols", choices=("long", "wide")
    )
    columns: dict[str, str] = option(  # option copies its default
        {}, "our name: their name, where they differ"
    )
    timezone: str = option("UTC", "of times without one; plain dates stay the dates they are")
    date_format: str | None = option(
        None, "of text, like %d/%m/%Y, or of numbers: excel, s, ms, us, ns; null: 2020-01-31"
    )
    start: str | None = option(
        None, "first day to read, like 2015-01-31; null reads from the first"
    )
    end: str | None = option(None, "last day to read; null reads to the last")
    adjust: str | None = option(
        None, "their column of adjusted closes: prices are scaled to it, volume inversely"
    )
    volume_multiplier: dict[str, float] | None = option(
        None, "shares or units in one of their volume, by symbol, such as {CL=F: 1000}"
    )
    keep: list[str] | None = option(
        None, "further columns, numbers as fields and text as groups; null keeps all"
    )
    groups: list[str] | None = option(
        None, "columns whose numbers are codes of groups, such as [gics]; text is in any case"
    )
    market: dict[str, dict[str, str]] = option(
        {}, "market-wide series, such as {vix: {path: vix.parquet, column: close}}"
    )

    @abstractmethod
    def columns_of(self, path: Path) -> list[str]:
        """Return the names of the file's columns."""

    @abstractmethod
    def symbols_of(self, path: Path, symbol: str) -> list[str]:
        """Return what the column `symbol` holds, each once, sorted."""

    @abstractmethod
    def read(
        self,
        path: Path,
        columns: Sequence[str],
        symbol: str | None,
        symbols: list[str] | None,
        stamp: str | None = None,
    ) -> pd.DataFrame:
        """Return these columns; `symbol` names the column whose text is never a null.

        The index counts the file's rows from 0. Rows of symbols other than `symbols` may be left
        out; with `stamp`, the column of dates, those clearly outside `start` and `end` too.
        """

    def stamp_of(self, found: Sequence[str]) -> str | None:
        """Which of a file's columns holds the dates, as far as its names tell."""
        own = self.columns.get("timestamp")
        if own in found:
            return own
        index = next((name for name in found if name.startswith("__index_level_")), found[0])
        return _find("timestamp", found) or (index if self.layout == "wide" else None)

    def remedy(self, value: str) -> str:
        """What else may help where this text stands in a number column."""
        return ""

    def within(self, column: pd.Series, path: Path, slack: int = 0) -> BoolArray:
        """Whether dates lie from `start` to `end`, both included, and `slack` days around."""
        days = stamps(column, f"{path}: {column.name!r}", self.timezone, self.date_format)
        return self._in_time(days, slack)

    def _in_time(self, days: pd.DatetimeIndex, slack: int = 0) -> BoolArray:
        inside = np.ones(len(days), bool)
        if self.start is not None:
            inside &= np.asarray(days >= _day("start", self.start) - pd.Timedelta(days=slack))
        if self.end is not None:
            inside &= np.asarray(days < _day("end", self.end) + pd.Timedelta(days=slack + 1))
        return inside

    def load(self, universe: Universe) -> pd.DataFrame:
        """Return the file's bars, in the file's order, of the universe's symbols.

        Raises
        ------
        ConfigError
            A key of the configuration does not fit the file.
        DataError
            The file is missing, broken, holds something else than bars, or none of the
            universe's symbols; or what is asked of it does not fit into memory.
        """
        path = existing("source.path", self.path)
        found = self.columns_of(path)
        if self.layout == "wide":
            return self._wide(path, found, universe.symbols)
        theirs = self._matched(path, found)
        wanted = list(dict.fromkeys(theirs.values()))
        stamp = None if self.start is None and self.end is None else theirs["timestamp"]
        frame = self.read(path, wanted, theirs["symbol"], universe.symbols, stamp)
        bars = None if frame.empty else self._bars(path, frame, theirs)
        if bars is None or bars.empty:
            raise DataError(self._nothing(path, theirs["symbol"], universe))
        return bars

    def _nothing(self, path: Path, symbol: str, universe: Universe) -> str:
        """Why a file gave no bar."""
        have = self.symbols_of(path, symbol)
        if not have:
            return f"{path} has columns but no rows: write it again, or name another file"
        want = sorted(universe.symbols or have)
        if not set(want) & set(have):
            return (
                f"universe {universe.name!r} has {len(want)} symbols ({_few(want)}), {path} has "
                f"{len(have)} ({_few(have)}), and none is in both: set universe.symbols"
            )
        span = f"source.start={self.start or 'null'} to source.end={self.end or 'null'}"
        return f"{path} has no bar of the universe from {span}: widen them"

    def series(self, universe: Universe) -> pd.DataFrame | None:
        """Return the market-wide series that `market` names, by date.

        Raises
        ------
        ConfigError, DataError
            As `load`; and where a date comes twice.
        """
        if not self.market:
            return None
        return pd.concat([self._one(name, spec) for name, spec in self.market.items()], axis=1)

    def _one(self, name: str, spec: Mapping[str, str]) -> pd.Series:
        key = f"source.market.{name}"
        if "path" not in spec or set(spec) - {"path", "column"}:
            raise ConfigError(f"{key} needs path and column: {key}={{path: FILE, column: close}}")
        path = existing(f"{key}.path", spec["path"])
        found = self.columns_of(path)
        stamp = _find("timestamp", found)
        column = spec.get("column") or _find("close", found)
        if stamp is None or column not in found:
            what = "a date" if stamp is None else repr(column or "close")
            raise DataError(f"{path} has no column {what}, but {found}: set {key}.column")
        frame = self.read(path, [stamp, column], None, None)
        index = stamps(frame[stamp], f"{path}: {stamp!r}", self.timezone, self.date_format)
        if index.has_duplicates:
            day = index[index.duplicated()][0]
            raise DataError(f"{path} has two rows for {day:%Y-%m-%d}: {key} needs one per date")
        values = numbers(frame[column], f"{path}: {column!r}", self.remedy)
        return pd.Series(values, index=index, name=name)

    def _matched(self, path: Path, found: list[str]) -> dict[str, str]:
        """Our name to theirs, for every column to read."""
        theirs: dict[str, str] = {}
        for ours in dict.fromkeys([*NEEDED, *BARS, *self.columns]):
            if ours in self.columns and self.columns[ours] not in found:
                raise ConfigError(
                    f"source.columns.{ours}={self.columns[ours]} is not a column of {path}: "
                    f"it has {', '.join(found)}"
                )
            name = self.columns.get(ours) or _find(ours, found)
            if name is not None:
                theirs[ours] = name
            elif ours in NEEDED:
                raise DataError(
                    f"{path} has no column {ours!r}, but {', '.join(found)}: "
                    f"say which it is with +source.columns.{ours}=…"
                )
        return {**theirs, **self._further(path, found, set(theirs.values()))}

    def _further(self, path: Path, found: list[str], used: set[str]) -> dict[str, str]:
        lists = (("keep", self.keep), ("groups", self.groups))
        asked = [(key, name) for key, listed in lists for name in listed or []]
        for key, name in [("adjust", self.adjust), *asked]:
            if name is not None and name not in found:
                raise ConfigError(
                    f"source.{key}: {path} has no column {name!r}: it has {', '.join(found)}"
                )
        index = [name for name in found if name.startswith(("__index_level_", "Unnamed:"))]
        wanted = found if self.keep is None else [*self.keep, *(self.groups or [])]
        further = {name: name for name in wanted if name not in used and name not in index}
        return further if self.adjust is None else {**further, self.adjust: self.adjust}

    def _bars(self, path: Path, frame: pd.DataFrame, theirs: Mapping[str, str]) -> pd.DataFrame:
        stamp, symbol = theirs["timestamp"], theirs["symbol"]
        out: dict[str, object] = {
            "timestamp": stamps(
                frame[stamp], f"{path}: {stamp!r}", self.timezone, self.date_format
            ),
            "symbol": names(frame[symbol], f"{path}: {symbol!r}"),
        }
        for ours, name in theirs.items():
            column, what = frame[name], f"{path}: {name!r}"
            if ours in out or (ours not in BARS and not is_readable(column)):
                continue  # dates, lists and columns of nulls are neither fields nor groups
            if ours in BARS and pd.api.types.is_bool_dtype(column):
                column = column.astype(str)  # TRUE is no price of 1
            further = ours not in BARS and name != self.adjust
            if further and name in (self.groups or []):
                out[ours] = codes(column)
            elif further and is_label(column):
                out[ours] = pd.Categorical(column)
            else:
                out[ours] = numbers(column, what, self.remedy)
        if self.adjust is not None:
            out = _adjusted(out, self.adjust)
        if self.volume_multiplier:
            out["volume"] = self._units(path, out, symbol)
        bars = pd.DataFrame(out)
        inside = self._in_time(pd.DatetimeIndex(bars["timestamp"]))
        return bars if inside.all() else bars[inside].reset_index(drop=True)

    def _units(self, path: Path, out: Mapping[str, object], symbol: str) -> FloatArray:
        """The volume in shares or units, shape (R,)."""
        if "volume" not in out:
            raise ConfigError(
                f"source.volume_multiplier: {path} has no column 'volume': take the key out, or "
                "say which it is with +source.columns.volume=…"
            )
        times = multipliers(
            self.volume_multiplier or {},
            pd.Categorical(out["symbol"]),  # type: ignore[call-overload]
            lambda: self.symbols_of(path, symbol),
            str(path),
        )
        return np.asarray(out["volume"], np.float64) * times

    def _wide(self, path: Path, found: list[str], symbols: list[str] | None) -> pd.DataFrame:
        if self.adjust is not None:
            raise ConfigError("source.adjust needs source.layout=long: a wide file has one field")
        if self.volume_multiplier:
            raise ConfigError(
                "source.volume_multiplier needs source.layout=long: a wide file has one field"
            )
        stamp = self.columns.get("timestamp") or self.stamp_of(found)
        if stamp not in found:
            raise ConfigError(f"source.columns.timestamp={stamp} is not a column of {path}")
        every = [name for name in found if name != stamp]
        wanted = sorted(set(every if symbols is None else symbols) & set(every)) or every
        if not wanted:
            raise DataError(f"{path} has no column beside {stamp!r}: a wide file has one a symbol")
        frame = self.read(path, [stamp, *wanted], None, None)
        days = stamps(frame[stamp], f"{path}: {stamp!r}", self.timezone, self.date_format)
        close = np.column_stack(
            [numbers(frame[name], f"{path}: {name!r}", self.remedy) for name in wanted]
        )
        inside = self._in_time(days)[:, None]
        row, column = np.nonzero(~np.isnan(close) & inside)  # an empty cell is no bar
        symbol = pd.Categorical.from_codes(column.tolist(), categories=pd.Index(wanted))
        return pd.DataFrame({"timestamp": days[row], "symbol": symbol, "close": close[row, column]})


def _day(name: str, text: str) -> pd.Timestamp:
    try:
        return pd.Timestamp(text, tz="UTC")
    except ValueError as error:
        raise ConfigError(f"source.{name}={text} is not a date: write 2020-01-31") from error


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (" …" if len(names) > 3 else "")


def _find(ours: str, found: Sequence[str]) -> str | None:
    """Their column of our name, or of one of its aliases; case decides only between two."""
    for alias in ALIASES.get(ours, (ours,)):
        near = [name for name in found if name.lower() == alias]
        if near:
            return alias if alias in near else near[0]
    return None


def _adjusted(out: dict[str, object], adjust: str) -> dict[str, object]:
    """Prices times adjusted close over close, volume divided by it.

    So price × volume stays what was traded in money, which is what liquidity is measured by.
    A close of 0 or null has no ratio: the bar has no close then, and is counted as such.
    """
    close, target = np.asarray(out["close"]), np.asarray(out.pop(adjust))
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
