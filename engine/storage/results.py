"""Results of stages, kept: the files that a stage left, found again by its key.

```
 results/results.sqlite     key, stage, bytes, when it was last used, what it told, its files
 results/3f/3f81…/          bars.parquet, panel.npz, …: as the stage left them in its run folder
                            pieces.npy [pieces, dates, symbols]: arrays that are found by themselves
```

1. Files are copied under another name and forced to the disk; then the folder gets its name, and
   the key its row. Whoever dies on the way leaves a folder that nobody reads.
2. A file that is not as it was when it was kept is read through first; one that is damaged
   takes its result out, which is then made again.
3. Above `max_bytes`, those go first that were not used for the longest time.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from engine.core.errors import DataError
from engine.core.panel import FloatArray
from engine.core.sqlite import connect, transaction
from engine.storage import checksums
from engine.storage.faults import tell_denied
from engine.storage.segments import Stamp, force

log = logging.getLogger(__name__)
SCHEMA = """
CREATE TABLE IF NOT EXISTS results (
    key TEXT PRIMARY KEY, stage TEXT NOT NULL, bytes INTEGER NOT NULL, used REAL NOT NULL,
    told TEXT NOT NULL, files TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS pieces (
    key TEXT PRIMARY KEY, result TEXT NOT NULL, place INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS pieces_of ON pieces (result);
CREATE TABLE IF NOT EXISTS counts (
    stage TEXT PRIMARY KEY, found INTEGER NOT NULL, missed INTEGER NOT NULL);
"""
OF_STORE = "of_store"  # of a log record: it is about no result, and stands in no manifest
ASIDE = {OF_STORE: True}
LEASE = 3600.0  # seconds for which one may be at work
FULLEST = 0.9  # of `max_bytes`: what is left when something had to go
DATABASE, PART, PIECES = "results.sqlite", ".part", "pieces.npy"
NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Result:
    """What was kept of a stage.

    Parameters
    ----------
    folder : pathlib.Path
        Where its files are.
    files : tuple of str
        Their names.
    told : mapping
        What was kept beside them, as plain values.
    """

    folder: Path
    files: tuple[str, ...]
    told: Mapping[str, Any]

    def copy(self, folder: Path) -> None:
        """Copy the files into a folder, but for the pieces."""
        for name in {*self.files} - {PIECES}:
            shutil.copyfile(self.folder / name, folder / name)


@dataclass(frozen=True)
class Share:
    """How many results of a stage were found, and how many were not."""

    stage: str
    found: int
    missed: int


class Results:
    """A folder of results. Threads may share one; processes open their own.

    Parameters
    ----------
    folder : pathlib.Path
        Made where it is missing.
    max_bytes : float
        That they may take.

    Raises
    ------
    DataError
        The folder lies on a network mount, or its database is damaged.
    ConfigError
        The folder cannot be written.
    """

    def __init__(self, folder: Path, max_bytes: float = float("inf")) -> None:
        self.folder, self.max_bytes = folder, max_bytes
        try:
            folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise tell_denied(folder.parent, error.strerror or "") from error
        if not os.access(folder, os.W_OK):
            raise tell_denied(folder.parent, "it is read-only")
        self._lock = threading.RLock()
        self._used: dict[str, float] = {}
        self._found, self._missed = Counter[str](), Counter[str]()
        with self._mending():
            self._database = connect(folder / DATABASE)
            self._database.execute("PRAGMA synchronous = NORMAL")  # it may forget, not lie
            self._database.executescript(SCHEMA)

    def find(self, key: str, stage: str) -> Result | None:
        """Return what was kept under a key; None where nothing was, or it is damaged."""
        with self._lock, self._mending():
            found = self._get(key)
            (self._missed if found is None else self._found)[stage] += 1
            if found is not None:
                self._used[key] = time.time()
        return found

    def _get(self, key: str) -> Result | None:
        row = self._database.execute(
            "SELECT told, files FROM results WHERE key = ?", (key,)
        ).fetchone()
        return None if row is None else self._read(key, json.loads(row[0]), json.loads(row[1]))

    def _read(self, key: str, told: Mapping[str, Any], files: Mapping[str, Any]) -> Result | None:
        place, now = self._place(key), {}
        for name, (*stamp, digest) in files.items():
            fault, found = _look(place / name, Stamp(*stamp), digest)
            if fault:
                log.warning("store: %s %s: it is made again", place / name, fault, extra=ASIDE)
                self._drop([key])
                return None
            now[name] = [*found, digest]
        if now != files:  # the store was copied to where it is
            noted = json.dumps(now), key
            self._database.execute("UPDATE results SET files = ? WHERE key = ?", noted)
        return Result(place, tuple(files), told)

    def find_pieces(self, keys: Sequence[str]) -> dict[str, FloatArray]:
        """Return the pieces that are kept, by their keys: mapped into memory, to be read."""
        with self._lock, self._mending():
            rows = self._database.execute(
                "SELECT p.key, p.result, p.place FROM pieces AS p, json_each(?)"
                " WHERE p.key = value",
                (json.dumps([*keys]),),
            ).fetchall()
            files: dict[str, FloatArray | None] = {}
            made = {}
            for key, result, place in rows:
                if result not in files:
                    files[result] = self._map(result)
                pieces = files[result]
                if pieces is not None:
                    made[key] = pieces[place]
        return made

    def _map(self, key: str) -> FloatArray | None:
        """The pieces of a result, where they are what was kept."""
        found = self._get(key)
        if found is None or PIECES not in found.files:
            return None
        self._used[key] = time.time()
        mapped: FloatArray = np.load(found.folder / PIECES, mmap_mode="r").view(np.ndarray)
        return mapped

    def keep(
        self,
        key: str,
        stage: str,
        told: Mapping[str, Any],
        files: Sequence[Path],
        pieces: Mapping[str, FloatArray] = NOTHING,
    ) -> None:
        """Keep a result; one that is there already is left as it is.

        Pieces are arrays of one shape, each by a key of its own.
        """
        size = sum(file.stat().st_size for file in files)
        size += sum(array.nbytes for array in pieces.values())
        if size > self.max_bytes:
            return
        place = self._place(key)
        part = self.folder / f"{key}-{uuid4().hex[:8]}{PART}"
        try:
            part.mkdir(mode=0o700)
            about = {file.name: _copy(file, part / file.name) for file in files}
            if pieces:
                about[PIECES] = _write(pieces, part / PIECES)
            place.parent.mkdir(mode=0o700, exist_ok=True)
            with self._lock, transaction(self._database):
                (there,) = self._database.execute(
                    "SELECT count(*) FROM results WHERE key = ?", (key,)
                ).fetchone()
                if not there:
                    shutil.rmtree(place, ignore_errors=True)  # of one who died before the row
                    part.replace(place)
                    force(place.parent)
                    self._database.execute(
                        "INSERT INTO results VALUES (?, ?, ?, ?, ?, ?)",
                        (key, stage, size, time.time(), json.dumps(told), json.dumps(about)),
                    )
                    self._database.executemany(
                        "INSERT OR REPLACE INTO pieces VALUES (?, ?, ?)",
                        [(piece, key, place) for place, piece in enumerate(pieces)],
                    )
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def forget(self, key: str) -> None:
        """Take a result out."""
        with self._lock, self._mending():
            self._drop([key])

    def shares(self) -> list[Share]:
        """How many were found and missed since the folder was made, by stage."""
        with self._lock, self._mending():
            self._note()
            rows = self._database.execute("SELECT stage, found, missed FROM counts ORDER BY stage")
            return [Share(*row) for row in rows]

    def size(self) -> tuple[int, int]:
        """How many results there are, and how many bytes they take."""
        with self._lock, self._mending():
            row = self._database.execute("SELECT count(*), total(bytes) FROM results").fetchone()
        return int(row[0]), int(row[1])

    def vacuum(self, lease: float = LEASE) -> int:
        """Delete what nobody reads and who wrote it died, `lease` seconds ago; return how many."""
        with self._lock, self._mending():
            rows = self._database.execute("SELECT key FROM results")
            known = {self._place(key) for (key,) in rows}
        before = time.time() - lease
        gone = 0
        for place in [*self.folder.glob(f"*{PART}"), *self.folder.glob("??/*")]:
            with suppress(OSError):  # another one was first
                if place not in known and place.stat().st_mtime <= before:
                    shutil.rmtree(place)
                    gone += 1
        return gone

    def verify(self) -> list[Path]:
        """Hash every file, and return those that are not what was kept."""
        with self._lock, self._mending():
            rows = self._database.execute("SELECT key, files FROM results").fetchall()
        return [
            self._place(key) / name
            for key, files in rows
            for name, (*_, digest) in json.loads(files).items()
            if _look(self._place(key) / name, None, digest)[0]
        ]

    def close(self) -> None:
        """Note what was used, make room where there is too much, and let the database go."""
        with self._lock:
            try:
                with self._mending():
                    self._note()
                    self._make_room()
            finally:
                self._database.close()

    def _note(self) -> None:
        if not (self._used or self._found or self._missed):
            return
        with transaction(self._database):
            self._database.executemany(
                "UPDATE results SET used = ? WHERE key = ?",
                [(at, key) for key, at in self._used.items()],
            )
            self._database.executemany(
                "INSERT INTO counts VALUES (?1, ?2, ?3) ON CONFLICT (stage)"
                " DO UPDATE SET found = found + ?2, missed = missed + ?3",
                [(s, self._found[s], self._missed[s]) for s in {*self._found, *self._missed}],
            )
        for noted in (self._used, self._found, self._missed):
            noted.clear()

    def _make_room(self) -> None:
        _, total = self.size()
        if total <= self.max_bytes:
            return
        gone = []
        for key, size in self._database.execute("SELECT key, bytes FROM results ORDER BY used"):
            if total <= FULLEST * self.max_bytes:
                break
            gone.append(key)
            total -= size
        self._drop(gone)
        self.vacuum()

    def _drop(self, keys: Sequence[str]) -> None:
        with transaction(self._database):
            gone = [(key,) for key in keys]
            self._database.executemany("DELETE FROM results WHERE key = ?", gone)
            self._database.executemany("DELETE FROM pieces WHERE result = ?", gone)
        for key in keys:
            shutil.rmtree(self._place(key), ignore_errors=True)

    def _place(self, key: str) -> Path:
        return self.folder / key[:2] / key

    @contextmanager
    def _mending(self) -> Iterator[None]:
        """What SQLite says of a damaged database becomes one line, with the way back."""
        try:
            yield
        except sqlite3.OperationalError as error:  # it is locked, or the disk is full
            raise DataError(
                f"{self.folder / DATABASE}: {error}; try again, or name another folder with "
                "store.path=…"
            ) from error
        except sqlite3.DatabaseError as error:
            raise DataError(
                f"{self.folder / DATABASE}: damaged ({error}); delete {self.folder}: results are "
                "made again"
            ) from error


def _copy(file: Path, to: Path) -> list[Any]:
    """Copy a file for good; its stamp and its checksum."""
    shutil.copyfile(file, to)
    return _force(to)


def _write(pieces: Mapping[str, FloatArray], to: Path) -> list[Any]:
    """Write pieces for good; the file's stamp and its checksum."""
    first = next(iter(pieces.values()))
    kind = np.lib.format.dtype_to_descr(first.dtype)
    header = {"descr": kind, "fortran_order": False, "shape": (len(pieces), *first.shape)}
    with to.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for array in pieces.values():
            file.write(np.ascontiguousarray(array, first.dtype).data)
    return _force(to)


def _force(to: Path) -> list[Any]:
    """Force a file to the disk; its stamp and its checksum."""
    with to.open("rb", buffering=0) as written:
        os.fsync(written.fileno())
        digest = checksums.compute(written)
    return [*asdict(Stamp.of(to)).values(), digest]


def _look(file: Path, stamp: Stamp | None, digest: str) -> tuple[str, Sequence[int]]:
    """What is wrong with a file, "" where it is what was kept, and its stamp.

    The stamp that it had when it was hashed saves hashing it.
    """
    try:
        now = Stamp.of(file)
        if now == stamp:
            return "", astuple(now)
        with file.open("rb", buffering=0) as opened:
            same = checksums.fits(opened, digest)
    except OSError:
        return "is missing", ()
    return "" if same else "is damaged", astuple(now)
