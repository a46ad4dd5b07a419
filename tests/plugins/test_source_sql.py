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
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import ALL

from engine import ConfigError, DataError
from engine.bars.layout import build
from engine.plugins.sources.sql import Sql

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
    query = "with gone as (delete from bars returning *) select * from gone"
    with pytest.raises(DataError, match="read-only"):
        Sql(url=f"duckdb:///{file}", query=query).load(ALL)


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("delete from bars", "DELETE"),
        ("drop table bars", "DROP"),
        ("attach 'new.duckdb'", "ATTACH"),
        ("copy bars to 'new.csv'", "COPY"),
        ("export database 'new'", "EXPORT"),
        ("install httpfs", "LOAD"),
        ("load httpfs", "LOAD"),
        ("set threads = 2", "SET"),
        ("pragma version", "PRAGMA"),
        ("select * from bars; copy bars to 'new.csv'", "SELECT and COPY"),
        ("select 1; select 2", "SELECT and SELECT"),
        ("-- nothing", "nothing"),
    ],
)
@pytest.mark.parametrize("memory", [True, False])
def test_duckdb_takes_one_select(
    file: Path, query: str, kinds: str, memory: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    before = file.read_bytes()
    url = "duckdb://" if memory else f"duckdb:///{file}"
    with pytest.raises(ConfigError, match=rf"source\.query: write one SELECT, not {kinds}$"):
        Sql(url=url, query=query).load(ALL)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["market.duckdb"]


def test_duckdb_reads_files_below_the_root_alone(tmp_path: Path) -> None:
    pytest.importorskip("duckdb", reason="the extra sql is not installed")
    root, other = tmp_path / "it's mine", tmp_path / "it's mine too"
    for folder in (root, other):
        folder.mkdir()
        (folder / "bars.csv").write_text("date,symbol,close\n2020-01-02,A,3\n")
    (root / "link").symlink_to(other)
    (tmp_path / "root").symlink_to(root)

    def close(path: Path, below: Path = root) -> list[float]:
        name = str(path).replace("'", "''")
        return Sql(query=f"from '{name}'", root=str(below)).load(ALL)["close"].tolist()

    assert close(root / "bars.csv") == close(root / "*.csv") == [3.0]
    assert close(root / "bars.csv", tmp_path / "root") == [3.0]
    for outside in (
        other / "bars.csv", root / ".." / other.name / "bars.csv", root / "link" / "bars.csv"
    ):  # fmt: skip
        with pytest.raises(DataError, match=r"reads files only below source\.root=.*it's mine$"):
            close(outside)
    with pytest.raises(ConfigError, match=r"source\.root=.*there is no folder"):
        close(root / "bars.csv", root / "nothing")


@pytest.mark.parametrize(
    "query",
    [
        "from 'https://example.com/bars.parquet'",
        "from sqlite_scan('market.sqlite', 'bars')",
        "from read_text('/etc/hostname')",
        "select * from frame",
    ],
)
def test_duckdb_loads_no_extension_and_looks_at_nothing_of_ours(query: str) -> None:
    pytest.importorskip("duckdb", reason="the extra sql is not installed")
    frame = pd.DataFrame({"date": ["2020-01-02"], "symbol": ["A"], "close": [1.0]})
    assert len(frame)
    with pytest.raises(DataError, match="the database refuses"):
        Sql(query=query).load(ALL)


def test_duckdb_in_memory_reads_files(tmp_path: Path) -> None:
    pytest.importorskip("duckdb", reason="the extra sql is not installed")
    path = tmp_path / "bars.parquet"
    pd.DataFrame({"d": ["2020-01-02"], "symbol": ["A"], "px": [3.0], "adj": [1.5]}).to_parquet(path)
    columns = {"timestamp": "d", "close": "px"}
    query = f"select * from read_parquet('{path}')"
    frame = Sql(query=query, columns=columns, adjust="adj", root=str(tmp_path)).load(ALL)
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


@pytest.mark.parametrize(
    ("module", "url"), [("duckdb", "duckdb://"), ("sqlalchemy", "postgresql://")]
)
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


@pytest.fixture
def sqlite(tmp_path: Path) -> Path:
    path = tmp_path / "50% of ours.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(TABLE)
    return path


def test_an_sqlite_file_needs_no_extra(sqlite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    for url in (f"sqlite:///{sqlite}", f"sqlite+pysqlite:///{sqlite}"):
        expect_the_table(Sql(url=url, query="select * from bars").load(ALL))
        expect_the_table(
            Sql(url=url, query="with b as (select * from bars) select * from b;").load(ALL)
        )


@pytest.mark.parametrize(
    "query",
    [
        "drop table bars",
        "delete from bars",
        "update bars set close = 1",
        "create table more (x int)",
        "create temp table more (x int)",
        "attach 'new.sqlite' as more",
        "vacuum into 'new.sqlite'",
        "vacuum",
        "pragma journal_mode = wal",
        "begin",
        "select load_extension('more')",
        "select * from bars; drop table bars",
    ],
)
def test_sqlite_takes_one_select(sqlite: Path, query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sqlite.parent)
    before = sqlite.read_bytes()
    with pytest.raises(ConfigError, match=r"source\.query: write one SELECT"):
        Sql(url=f"sqlite:///{sqlite}", query=query).load(ALL)
    assert sqlite.read_bytes() == before
    assert [path.name for path in sqlite.parent.iterdir()] == [sqlite.name]


def test_a_missing_sqlite_file_is_named_and_not_created(sqlite: Path) -> None:
    missing = sqlite.with_name("50% of hours.sqlite")
    with pytest.raises(DataError, match=r"there is no file .*did you mean .*50% of ours"):
        Sql(url=f"sqlite:///{missing}", query="select * from bars").load(ALL)
    assert not missing.exists()


@pytest.mark.parametrize(
    "url", ["sqlite+x:///a", "sqlite:///file:a?mode=rwc&uri=true", "duckdb+x:///a"]
)
def test_files_are_opened_without_options(url: str) -> None:
    with pytest.raises(ConfigError, match=r"source\.url: write (sqlite|duckdb):///FILE, without"):
        Sql(url=url, query="select 1").load(ALL)


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
    query = "select 5 % 3 as close, ':x%s' as symbol, '2020-01-02' as date"
    frame = Sql(url="sqlite://", query=query).load(ALL)
    assert frame["close"].tolist() == [2]
    assert frame["symbol"].tolist() == [":x%s"]


def test_a_query_without_a_result_is_refused() -> None:
    with pytest.raises(DataError, match="returned no rows"):
        Sql(url="sqlite://", query="-- nothing").load(ALL)


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
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
        connection.execute(sqlalchemy.text("create sequence counter"))
    engine.dispose()
    expect_the_table(Sql(url=postgres, query="select * from bars").load(ALL))
    with pytest.raises(DataError, match=r'the database refuses .*"nothing" does not exist'):
        Sql(url=postgres, query="select * from nothing").load(ALL)
    for changing in (
        "with gone as (delete from bars returning *) select * from gone",
        "select setval('counter', 7)",
    ):
        with pytest.raises(DataError, match="read-only transaction"):
            Sql(url=postgres, query=changing).load(ALL)
    wide = "select * from bars where set_config('transaction_read_only', 'off', false) = 'off'"
    with pytest.raises(DataError, match="the database refuses"):
        Sql(url=postgres, query=wide).load(ALL)
    for query, message in {
        "drop table bars": "not 'drop'$",
        "copy bars to '/tmp/x'": "not 'copy'$",
        "explain analyze select 1": "not 'explain'$",
        "select 1; commit; drop table bars": "without a semicolon",
        "select ';'": "without a semicolon",
        "select * into more from bars": "without INTO",
    }.items():
        with pytest.raises(ConfigError, match=f"source.query: write one SELECT, {message}"):
            Sql(url=postgres, query=query).load(ALL)
    shown = "-- all\n/* of them */ (select * from bars);"
    expect_the_table(Sql(url=postgres, query=shown).load(ALL))
    stamps = "select timestamptz '2020-01-02 16:00-05' as date, 'A' as symbol, 1.0 as close"
    assert Sql(url=postgres, query=stamps).load(ALL)["timestamp"][0].hour == 21
