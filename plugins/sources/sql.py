"""Bars from a database."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pandas as pd

from engine import ConfigError, DataError, Source, Universe, option
from engine.plugins.sources._database import fetch
from engine.plugins.sources._frames import Files

ENV = "env:"


@dataclass(frozen=True)
class Sql(Source):
    """Bars that one SELECT returns, from DuckDB, SQLite or a server that SQLAlchemy speaks to.

    It connects for reading only: what else a query asks for is refused, and no file or
    extension is written or loaded.
    """

    name: ClassVar[str] = "sql"

    url: str = option(
        "duckdb://",
        "duckdb:// is DuckDB in memory, which reads files; or duckdb:///FILE, sqlite:///FILE, "
        "SQLAlchemy's; env:NAME takes it from a variable, which hides a password",
    )
    query: str = option(
        "", "one SELECT of timestamp (or date), symbol, close and more; all else is refused"
    )
    root: str = option(".", "folder below which a query may read files, such as /data")
    columns: dict[str, str] = option({}, "our name: the query's name, where they differ")
    timezone: str = option("UTC", "of times without one; plain dates stay the dates they are")
    date_format: str | None = option(
        None, "of dates that are text, such as %d/%m/%Y; null expects 2020-01-31"
    )
    adjust: str | None = option(
        None,
        "column of adjusted closes, such as adj_close: prices are scaled to it, volume inversely; "
        "null adjusts nothing",
    )
    volume_multiplier: dict[str, float] | None = option(
        None,
        'shares or units in one of the volume, by symbol, such as {"CL=F": 1000} for barrels; '
        "null is 1; at the prompt: 'source.volume_multiplier={CL\\=F: 1000}'",
    )

    def load(self, universe: Universe) -> pd.DataFrame:
        """Return the query's bars, sorted: a database promises no order.

        Raises
        ------
        ConfigError
            No query; a column, the URL or the extra that it needs is not there.
        DataError
            The database refuses, or the result is empty or something else than bars.
        """
        if not self.query.strip():
            raise ConfigError(
                "source.query is not set: type "
                "\"source.query='select date, symbol, close from bars'\""
            )
        found = fetch(self._address(), self.query, self.root)
        twice = found.columns[found.columns.duplicated()]
        if len(twice):
            raise DataError(f"source.query has two columns {twice[0]!r}: name one of them with AS")
        if found.empty:
            raise DataError("source.query returned no rows: loosen its WHERE, or check the table")
        form = _Result(
            columns=self.columns,
            timezone=self.timezone,
            date_format=self.date_format,
            adjust=self.adjust,
            volume_multiplier=self.volume_multiplier,
            frame=found,
        )
        bars = form.bars()
        return bars.sort_values(list(bars.columns), ignore_index=True)

    def _address(self) -> str:
        """The URL, from the environment where it is named there."""
        if not self.url.startswith(ENV):
            return self.url
        name = self.url.removeprefix(ENV)
        if name not in os.environ:
            raise ConfigError(f"source.url={self.url}: {name} is not set: export {name}=URL")
        return os.environ[name]


@dataclass(frozen=True)
class _Result(Files):
    """A query's result, read with the rules of the file sources."""

    name: ClassVar[str] = "result"
    frame: pd.DataFrame = field(default_factory=pd.DataFrame)

    def columns_of(self, path: Path) -> list[str]:
        return [str(name) for name in self.frame.columns]

    def symbols_of(self, path: Path, symbol: str) -> list[str]:
        return sorted(self.frame[symbol].astype(str).unique())

    def read(
        self,
        path: Path,
        columns: Sequence[str],
        symbol: str | None,
        symbols: list[str] | None,
        stamp: str | None = None,
    ) -> pd.DataFrame:
        return self.frame[list(columns)]

    def bars(self) -> pd.DataFrame:
        what = Path("source.query")  # where the messages of a file source name its path
        theirs = self._match(what, self.columns_of(what))
        wanted = list(dict.fromkeys(theirs.values()))
        return self._bars(what, self.read(what, wanted, theirs["symbol"], None), theirs)
