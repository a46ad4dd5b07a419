"""Bars from a database."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pandas as pd

from engine import ConfigError, DataError, Source, Universe, option
from plugins.sources._frames import Files
from plugins.sources._paths import existing

EXTRA = "pip install 'alpha-engine[sql]'"
ENV = "env:"
DUCKDB = "duckdb://"


@dataclass(frozen=True)
class Sql(Source):
    """Bars that a query returns, from DuckDB or whatever SQLAlchemy speaks to."""

    name: ClassVar[str] = "sql"

    url: str = option(
        "duckdb://", "SQLAlchemy's, or duckdb:///FILE; env:NAME hides a password from the manifest"
    )
    query: str = option("", "a SELECT of timestamp, symbol, close and more")
    columns: dict[str, str] = option({}, "our name: the query's name, where they differ")
    timezone: str = option("UTC", "of times without one; plain dates stay the dates they are")
    date_format: str | None = option(None, "of dates that are text; null expects 2020-01-31")
    adjust: str | None = option(
        None, "column of adjusted closes: prices are scaled to it, volume inversely"
    )
    volume_multiplier: dict[str, float] | None = option(
        None, "shares or units in one of the volume, by symbol, such as {CL=F: 1000}"
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
        found = self._fetch()
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

    def _fetch(self) -> pd.DataFrame:
        url = self.url
        if url.startswith(ENV):
            name = url.removeprefix(ENV)
            if name not in os.environ:
                raise ConfigError(f"source.url={url}: {name} is not set: export {name}=URL")
            url = os.environ[name]
        return self._duckdb(url) if url.startswith(DUCKDB) else self._sqlalchemy(url)

    def _duckdb(self, url: str) -> pd.DataFrame:
        try:
            import duckdb
        except ImportError as error:
            raise ConfigError(f"source=sql on DuckDB needs an extra: {EXTRA}") from error
        file = url.removeprefix(DUCKDB).removeprefix("/")
        path = str(existing("source.url", file)) if file else ":memory:"
        try:
            with duckdb.connect(path, read_only=bool(file)) as connection:
                connection.execute("SET threads = 1")  # sums of floats depend on their number
                connection.execute("SET TimeZone = 'UTC'")
                frame: pd.DataFrame = connection.execute(self.query).df()
                return frame
        except duckdb.Error as error:
            raise _refused(error) from error

    def _sqlalchemy(self, url: str) -> pd.DataFrame:
        try:
            import sqlalchemy
        except ImportError as error:
            raise ConfigError(f"source.url needs SQLAlchemy: {EXTRA}") from error
        try:
            engine = sqlalchemy.create_engine(url)
        except sqlalchemy.exc.ArgumentError as error:  # its message would show the password
            raise ConfigError(
                "source.url is no SQLAlchemy URL: write dialect+driver://user@host/database"
            ) from error
        except ImportError as error:
            raise ConfigError(f"source.url: {error}: pip install the database's driver") from error
        try:
            with engine.connect() as connection:
                plain = connection.execution_options(no_parameters=True)  # % and : are the query's
                result = plain.exec_driver_sql(self.query)
                rows, keys = result.fetchall(), list(result.keys())
                return pd.DataFrame.from_records(rows, columns=keys, coerce_float=True)
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise _refused(getattr(error, "orig", None) or error) from error
        finally:
            engine.dispose()


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
        theirs = self._matched(what, self.columns_of(what))
        wanted = list(dict.fromkeys(theirs.values()))
        return self._bars(what, self.read(what, wanted, theirs["symbol"], None), theirs)


def _refused(error: object) -> DataError:
    reason = " ".join(str(error).split("\nLINE")[0].split())
    return DataError(f"source.query: the database refuses ({reason}): mend source.query or .url")
