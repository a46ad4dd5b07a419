"""What the file sources share: one file, or a folder or pattern of files by symbol."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd

from engine import ConfigError, DataError, Universe, option, reading
from engine.plugins.sources._paths import existing, files, is_many, stem

KIND = pd.CategoricalDtype


@dataclass(frozen=True)
class Files(reading.Reader):
    """A source that reads files; a format says how, in `columns_of`, `symbols_of` and `read`."""

    suffixes: ClassVar[tuple[str, ...]] = ()  # of this format, in a folder

    path: str = option(
        "",
        "the file, from the directory of the command; or a folder or pattern of files, one a "
        "symbol, such as 'daily/*.csv'",
        file=True,
    )
    market: dict[str, dict[str, str]] = option(
        {}, "market-wide series, such as {vix: {path: vix.parquet, column: close}}", file=True
    )

    @abstractmethod
    def columns_of(self, table: Path) -> list[str]:
        """Return the names of the file's columns."""

    @abstractmethod
    def symbols_of(self, table: Path, symbol: str) -> list[str]:
        """Return the symbols in the column `symbol`, each once, sorted."""

    @abstractmethod
    def read(
        self,
        table: Path,
        columns: Sequence[str],
        symbol: str | None,
        symbols: list[str] | None,
        stamp: str | None = None,
    ) -> pd.DataFrame:
        """Return these columns of the chosen rows."""

    def load(self, universe: Universe) -> pd.DataFrame:
        """Return the bars of the universe's symbols, in the order of the file, or of the files.

        In a folder, a file that names no symbol holds those of the symbol that it is called by.

        Raises
        ------
        ConfigError
            A key of the configuration does not fit the file.
        DataError
            A file is missing, broken, holds something else than bars, or none of the
            universe's symbols; or what is asked of it does not fit into memory.
        """
        every = files("source.path", self.path, self.suffixes)
        named = {path: stem(path) if is_many(self.path) else None for path in every}
        parts = [self.bars_of(path, universe, name) for path, name in named.items()]
        parts = [part for part in parts if not part.empty]
        if not parts:
            have = {s for path, name in named.items() for s in self.symbols_in(path, name)}
            where = self.path if is_many(self.path) else every[0]
            raise DataError(self.nothing(where, universe, sorted(have)))
        return parts[0] if len(parts) == 1 else _together(parts)

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
        stamp = reading.find("timestamp", found)
        column = spec.get("column") or reading.find("close", found)
        if stamp is None or column not in found:
            what = "a date" if stamp is None else repr(column or "close")
            raise DataError(f"{path} has no column {what}, but {found}: set {key}.column")
        frame = self.read(path, [stamp, column], None, None)
        index = reading.stamps(frame[stamp], f"{path}: {stamp!r}", self.timezone, self.date_format)
        if index.has_duplicates:
            day = index[index.duplicated()][0]
            raise DataError(f"{path} has two rows for {day:%Y-%m-%d}: {key} needs one per date")
        values = reading.numbers(frame[column], f"{path}: {column!r}", self.remedy, self.written)
        return pd.Series(values, index=index, name=name)


def _together(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Bars of several files as one frame; labels of text that the files spell alike are one."""
    text: set[str] = {
        str(name) for part in parts for name in part if isinstance(part[name].dtype, KIND)
    }
    loose = [part.astype(dict.fromkeys(text & {*part}, object)) for part in parts]
    bars = pd.concat(loose, ignore_index=True)
    return bars.assign(**{name: pd.Categorical(bars[name]) for name in sorted(text)})
