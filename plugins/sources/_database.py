"""What one SELECT returns: it changes nothing, and reads no file that it may not.

Three doors, each with what it has: DuckDB parses the query and is told which folder it may read;
SQLite asks of each step whether it may be taken; a server gets one statement in a transaction
that may only read.
"""

from __future__ import annotations

import logging
import re
import sqlite3
import warnings
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from engine import ConfigError, DataError
from engine.plugins.sources._paths import existing

EXTRA = "pip install 'alpha-engine[sql]'"
FILES = ("duckdb", "sqlite")  # databases that are a file, or none
MEMORY = ":memory:"
ONE = "source.query: write one SELECT"
CLOSED: dict[str, str | bool | int | float | list[str]] = {  # what DuckDB would else do by itself
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    "python_enable_replacements": False,  # a table's name is no variable of ours
    "threads": 1,  # sums of floats depend on their number
}
READS = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}
READ_ONLY = {"postgresql", "cockroachdb", "mysql", "mariadb", "oracle"}  # SET TRANSACTION READ ONLY
FIRST = re.compile(r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*(?:select|with|values|table)\b", re.I | re.S)
INTO = re.compile(r"\binto\b", re.I)  # a table, or a file of the server's
log = logging.getLogger(__name__)


def fetch(url: str, query: str, root: str) -> pd.DataFrame:
    """Return the rows of one SELECT.

    Parameters
    ----------
    url : str
        ``duckdb:///FILE``, ``sqlite:///FILE``, either without a file, or SQLAlchemy's.
    query : str
    root : str
        The folder below which a query may read files.

    Raises
    ------
    ConfigError
        The query is no single SELECT; the URL, the root or a package is not there.
    DataError
        There is no such file, or the database refuses.
    """
    kind, _, rest = url.partition("://")
    backend, _, driver = kind.partition("+")
    if backend not in FILES:
        return _from_server(url, query)
    if driver not in ("", "pysqlite") or "?" in rest:
        raise ConfigError(
            f"source.url: write {backend}:///FILE, without driver or options: it is opened for "
            "reading only"
        )
    name = rest.removeprefix("/")
    file = None if name in ("", MEMORY) else existing("source.url", name)
    return _from_duckdb(file, query, root) if backend == "duckdb" else _from_sqlite(file, query)


def _from_duckdb(file: Path | None, query: str, root: str) -> pd.DataFrame:
    try:
        import duckdb
    except ImportError as error:
        raise ConfigError(f"source=sql on DuckDB needs an extra: {EXTRA}") from error
    folder = Path(root).expanduser().resolve()  # DuckDB looks where links lead
    if not folder.is_dir():
        raise ConfigError(f"source.root={root}: there is no folder {folder}; name one")
    path = str(file or MEMORY)
    try:
        with duckdb.connect(path, read_only=file is not None, config=CLOSED) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            below = str(folder).replace("'", "''")
            connection.execute(f"SET allowed_directories = ['{below}']")
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            statements = connection.extract_statements(query)
            kinds = [statement.type.name for statement in statements]
            if kinds != ["SELECT"]:
                raise ConfigError(f"{ONE}, not {' and '.join(kinds) or 'nothing'}")
            with warnings.catch_warnings(action="ignore"):  # of its way to speak to pandas
                frame: pd.DataFrame = connection.execute(statements[0]).df()
            return frame
    except duckdb.PermissionException as error:
        raise DataError(
            f"{describe_refusal(error)}: a query reads files only below source.root={root}"
        ) from error
    except duckdb.Error as error:
        raise describe_refusal(error) from error


def _from_sqlite(file: Path | None, query: str) -> pd.DataFrame:
    name = MEMORY if file is None else f"file:{quote(str(file))}?mode=ro"
    try:
        with closing(sqlite3.connect(name, uri=True)) as connection:
            connection.set_authorizer(_reads)
            cursor = connection.execute(query)
            return _frame(cursor.fetchall(), [column[0] for column in cursor.description or ()])
    except sqlite3.ProgrammingError as error:  # "You can only execute one statement at a time."
        raise ConfigError(f"{ONE}, not several statements") from error
    except sqlite3.DatabaseError as error:
        if "authori" in str(error):  # not authorized, authorization denied
            raise ConfigError(f"{ONE}: SQLite's answer is {error}") from error
        raise describe_refusal(error) from error


def _reads(action: int, *_: str | None) -> int:
    return sqlite3.SQLITE_OK if action in READS else sqlite3.SQLITE_DENY


def _from_server(url: str, query: str) -> pd.DataFrame:
    try:
        import sqlalchemy
    except ImportError as error:
        raise ConfigError(f"source.url needs SQLAlchemy: {EXTRA}") from error
    one = _single(query)
    try:
        engine = sqlalchemy.create_engine(url)
    except sqlalchemy.exc.ArgumentError as error:  # its message would show the password
        raise ConfigError(
            "source.url is no SQLAlchemy URL: write dialect+driver://user@host/database"
        ) from error
    except ImportError as error:
        raise ConfigError(f"source.url: {error}: pip install the database's driver") from error
    dialect = engine.dialect.name
    if dialect not in READ_ONLY:
        log.warning(
            "source.url: %s has no transaction that only reads: use a login that may only read",
            dialect,
        )
    try:
        with engine.connect() as connection:
            plain = connection.execution_options(no_parameters=True)  # % and : are the query's
            if dialect in READ_ONLY:
                plain.exec_driver_sql("SET TRANSACTION READ ONLY")
            result = plain.exec_driver_sql(one)
            return _frame(result.fetchall(), list(result.keys()))
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise describe_refusal(getattr(error, "orig", None) or error) from error
    finally:
        engine.dispose()


def _single(query: str) -> str:
    """The query without its last semicolon, refused where it could be more than one SELECT.

    Each server has quotes of its own, so a semicolon inside a text is refused as well.
    """
    one = query.strip().removesuffix(";")
    if not FIRST.match(one):
        raise ConfigError(f"{ONE}, not {one.split()[0]!r}")
    if ";" in one:
        raise ConfigError(f"{ONE}, without a semicolon (in a text neither)")
    if INTO.search(one):
        raise ConfigError(f"{ONE}, without INTO: it may only read")
    return one


def _frame(rows: Sequence[Any], names: list[str]) -> pd.DataFrame:
    return pd.DataFrame.from_records(rows, columns=names, coerce_float=True)


def describe_refusal(error: object) -> DataError:
    """What the database said, as one line."""
    reason = " ".join(str(error).split("\nLINE")[0].split())
    return DataError(f"source.query: the database refuses ({reason}): mend source.query or .url")
