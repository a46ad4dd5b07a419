"""What the file sources share: from a table as someone saved it to bars.

1. Find the file, and say what is wrong when it is not one.
2. Match our column names with theirs; read no other columns, and no other symbols.
3. Turn numbers, dates and symbols into what they should be; refuse what is not.
4. Adjust prices; hand over a long frame.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from engine import ConfigError, DataError, FloatArray, Source, Universe, option
from plugins.sources._paths import existing
from plugins.sources._values import is_label, is_readable, names, numbers, stamps

BARS = ("open", "high", "low", "close", "volume")
ALIASES = {"timestamp": ("timestamp", "date", "datetime"), "symbol": ("symbol", "ticker")}
NEEDED = ("timestamp", "symbol", "close")


@dataclass(frozen=True)
class Files(Source):
    """A source that reads a file; a format says how, in `columns_of` and `read`."""

    hint: ClassVar[str] = ""  # what else may help where text stands in a number column

    path: str = option("", "the file, from the directory of the command")
    layout: str = option(
        "long", "a row per bar, or closes as dates × symbols", choices=("long", "wide")
    )
    columns: dict[str, str] = option(  # option copies its default
        {}, "our name: their name, where they differ"
    )
    timezone: str = option("UTC", "of times without one; plain dates stay the dates they are")
    date_format: str | None = option(None, "of dates that are text; null expects 2020-01-31")
    adjust: str | None = option(
        None, "their column of adjusted closes: prices are scaled to it, volume inversely"
    )
    keep: list[str] | None = option(
        None, "further columns, numbers as fields and text as groups; null keeps all"
    )
    market: dict[str, dict[str, str]] = option(
        {}, "market-wide series, such as {vix: {path: vix.parquet, column: close}}"
    )

    @abstractmethod
    def columns_of(self, path: Path) -> list[str]:
        """Return the names of the file's columns."""

    @abstractmethod
    def read(
        self, path: Path, columns: Sequence[str], symbol: str | None, symbols: list[str] | None
    ) -> pd.DataFrame:
        """Return these columns; `symbol` names the column whose text is never a null.

        Rows of symbols other than `symbols` may be left out.
        """

    def load(self, universe: Universe) -> pd.DataFrame:
        """Return the file's bars, in the file's order, of the universe's symbols.

        A file that has none of them is handed over whole: the engine then says what it has.

        Raises
        ------
        ConfigError
            A key of the configuration does not fit the file.
        DataError
            The file is missing, broken, or holds something else than bars.
        """
        path = existing("source.path", self.path)
        found = self.columns_of(path)
        if self.layout == "wide":
            return self._wide(path, found, universe.symbols)
        theirs = self._matched(path, found)
        wanted = list(dict.fromkeys(theirs.values()))
        frame = self.read(path, wanted, theirs["symbol"], universe.symbols)
        if frame.empty and universe.symbols is not None:
            frame = self.read(path, wanted, theirs["symbol"], None)
        if frame.empty:
            raise DataError(f"{path} has columns but no rows: write it again, or name another file")
        return self._bars(path, frame, theirs)

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
        values = numbers(frame[column], f"{path}: {column!r}", self.hint)
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
        for key, name in [("adjust", self.adjust), *(("keep", name) for name in self.keep or [])]:
            if name is not None and name not in found:
                raise ConfigError(
                    f"source.{key}: {path} has no column {name!r}: it has {', '.join(found)}"
                )
        index = [name for name in found if name.startswith(("__index_level_", "Unnamed:"))]
        wanted = found if self.keep is None else self.keep
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
            label = ours not in BARS and name != self.adjust and is_label(column)
            out[ours] = pd.Categorical(column) if label else numbers(column, what, self.hint)
        if self.adjust is not None:
            out = _adjusted(out, self.adjust)
        return pd.DataFrame(out)

    def _wide(self, path: Path, found: list[str], symbols: list[str] | None) -> pd.DataFrame:
        if self.adjust is not None:
            raise ConfigError("source.adjust needs source.layout=long: a wide file has one field")
        stamp = self.columns.get("timestamp") or _find("timestamp", found)
        stamp = stamp or next((n for n in found if n.startswith("__index_level_")), found[0])
        if stamp not in found:
            raise ConfigError(f"source.columns.timestamp={stamp} is not a column of {path}")
        every = [name for name in found if name != stamp]
        wanted = sorted(set(every if symbols is None else symbols) & set(every)) or every
        if not wanted:
            raise DataError(f"{path} has no column beside {stamp!r}: a wide file has one a symbol")
        frame = self.read(path, [stamp, *wanted], None, None)
        days = stamps(frame[stamp], f"{path}: {stamp!r}", self.timezone, self.date_format)
        close = np.column_stack(
            [numbers(frame[name], f"{path}: {name!r}", self.hint) for name in wanted]
        )
        row, column = np.nonzero(~np.isnan(close))  # an empty cell is no bar
        symbol = pd.Categorical.from_codes(column.tolist(), categories=pd.Index(wanted))
        return pd.DataFrame({"timestamp": days[row], "symbol": symbol, "close": close[row, column]})


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
