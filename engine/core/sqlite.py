"""The one place that opens SQLite: every database of the engine is opened alike.

Readers never wait for a writer, nor a writer for readers (write-ahead log); two writers wait for
each other. What is committed is on the disk. SQLite's locks do not hold on network mounts, so a
database there is refused.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import quote

from engine.core.errors import DataError

WAIT = 60.0  # seconds for another writer
PAUSE = 0.01  # seconds until SQLite is asked again
NETWORK = {
    "9p", "afs", "ceph", "cifs", "fuse.gcsfuse", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs",
    "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs",
}  # fmt: skip
MOUNTS = Path("/proc/self/mountinfo")
ESCAPED = {r"\040": " ", r"\011": "\t", r"\012": "\n", r"\134": "\\"}


def connect(path: Path) -> sqlite3.Connection:
    """Open a database, which is made where there is none; its folder has to be there.

    Raises
    ------
    DataError
        It lies on a network mount.
    sqlite3.Error
        It cannot be opened, or is no database.
    """
    refuse_network(path)
    connection = _open(str(path))
    try:
        _keep_log(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _keep_log(connection: sqlite3.Connection) -> None:
    """Have a database keep its log; SQLite does not wait for those who ask for it at once."""
    deadline = monotonic() + WAIT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or monotonic() > deadline:
                raise
            sleep(PAUSE)
        else:
            return


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open a database in a folder that cannot be written.

    Where nobody is writing there is no place for the index of a log, and the database is read into
    memory: as it is now, whoever writes later.

    Raises
    ------
    DataError
        It lies on a network mount, or its log would have to be played back first.
    sqlite3.Error
        It cannot be opened, or is no database.
    """
    refuse_network(path)
    connection = _open(f"file:{quote(str(path))}?mode=ro", uri=True)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        return _load(path)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _load(path: Path) -> sqlite3.Connection:
    log = path.with_name(f"{path.name}-wal")
    content = bytearray(path.read_bytes())
    if log.exists() and log.stat().st_size:  # looked for afterwards: nobody has begun to write
        raise DataError(
            f"{path}: its last commits are in {log.name}, and a folder that cannot be written has "
            "no place to read them; copy the folder to where you may write"
        )
    content[18:20] = b"\1\1"  # in memory there is no log
    connection = _open(":memory:")
    connection.deserialize(bytes(content))
    return connection


def _open(place: str, uri: bool = False) -> sqlite3.Connection:
    return sqlite3.connect(
        place, timeout=WAIT, isolation_level=None, check_same_thread=False, uri=uri
    )


def refuse_network(path: Path) -> None:
    """Refuse a place where locks do not hold."""
    kind = find_mount(path.parent)
    if kind in NETWORK:
        raise DataError(
            f"{path}: lies on a network mount ({kind}), where locks do not hold; name a folder of "
            "this machine"
        )


def copy(connection: sqlite3.Connection, path: Path) -> None:
    """Copy a database, as it is now, into a new file, and force it to the disk."""
    with closing(_open(str(path))) as there:
        connection.backup(there)
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing; nobody else writes meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite may have rolled back by itself, as on a full disk
            connection.execute("ROLLBACK")
        raise


def find_mount(folder: Path) -> str:
    """Return the kind of file system that a folder lies on; "" where the system does not say."""
    try:
        lines = MOUNTS.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ""
    kinds: dict[str, str] = {}
    for line in lines:
        left, _, right = line.partition(" - ")
        place = left.split(" ")[4]
        for written, meant in ESCAPED.items():
            place = place.replace(written, meant)
        kinds[place] = right.split(" ")[0]
    there = folder.resolve()
    near = [str(each) for each in (there, *there.parents) if str(each) in kinds]
    return kinds[near[0]] if near else ""
