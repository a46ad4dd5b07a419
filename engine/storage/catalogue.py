"""The catalogue of stored values: which file holds what, since which commit.

An id of a segment is never given twice, so that whoever knows it knows the row.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.errors import ConfigError, DataError
from engine.core.keeping import Record
from engine.core.sqlite import connect, connect_to_read, transaction
from engine.storage.faults import FILES, CatalogueError, explain, tell_denied
from engine.storage.rows import (
    COLUMNS,
    LOST,
    BrokenSealError,
    Segment,
    make_row,
    read_segment,
    seal,
)
from engine.storage.schema import FORMAT, SCHEMA
from engine.storage.segments import COLD, HOT, Int64, Stamp, Written
from engine.storage.told import read_told, tell_last

THERE = "id IN (SELECT value FROM json_each(?))"


class Catalogue:
    """The database; a connection of its own for each process that asks.

    Parameters
    ----------
    path : pathlib.Path
    read_only : bool
    anew : bool
        Whether it may be made where there are files already.
    """

    def __init__(self, path: Path, read_only: bool = False, anew: bool = False) -> None:
        self.path, self.read_only = path, read_only
        if not anew:
            self._refuse_missing()
        told = read_told(path)  # before the catalogue is asked: others go on
        with explain(path.parent):
            self.connection = connect_to_read(path) if read_only else connect(path)
        self._symbols: dict[int, tuple[str, ...]] = {}
        self._series: dict[str, int] = {}
        self._looked = -1  # the last commit whose records were looked at
        with self._guard():
            self._prepare()
            known = self.last()
        if known < told:
            self.connection.close()
            raise CatalogueError(path, f"it knows {known} commits of {told}: its log was lost")

    def _refuse_missing(self) -> None:
        """Files without a catalogue are no new store."""
        files = self.path.with_name(FILES)
        held = sum(f.suffix in (HOT, COLD) for f in files.iterdir()) if files.exists() else 0
        if held and not (self.path.exists() and self.path.stat().st_size):  # after: others start
            what = f"it is missing, and only it can tell of the {held} files of {files}"
            raise CatalogueError(self.path, what)

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """Every use of the database: what befalls it is told in one line."""
        try:
            with explain(self.path.parent):
                yield
        except BrokenSealError as error:
            raise CatalogueError(self.path, str(error)) from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        if self.read_only:
            raise tell_denied(self.path.parent, "it may only be read")
        try:
            with self._guard(), transaction(self.connection):
                yield
        except BaseException:
            self._series.clear()  # numbers that were given in it are not taken
            raise

    def _prepare(self) -> None:
        self._look("quick_check(1)")
        if not self._version() and not self.read_only:
            with transaction(self.connection):
                if not self._version():  # nor has another process been first
                    for statement in SCHEMA.split(";"):
                        self.connection.execute(statement)
                    self.connection.execute(f"PRAGMA user_version = {FORMAT}")
        version = self._version()
        if version != FORMAT:
            age = "a newer" if version > FORMAT else "an older"
            raise DataError(
                f"{self.path}: of {age} version of the engine (format {version}, this one has "
                f"{FORMAT}); use that version, or name another folder by store.path"
            )

    def _version(self) -> int:
        return int(self.connection.execute("PRAGMA user_version").fetchone()[0])

    def _look(self, pragma: str) -> None:
        (told,) = self.connection.execute(f"PRAGMA {pragma}").fetchone()
        if told != "ok":
            raise BrokenSealError(" ".join(told.split()))

    def inspect(self) -> None:
        """Look at every page and row; CatalogueError where one is not what was written."""
        with self._guard():
            self._look("integrity_check(1)")
            rows = self.connection.execute(f"SELECT {COLUMNS} FROM segments")  # noqa: S608
            for segment in map(read_segment, rows):
                self.symbols(segment.symbols)
            self._learn_series()
            self._looked = -1
            self._look_at_records()

    def commit(
        self,
        segments: Iterable[tuple[Written, Sequence[str], Int64, Sequence[str], str]],
        what: str,
        records: Iterable[Record] = (),
    ) -> int:
        """Enter files and records as one commit; return its number.

        A file comes with its series' keys, its dates, its symbols and its type.
        """
        with self._writing():
            made = self.connection.execute(
                "INSERT INTO commits (at, what) VALUES (?, ?)", (time.time(), what)
            )
            number = int(made.lastrowid or 0)
            for rank, (written, keys, dates, symbols, dtype) in enumerate(segments):
                since = np.full(len(dates), number, np.int64)
                series, axis = self._numbers(keys), self._axis(symbols)
                self._enter(make_row(written, series, dates, since, axis, dtype, rank))
            self.connection.executemany(
                "INSERT OR REPLACE INTO records (kind, name, since, text, seal)"
                " VALUES (?, ?, ?, ?, ?)",
                [
                    (r.kind, r.name, number, r.text, seal(r.kind, r.name, number, r.text))
                    for r in records
                ],
            )
        tell_last(self.path, number)
        return number

    def records(self, kind: str, as_of: int | None) -> dict[str, str]:
        """Return the texts of a kind, by name."""
        with self._guard():
            self._look_at_records()
            rows = self.connection.execute(
                "SELECT name, text FROM records AS r WHERE kind = :kind AND text IS NOT NULL"
                " AND since = (SELECT max(since) FROM records"
                " WHERE kind = r.kind AND name = r.name AND since <= :last) ORDER BY name",
                {"kind": kind, "last": 2**62 if as_of is None else as_of},
            )
            return dict(rows.fetchall())

    def _look_at_records(self) -> None:
        """Look at each record once, whatever its kind: a kind and a name may have changed, too."""
        rows = self.connection.execute(
            "SELECT kind, name, since, text, seal FROM records WHERE since > ?", (self._looked,)
        )
        for *said, told in rows:
            if told != seal(*said):
                raise BrokenSealError(f"what it says of {said[0]} {said[1]!r} has changed")
            self._looked = max(self._looked, said[2])

    def replace(self, old: Sequence[Segment], rows: Sequence[tuple[Any, ...]]) -> bool:
        """Enter files in place of others, which are gone from now on; False if one has gone."""
        ids = json.dumps([each.id for each in old])
        with self._writing():
            (there,) = self.connection.execute(
                f"SELECT count(*) FROM segments WHERE gone IS NULL AND {THERE}",  # noqa: S608
                (ids,),
            ).fetchone()
            if there < len(old):
                return False
            for row in rows:
                self._enter(row)
            self.connection.execute(
                f"UPDATE segments SET gone = ? WHERE {THERE}",  # noqa: S608
                (time.time(), ids),
            )
            self._count(-len(old), -sum(each.id for each in old))
        return True

    def lose(self, numbers: Iterable[int]) -> None:
        """Take series out of all files: their values are as if they had never been computed."""
        lost = np.array(sorted({*numbers}), np.int64)
        with self._writing():
            for segment in self.read(self.living()):
                mask = np.isin(segment.series, lost)
                if not mask.any():
                    continue
                self.connection.execute("DELETE FROM segments WHERE id = ?", (segment.id,))
                self._count(-1, -segment.id)
                if not (mask | (segment.series == LOST)).all():
                    series = np.where(mask, LOST, segment.series)
                    written = Written(segment.file, segment.stamp, segment.digests)
                    self._enter(segment.move(written, series))

    def _enter(self, row: tuple[Any, ...]) -> None:
        marks = ", ".join("?" * len(row))
        made = self.connection.execute(
            f"INSERT INTO segments ({COLUMNS.removeprefix('id, ')}) VALUES ({marks})",  # noqa: S608
            row,
        )
        self._count(1, made.lastrowid or 0)

    def _count(self, more: int, ids: int) -> None:
        self.connection.execute(
            "UPDATE living SET segments = segments + ?, ids = ids + ?", (more, ids)
        )

    def _numbers(self, keys: Sequence[str]) -> Int64:
        """The numbers of series; new ones get one."""
        unknown = [key for key in keys if key not in self._series]
        if unknown:
            self._learn_series()
            first = 1 + max(self._series.values(), default=0)
            new = enumerate((key for key in unknown if key not in self._series), first)
            self.connection.executemany(
                "INSERT INTO series (id, key, seal) VALUES (?, ?, ?)",
                [(number, key, seal(number, key)) for number, key in new],
            )
            self._learn_series()
        return np.array([self._series[key] for key in keys], np.int64)

    def _learn_series(self) -> None:
        rows = self.connection.execute("SELECT id, key, seal FROM series").fetchall()
        for number, key, told in rows:
            if told != seal(number, key):
                raise BrokenSealError(f"the name {key!r} has changed")
        self._series = {key: number for number, key, _ in rows}

    def find(self, keys: Sequence[str]) -> list[int | None]:
        """Return the numbers of series; None of those that the catalogue does not know."""
        if any(key not in self._series for key in keys):
            with self._guard():
                self._learn_series()
        return [self._series.get(key) for key in keys]

    def names(self) -> dict[int, str]:
        """Return the key of each series, by its number."""
        with self._guard():
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
            with self._guard():
                text, digest = self.connection.execute(
                    "SELECT names, digest FROM symbols WHERE id = ?", (axis,)
                ).fetchone() or ("", b"")
                if sha256(text.encode()).digest() != digest:
                    raise BrokenSealError("names of symbols have changed")
            self._symbols[axis] = tuple(json.loads(text))
        return self._symbols[axis]

    def changes(self) -> int:
        """Return a number that is another one after another connection's commit."""
        with self._guard():
            (number,) = self.connection.execute("PRAGMA data_version").fetchone()
        return int(number)

    def living(self) -> set[int]:
        """Return the ids of the segments that are read."""
        with self._guard():
            text, count, total = self.connection.execute(
                "SELECT json_group_array(id), (SELECT segments FROM living),"
                " (SELECT ids FROM living) FROM segments WHERE gone IS NULL"
            ).fetchone()
            ids = json.loads(text)
            if (len(ids), sum(ids)) != (count, total):
                raise BrokenSealError(f"it tells of {len(ids)} files that are read, not of {count}")
            return {*ids}

    def read(self, ids: Iterable[int]) -> list[Segment]:
        """Return segments by their ids."""
        wanted = sorted(ids)
        with self._guard():
            rows = self.connection.execute(
                f"SELECT {COLUMNS} FROM segments WHERE {THERE} ORDER BY id",  # noqa: S608
                (json.dumps(wanted),),
            )
            found = [read_segment(row) for row in rows]
            if len(found) < len(wanted):
                raise BrokenSealError(f"{len(wanted) - len(found)} files are missing from it")
            self._look_at_names(found)
            return found

    def _look_at_names(self, segments: Sequence[Segment]) -> None:
        """See to it that each series of segments has its key."""
        kinds = {segment.kind: segment.series.tolist() for segment in segments}
        numbers = {number for series in kinds.values() for number in series} - {LOST}
        if numbers - {*self._series.values()}:
            self._learn_series()
        if numbers - {*self._series.values()}:
            raise BrokenSealError("names of what it holds are missing")

    def remember(self, segment: int, stamp: Stamp) -> None:
        """Note that a file, as it now is, was checked; where it cannot be, it is checked again."""
        with suppress(ConfigError), self._writing():
            self.connection.execute(
                "UPDATE segments SET inode = ?, size = ?, mtime = ? WHERE id = ?",
                (stamp.inode, stamp.size, stamp.mtime, segment),
            )

    def forget(self, before: float) -> set[str]:
        """Take out the segments that have gone before a time; return their files."""
        with self._writing():
            rows = self.connection.execute(
                "DELETE FROM segments WHERE gone < ? RETURNING file", (before,)
            ).fetchall()
        with self._guard():  # a log is as long as the longest that it ever was
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return {file for (file,) in rows}

    def files(self) -> dict[str, bool]:
        """Return all files that it knows, and whether each is still read."""
        with self._guard():
            rows = self.connection.execute(
                "SELECT file, max(gone IS NULL) FROM segments GROUP BY file"
            )
            return {file: bool(living) for file, living in rows}

    def last(self) -> int:
        """Return the number of the last commit; 0 without any."""
        with self._guard():
            (number,) = self.connection.execute("SELECT max(number) FROM commits").fetchone()
        return int(number or 0)

    def skip(self, number: int) -> None:
        """Give no later commit a number up to this one."""
        with self._writing():
            self.connection.execute("DELETE FROM sqlite_sequence WHERE name = 'commits'")
            self.connection.execute(
                "INSERT INTO sqlite_sequence (name, seq) VALUES ('commits', ?)", (number,)
            )

    def close(self) -> None:
        """Let the database go."""
        self.connection.close()
