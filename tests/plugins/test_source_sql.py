"""source=sql: bars that a query returns, on DuckDB, SQLite and PostgreSQL."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine import ConfigError, DataError, Universe
from engine.bars import build
from plugins.sources.sql import Sql

ALL = Universe()
TABLE = """
create table bars (date date, symbol varchar(8), close numeric(12, 4), volume bigint, sector text);
insert into bars values ('2020-01-03', 'B', 20.5, 200, 'Tech'), ('2020-01-02', 'A', 10, 100, null),
  ('2020-01-02', 'B', 20, null, 'Tech'), ('2020-01-03', 'A', 11, 110, null);
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    duckdb = pytest.importorskip("duckdb", reason="the extra sql is not installed")
    path = tmp_path / "market.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(TABLE)
    return path


def expect_the_table(frame: pd.DataFrame) -> None:
    panel, findings = build(frame, ALL)
    assert not sum(findings.counts.values())
    assert list(panel.dates.strftime("%Y-%m-%d")) == ["2020-01-02", "2020-01-03"]
    np.testing.assert_array_equal(panel["close"], [[10, 20], [11, 20.5]])
    np.testing.assert_array_equal(panel["volume"], [[100, np.nan], [110, 200]])
    assert panel.groups["sector"] == ("", "Tech")


def test_a_duckdb_file(file: Path) -> None:
    expect_the_table(Sql(url=f"duckdb:///{file}", query="select * from bars").load(ALL))


def test_a_multiplier_counts_volume_in_units(file: Path) -> None:
    source = Sql(url=f"duckdb:///{file}", query="select * from bars", volume_multiplier={"A": 50.0})
    panel, _ = build(source.load(ALL), ALL)
    np.testing.assert_array_equal(panel["volume"], [[5000, np.nan], [5500, 200]])
    wrong = replace(source, volume_multiplier={"C": 50.0})
    with pytest.raises(ConfigError, match=r"volume_multiplier\.C: source\.query has no such"):
        wrong.load(ALL)


def test_a_file_is_opened_for_reading_only(file: Path) -> None:
    with pytest.raises(DataError, match="read-only"):
        Sql(url=f"duckdb:///{file}", query="delete from bars").load(ALL)


def test_duckdb_in_memory_reads_files(tmp_path: Path) -> None:
    pytest.importorskip("duckdb", reason="the extra sql is not installed")
    path = tmp_path / "bars.parquet"
    pd.DataFrame({"d": ["2020-01-02"], "symbol": ["A"], "px": [3.0], "adj": [1.5]}).to_parquet(path)
    columns = {"timestamp": "d", "close": "px"}
    query = f"select * from read_parquet('{path}')"
    frame = Sql(query=query, columns=columns, adjust="adj").load(ALL)
    assert frame["close"].tolist() == [1.5]
    assert frame["timestamp"].tolist() == [pd.Timestamp("2020-01-02", tz="UTC")]


def test_the_order_of_the_database_does_not_matter(file: Path) -> None:
    url = f"duckdb:///{file}"
    one = Sql(url=url, query="select * from bars order by date, symbol").load(ALL)
    two = Sql(url=url, query="select * from bars order by symbol desc, date desc").load(ALL)
    pd.testing.assert_frame_equal(one, two)


def test_times_with_a_zone_are_instants() -> None:
    pytest.importorskip("duckdb", reason="the extra sql is not installed")
    query = "select timestamptz '2020-01-02 21:00:00+00' as date, 'A' as symbol, 1.0 as close"
    assert Sql(query=query).load(ALL)["timestamp"].tolist() == [
        pd.Timestamp("2020-01-02 21:00", tz="UTC")
    ]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "source.query is not set"),
        ("select * from nothing", "the database refuses .*nothing"),
        ("selekt 1", "the database refuses"),
        ("select * from bars where false", "source.query returned no rows"),
        ("select date, symbol from bars", "source.query has no column 'close'"),
        ("select 'x' as close, date, symbol from bars", "should hold numbers"),
    ],
)
def test_a_query_that_is_no_bars_is_refused_in_one_line(
    file: Path, query: str, message: str
) -> None:
    with pytest.raises((ConfigError, DataError), match=message) as error:
        Sql(url=f"duckdb:///{file}", query=query).load(ALL)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named() -> None:
    pytest.importorskip("duckdb", reason="the extra sql is not installed")
    with pytest.raises(DataError, match=r"source.url=/no/such.duckdb: there is no file"):
        Sql(url="duckdb:////no/such.duckdb", query="select 1").load(ALL)


@pytest.mark.parametrize(("module", "url"), [("duckdb", "duckdb://"), ("sqlalchemy", "sqlite://")])
def test_without_the_extra_it_says_what_to_type(
    monkeypatch: pytest.MonkeyPatch, module: str, url: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=r"pip install 'alpha-engine\[sql\]'"):
        Sql(url=url, query="select 1").load(ALL)


def test_the_url_may_come_from_the_environment(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Sql(url="env:MARKET_DB", query="select * from bars")
    with pytest.raises(ConfigError, match="MARKET_DB is not set: export MARKET_DB=URL"):
        source.load(ALL)
    monkeypatch.setenv("MARKET_DB", f"duckdb:///{file}")
    expect_the_table(source.load(ALL))


def test_sqlite_through_sqlalchemy(tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy", reason="the extra sql is not installed")
    path = tmp_path / "market.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(TABLE)
    expect_the_table(Sql(url=f"sqlite:///{path}", query="select * from bars").load(ALL))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("me:secret@host", "source.url is no SQLAlchemy URL"),
        ("nonsense://me:secret@host/x", "source.url"),
    ],
)
def test_a_wrong_url_is_refused_without_its_password(url: str, message: str) -> None:
    pytest.importorskip("sqlalchemy", reason="the extra sql is not installed")
    with pytest.raises(ConfigError, match=message) as error:
        Sql(url=url, query="select 1").load(ALL)
    assert "secret" not in str(error.value)


def test_the_query_goes_to_the_database_as_it_is() -> None:
    """% and :name are the query's own."""
    pytest.importorskip("sqlalchemy", reason="the extra sql is not installed")
    query = "select 5 % 3 as close, ':x%s' as symbol, '2020-01-02' as date"
    frame = Sql(url="sqlite://", query=query).load(ALL)
    assert frame["close"].tolist() == [2]
    assert frame["symbol"].tolist() == [":x%s"]


def test_a_query_without_a_result_is_refused() -> None:
    pytest.importorskip("sqlalchemy", reason="the extra sql is not installed")
    with pytest.raises(DataError, match="the database refuses"):
        Sql(url="sqlite://", query="create table x (y int)").load(ALL)


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy", reason="the extra sql is not installed")
    query = "select 1 as close, 2 as close, 'A' as symbol, '2020-01-02' as date"
    with pytest.raises(DataError, match="two columns 'close': name one of them with AS"):
        Sql(url="sqlite://", query=query).load(ALL)


# --- PostgreSQL ------------------------------------------------------------------------


def tool(name: str) -> str:
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which(name, path=os.pathsep.join([*map(str, homes), os.environ["PATH"]]))
    return found or pytest.skip(f"PostgreSQL's {name} is not installed")


@pytest.fixture
def postgres() -> Iterator[str]:
    """A server of our own on a free port, gone after the test."""
    pytest.importorskip("sqlalchemy", reason="the extra sql is not installed")
    pytest.importorskip("psycopg", reason="PostgreSQL's driver is not installed")
    initdb, control = tool("initdb"), tool("pg_ctl")
    user = "nobody" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    home = Path(tempfile.mkdtemp(prefix="pg"))
    if user:
        shutil.chown(home, user)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = str(home / "data")
    server = f"-p {port} -k {home} -h 127.0.0.1 -F"

    def call(*command: str) -> None:
        subprocess.run(command, user=user, cwd=home, check=True, stdout=subprocess.DEVNULL)

    try:
        call(initdb, "-D", data, "-U", "me", "-A", "trust", "--no-sync")
        call(control, "-D", data, "-o", server, "-l", str(home / "log"), "-w", "start")
        try:
            yield f"postgresql+psycopg://me@127.0.0.1:{port}/postgres"
        finally:
            call(control, "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(home)


def test_a_real_postgresql(postgres: str) -> None:
    import sqlalchemy

    engine = sqlalchemy.create_engine(postgres)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text(TABLE))
    engine.dispose()
    expect_the_table(Sql(url=postgres, query="select * from bars").load(ALL))
    with pytest.raises(DataError, match=r'the database refuses .*"nothing" does not exist'):
        Sql(url=postgres, query="select * from nothing").load(ALL)
    stamps = "select timestamptz '2020-01-02 16:00-05' as date, 'A' as symbol, 1.0 as close"
    assert Sql(url=postgres, query=stamps).load(ALL)["timestamp"][0].hour == 21
