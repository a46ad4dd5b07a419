"""The catalogue of stored values: which file holds what, since which commit.

```
 commits    number, when, why                      a write is one commit, whole or not at all
 series     a key: how values were computed        formula, code, membership, …: not ours to know
 symbols    the columns of files
 segments   a file: its series (F), dates (D) and symbols (N), and since which commit each date
            of it is there; `gone` since it was folded into another one
 records    a text by kind and name, since which commit; without a text it was taken out then
```

The view `factor_metadata` is for whoever queries: a row for each registered factor.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.core.errors import DataError
from engine.core.keeping import Record
from engine.core.sqlite import connect, transaction
from engine.storage.segments import DIGEST, Stamp, Written

Int64 = npt.NDArray[np.int64]

FORMAT = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS commits (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, what TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS symbols (
    id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, names TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS segments (
    id INTEGER PRIMARY KEY, file TEXT NOT NULL, dtype TEXT NOT NULL,
    series BLOB NOT NULL, digests BLOB NOT NULL,
    dates BLOB NOT NULL, since BLOB NOT NULL,
    symbols INTEGER NOT NULL REFERENCES symbols (id),
    inode INTEGER NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL,
    gone REAL);
CREATE TABLE IF NOT EXISTS records (
    kind TEXT NOT NULL, name TEXT NOT NULL, since INTEGER NOT NULL, text TEXT,
    PRIMARY KEY (kind, name, since)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS living ON segments (id) WHERE gone IS NULL;
CREATE VIEW IF NOT EXISTS factor_metadata AS SELECT
    f.name AS factor_id,
    json_extract(f.text, '$.description') AS description,
    json_extract(f.text, '$.formula') AS formula,
    json_extract(f.text, '$.category') AS category,
    json_extract(f.text, '$.dependencies') AS dependencies,
    json_extract(f.text, '$.created_at') AS created_at,
    (SELECT json_extract(s.text, '$.updated') FROM records AS s
     WHERE s.kind = 'state' AND s.name = json_extract(f.text, '$.series')
     ORDER BY s.since DESC LIMIT 1) AS last_updated
    FROM records AS f WHERE f.kind = 'factor' AND f.text IS NOT NULL AND f.since =
    (SELECT max(since) FROM records WHERE kind = f.kind AND name = f.name);
"""


@dataclass(frozen=True, eq=False)
class Segment:
    """A file, as the catalogue tells of it.

    Parameters
    ----------
    series : int array, shape (F,)
    dates : int array, shape (D,)
        Nanoseconds since 1970 in UTC, ascending.
    since : int array, shape (D,)
        The commit with which each date came.
    """

    id: int
    file: str
    dtype: str
    series: Int64
    digests: tuple[bytes, ...]
    dates: Int64
    since: Int64
    symbols: int
    stamp: Stamp

    @cached_property
    def _place(self) -> dict[int, int]:
        return {number: k for k, number in enumerate(self.series.tolist())}

    def places(self, series: Sequence[int]) -> Int64:
        """Return where series stand in the file, shape (F,)."""
        return np.array([self._place[number] for number in series], np.int64)


class Catalogue:
    """The database; a connection of its own for each process that asks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = connect(path)
        try:
            self._prepare()
        except sqlite3.DatabaseError as error:
            raise DataError(
                f"{path}: damaged ({error}); move its folder away, and values are computed again"
            ) from error
        self._symbols: dict[int, tuple[str, ...]] = {}
        self._series: dict[str, int] = {}

    def _prepare(self) -> None:
        (version,) = self.connection.execute("PRAGMA user_version").fetchone()
        if version not in (0, FORMAT):
            raise DataError(f"{self.path}: of another version of the engine; name another folder")
        if version == 0:
            with transaction(self.connection):
                for statement in SCHEMA.split(";"):
                    self.connection.execute(statement)
                self.connection.execute(f"PRAGMA user_version = {FORMAT}")

    def commit(
        self,
        segments: Iterable[tuple[Written, Sequence[str], Int64, Sequence[str], str]],
        what: str,
        records: Iterable[Record] = (),
    ) -> int:
        """Enter files and records as one commit; return its number.

        A file comes with its series' keys, its dates, its symbols and its type.
        """
        with transaction(self.connection):
            made = self.connection.execute(
                "INSERT INTO commits (at, what) VALUES (?, ?)", (time.time(), what)
            )
            number = int(made.lastrowid or 0)
            for written, keys, dates, symbols, dtype in segments:
                since = np.full(len(dates), number, np.int64)
                self._enter(written, self._numbers(keys), dates, since, self._axis(symbols), dtype)
            self.connection.executemany(
                "INSERT OR REPLACE INTO records (kind, name, since, text) VALUES (?, ?, ?, ?)",
                [(each.kind, each.name, number, each.text) for each in records],
            )
        return number

    def records(self, kind: str, as_of: int | None) -> dict[str, str]:
        """Return the texts of a kind, by name."""
        rows = self.connection.execute(
            "SELECT name, text FROM records AS r WHERE kind = :kind AND text IS NOT NULL"
            " AND since = (SELECT max(since) FROM records"
            " WHERE kind = r.kind AND name = r.name AND since <= :last) ORDER BY name",
            {"kind": kind, "last": 2**62 if as_of is None else as_of},
        )
        return dict(rows.fetchall())

    def replace(self, old: Sequence[Segment], written: Written, since: Int64, dates: Int64) -> bool:
        """Enter a file in place of those that it was folded from; False if one has gone."""
        first, ids = old[0], json.dumps([each.id for each in old])
        with transaction(self.connection):
            (there,) = self.connection.execute(
                "SELECT count(*) FROM segments WHERE gone IS NULL"
                " AND id IN (SELECT value FROM json_each(?))",
                (ids,),
            ).fetchone()
            if there < len(old):
                return False
            self._enter(written, first.series, dates, since, first.symbols, first.dtype)
            self.connection.execute(
                "UPDATE segments SET gone = ? WHERE id IN (SELECT value FROM json_each(?))",
                (time.time(), ids),
            )
        return True

    def _enter(
        self, written: Written, series: Int64, dates: Int64, since: Int64, symbols: int, dtype: str
    ) -> None:
        stamp = written.stamp
        self.connection.execute(
            "INSERT INTO segments"
            " (file, dtype, series, digests, dates, since, symbols, inode, size, mtime)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                written.name, dtype, series.tobytes(), b"".join(written.digests), dates.tobytes(),
                since.tobytes(), symbols, stamp.inode, stamp.size, stamp.mtime,
            ),
        )  # fmt: skip

    def _numbers(self, keys: Sequence[str]) -> Int64:
        """The numbers of series; new ones get one."""
        unknown = [(key,) for key in keys if key not in self._series]
        if unknown:
            self.connection.executemany("INSERT OR IGNORE INTO series (key) VALUES (?)", unknown)
            self._learn_series()
        return np.array([self._series[key] for key in keys], np.int64)

    def _learn_series(self) -> None:
        rows = self.connection.execute("SELECT key, id FROM series")
        self._series = dict(rows.fetchall())

    def find(self, keys: Sequence[str]) -> list[int | None]:
        """Return the numbers of series; None of those that the catalogue does not know."""
        if any(key not in self._series for key in keys):
            self._learn_series()
        return [self._series.get(key) for key in keys]

    def names(self) -> dict[int, str]:
        """Return the key of each series, by its number."""
        self._learn_series()
        return {number: key for key, number in self._series.items()}

    def _axis(self, names: Sequence[str]) -> int:
        text = json.dumps(list(names))
        digest = sha256(text.encode()).digest()
        self.connection.execute(
            "INSERT OR IGNORE INTO symbols (digest, names) VALUES (?, ?)", (digest, text)
        )
        (found,) = self.connection.execute(
            "SELECT id FROM symbols WHERE digest = ?", (digest,)
        ).fetchone()
        return int(found)

    def symbols(self, axis: int) -> tuple[str, ...]:
        """Return the names of an axis."""
        if axis not in self._symbols:
            (text,) = self.connection.execute(
                "SELECT names FROM symbols WHERE id = ?", (axis,)
            ).fetchone()
            self._symbols[axis] = tuple(json.loads(text))
        return self._symbols[axis]

    def changes(self) -> int:
        """Return a number that is another one after another connection's commit."""
        (number,) = self.connection.execute("PRAGMA data_version").fetchone()
        return int(number)

    def living(self) -> set[int]:
        """Return the ids of the segments that are read."""
        return {
            row[0] for row in self.connection.execute("SELECT id FROM segments WHERE gone IS NULL")
        }

    def read(self, ids: Iterable[int]) -> list[Segment]:
        """Return segments by their ids."""
        rows = self.connection.execute(
            "SELECT id, file, dtype, series, digests, dates, since, symbols, inode, size, mtime"
            " FROM segments WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
            (json.dumps(sorted(ids)),),
        )
        return [_segment(row) for row in rows]

    def remember(self, segment: int, stamp: Stamp) -> None:
        """Note that a file, as it now is, was checked."""
        with transaction(self.connection):
            self.connection.execute(
                "UPDATE segments SET inode = ?, size = ?, mtime = ? WHERE id = ?",
                (stamp.inode, stamp.size, stamp.mtime, segment),
            )

    def drop(self, ids: Iterable[int]) -> None:
        """Take segments out: their values are as if they had never been computed."""
        with transaction(self.connection):
            self.connection.executemany(
                "DELETE FROM segments WHERE id = ?", [(each,) for each in ids]
            )

    def forget(self, before: float) -> set[str]:
        """Take out what has gone before a time; return the names of all files still known."""
        with transaction(self.connection):
            self.connection.execute("DELETE FROM segments WHERE gone < ?", (before,))
        return {row[0] for row in self.connection.execute("SELECT file FROM segments")}

    def last(self) -> int:
        """Return the number of the last commit; 0 without any."""
        (number,) = self.connection.execute("SELECT max(number) FROM commits").fetchone()
        return int(number or 0)

    def close(self) -> None:
        """Let the database go."""
        self.connection.close()


def _segment(row: tuple[Any, ...]) -> Segment:
    number, file, dtype, series, digests, dates, since, symbols, *stamp = row
    return Segment(
        id=number,
        file=file,
        dtype=dtype,
        series=np.frombuffer(series, np.int64),
        digests=tuple(digests[k : k + DIGEST] for k in range(0, len(digests), DIGEST)),
        dates=np.frombuffer(dates, np.int64),
        since=np.frombuffer(since, np.int64),
        symbols=symbols,
        stamp=Stamp(*stamp),
    )
