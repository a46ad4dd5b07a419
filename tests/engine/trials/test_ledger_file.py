"""The ledger's file: many writers, dead ones, and what befalls it on a disk."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from builders import SMALL, ours
from ledgers import draw, finish, open_new

import engine
from engine.core.errors import ConfigError
from engine.core.sqlite import connect
from engine.trials.database import Database
from engine.trials.faults import LedgerError
from engine.trials.verdict import judge

WRITER = """
import sys
from pathlib import Path
from ledgers import finish
from engine.trials.database import Database

file, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for number in range(count):
    with Database(file) as database:
        finish(database, f"{name}{number}")
    print(f"{name}{number}", flush=True)
"""


def write(file: Path, name: str, count: int) -> subprocess.Popen[str]:
    """A process that enters runs, and tells of each when it is in the ledger."""
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(file), name, str(count)],
        env=ours(Path(__file__).parent),
        stdout=subprocess.PIPE,
        text=True,
    )


def sound(file: Path) -> set[str]:
    """The keys of a ledger in which nothing is half written."""
    with Database(file) as database:
        assert database.list_rows("PRAGMA integrity_check") == [("ok",)]
        assert database.list_rows("PRAGMA foreign_key_check") == []
        rows = database.select("")
        kept = {number for (number,) in database.list_rows("SELECT trial FROM returns")}
    assert {row.id for row in rows if row.finished} == kept
    return {row.key for row in rows}


def test_eight_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "trials.sqlite"  # none is there: they make it at once
    writers = [write(file, name, 6) for name in "abcdefgh"]
    assert [writer.wait(600) for writer in writers] == [0] * 8
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.close()
    assert sound(file) == {f"{name}{number}" for name in "abcdefgh" for number in range(6)}


@pytest.mark.parametrize("kills", [3, pytest.param(40, marks=pytest.mark.long)])
def test_a_killed_writer_loses_nothing(kills: int, tmp_path: Path) -> None:
    file, lot = tmp_path / "trials.sqlite", np.random.default_rng(kills)
    told: set[str] = set()
    for number in range(kills):
        writer = write(file, f"k{number}n", 100_000)
        assert writer.stdout is not None
        told.add(writer.stdout.readline().strip())
        time.sleep(float(lot.uniform(0.0, 0.3)))
        writer.send_signal(signal.SIGKILL)
        rest, _ = writer.communicate()
        told |= set(rest.split("\n")[:-1])
    assert told <= sound(file)


def test_the_returns_are_kept_as_they_were(tmp_path: Path) -> None:
    with open_new(tmp_path) as database:
        row = finish(database, "a", draw(4, days=300, first=7))
        other = finish(database, "b", draw(5, days=300, first=7))
        assert database.list_rows("SELECT count(*) FROM calendars") == [(1,)]
        stored = database.list_rows("SELECT calendar, net FROM returns WHERE trial = ?", (row.id,))
        assert database.read_days(stored[0][0]).tolist() == [*range(7, 307)]
        kept = np.frombuffer(stored[0][1], "<f4")
    values = draw(4, days=300, first=7).excess
    assert kept.tolist() == values.astype(np.float32).tolist()
    assert (row.n, other.n) == (300, 300)
    assert row.rows_per_year == pytest.approx(250)
    assert row.sharpe == pytest.approx(values.mean() / values.std(ddof=1), rel=1e-12)


def spoil(file: Path, how: str) -> None:
    """Make a ledger one that cannot be used."""
    with open_new(file.parent, ["a"]) as database:
        if how == "newer":
            database.connection.execute("PRAGMA user_version = 2")
        if how == "older":
            database.connection.execute("PRAGMA user_version = 0")
        if how == "of somebody else":
            database.connection.execute("PRAGMA application_id = 5")
    if how == "text":
        file.write_text("no database, but a text that is long enough" * 10)
    if how == "cut":
        file.write_bytes(file.read_bytes()[:5000])
    if how == "folder":
        file.unlink()
        file.mkdir()
    if how == "no folder":
        file.unlink()
        file.parent.rmdir()
        file.parent.write_text("")


BROKEN = {
    "newer": "of a newer version of the engine (format 2, this one has 1); use that version, or",
    "older": "of an older version of the engine (format 0, this one has 1); use that version, or",
    "of somebody else": "is a database, and no trial ledger; name another file by trials.path=FILE",
    "text": "is damaged or no trial ledger (file is not a database); bring back a copy, or move it",
    "cut": "is damaged or no trial ledger (database disk image is malformed); bring back a copy",
    "folder": "cannot be written (unable to open database file); make it writable, or name another",
    "no folder": "File exists; name another file by trials.path=FILE",
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_ledger_that_cannot_be_used_costs_no_run(
    how: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ledger").mkdir()
    file = tmp_path / "ledger" / "trials.sqlite"
    spoil(file, how)
    before = file.read_bytes() if file.is_file() else None
    report = engine.run([*SMALL, f"trials.path={file}"], path=tmp_path / "1")
    said = [line for line in report.manifest["warnings"] if line.startswith("trials: ")]
    assert len(said) == 1
    assert said[0].startswith("trials: this run is NOT counted as a trial: ")
    assert BROKEN[how] in said[0]
    assert "\n" not in said[0]
    assert not (report.path / "trials.json").exists()
    assert (file.read_bytes() if file.is_file() else None) == before
    from engine.cli import main

    assert main(["trials", "list", "--path", str(file)]) == 2
    error = capfd.readouterr().err
    assert error.count("\n") == 1
    assert str(file) in error


def test_a_full_disk_costs_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def limit(path: Path) -> sqlite3.Connection:
        connection = connect(path)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")  # as many as there are
        return connection

    with open_new(tmp_path, [f"k{number}" for number in range(9)]):
        pass
    monkeypatch.setattr("engine.trials.database.connect", limit)
    report = engine.run([*SMALL, f"trials.path={tmp_path}/trials.sqlite"], path=tmp_path / "1")
    said = "".join(line for line in report.manifest["warnings"] if "trials: " in line)
    assert said.startswith("trials: th")
    assert "NOT" in said
    assert "trials.sqlite: the disk does not take it (database or disk is full; " in said
    assert said.endswith("make room, or name another file by trials.path=FILE")
    assert sound(tmp_path / "trials.sqlite") >= {f"k{number}" for number in range(9)}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anything")
def test_a_ledger_in_a_folder_that_is_only_read(tmp_path: Path) -> None:
    with open_new(tmp_path, ["a"]):
        pass
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(LedgerError, match="cannot be written"):
            Database(tmp_path / "trials.sqlite")
        with Database(tmp_path / "trials.sqlite", read_only=True) as database:
            assert judge(database, database.find("a")).counts.all == 1
    finally:
        tmp_path.chmod(0o700)


def test_a_ledger_that_is_only_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may write anything: SQLite's own word for it stands in."""

    def deny(path: Path) -> sqlite3.Connection:
        error = sqlite3.OperationalError("attempt to write a readonly database")
        error.sqlite_errorcode = sqlite3.SQLITE_READONLY
        raise error

    monkeypatch.setattr("engine.trials.database.connect", deny)
    file = tmp_path / "trials.sqlite"
    with pytest.raises(LedgerError) as caught:
        Database(file)
    assert str(caught.value) == (
        f"{file}: cannot be written (attempt to write a readonly database); make it writable, or "
        "name another file by trials.path=FILE"
    )


def test_a_network_mount_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.core.sqlite.find_mount", lambda folder: "nfs4")
    with pytest.raises(LedgerError) as caught:
        Database(tmp_path / "trials.sqlite")
    assert str(caught.value) == (
        f"{tmp_path}/trials.sqlite: lies on a network mount (nfs4), where locks do not hold; name "
        "another file by trials.path=FILE"
    )


def test_where_the_ledger_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.pipeline import Counted

    monkeypatch.chdir(tmp_path)
    assert Counted("mine.sqlite").file == tmp_path / "mine.sqlite"
    assert Counted(None).file is None
    assert Counted().file is None  # of these tests
    monkeypatch.setenv("ALPHA_ENGINE_TRIALS", "/of/all/projects.sqlite")
    assert Counted().file == Path("/of/all/projects.sqlite")
    monkeypatch.delenv("ALPHA_ENGINE_TRIALS")
    assert Counted().file == tmp_path / "outputs" / "trials.sqlite"
    with pytest.raises(ConfigError, match="path"):
        engine.run([*SMALL, "trials.path=[a]"], path=tmp_path / "1")
