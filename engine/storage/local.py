"""Values of factors, kept: written once, read mapped, never changed.

1. A write is one commit: its files first (`engine.storage.segments`), then one transaction of the
   catalogue. Whoever dies between the two leaves a file that nobody reads.
2. Later values come on top: of two that were written for one cell, the later commit's is read, and
   the earlier one's as of an earlier commit.
3. Files of a few dates are folded into larger ones (`engine.storage.folding`), outside any lock;
   who reads the small ones goes on reading them until `vacuum`.
4. Large files become compressed ones where `compact` is asked for.
5. A file that is not as it was when it was last checked is checked before it is read.

```
 commits  1                          2  3  4  …  22             23
 files    ├──── 2014 to 2020 ────────┤│ │ │ … │                ┌─┐  a restatement lies on top
          └────────── dates ──────────┴─┴─┴───┴─▶              └─┘  of what it corrects
                                      └───┬───┘
                                       folded
```
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engine.core.errors import EngineError
from engine.core.keeping import Block, Kept, Record
from engine.storage import cold
from engine.storage.catalogue import Catalogue
from engine.storage.faults import CATALOGUE, FILES, FULL, explain, is_full, tell_denied, tell_full
from engine.storage.folding import YEAR, choose
from engine.storage.known import Known, Part
from engine.storage.layout import join
from engine.storage.mending import copy_catalogue
from engine.storage.opened import living
from engine.storage.rows import LOST, Segment, make_row
from engine.storage.segments import COLD, HOT, PART, Hot, Written, force, write
from engine.storage.stats import Hits, Stats

LEASE = 3600.0  # seconds for which a folded file may still be read


@dataclass(frozen=True)
class Damage:
    """A file that does not hold what was written, and the keys whose values those were."""

    file: Path
    keys: tuple[str, ...]


class LocalStore:
    """A folder of values. Threads may share one; processes open their own.

    A folder that may only be read, or has no room left when it is opened, is read.

    Raises
    ------
    DataError
        The folder lies on a network mount, or its catalogue is damaged or missing.
    ConfigError
        The folder cannot be made, or its disk is full.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.files = path, path / FILES
        self.is_read_only = (path / CATALOGUE).exists() and (
            not os.access(path, os.W_OK) or is_full(path)
        )
        self._lock = threading.RLock()
        self._prepare()
        self._catalogue = Catalogue(path / CATALOGUE, self.is_read_only)
        self._known = Known(self._catalogue, self.files)

    def _prepare(self) -> None:
        if self.is_read_only:
            return
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.files.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            if error.errno in FULL:
                raise tell_full(self.path, str(self.path)) from error
            raise tell_denied(self.path, error.strerror or "") from error

    def write(self, blocks: Sequence[Block], what: str = "", records: Sequence[Record] = ()) -> int:
        """Keep blocks and records as one commit, and return its number.

        Raises
        ------
        ConfigError
            The disk is full, or the folder may only be read; nothing of it is kept.
        """
        made: list[Written] = []
        with self._changing(made):
            made.extend(write(self.files, block.values) for block in blocks)
            entries = [
                (each, b.keys, b.dates.as_unit("ns").asi8, b.symbols, str(b.values.dtype))
                for each, b in zip(made, blocks, strict=True)
            ]
            with self._lock:
                number = self._catalogue.commit(entries, what, records)
                self._known.expire()
        return number

    @contextmanager
    def _changing(self, made: list[Written]) -> Iterator[None]:
        """What every change begins and ends with: files that it made in vain go at once."""
        if self.is_read_only:
            if is_full(self.path):
                raise tell_full(self.path, str(self.files))
            raise tell_denied(self.path, "when it was opened it could only be read")
        try:
            with explain(self.path):
                yield
        except BaseException:
            self._discard(made)
            raise

    def _discard(self, made: Iterable[Written]) -> None:
        try:
            with self._lock:
                known = self._catalogue.files()  # what was committed stays, whatever was raised
        except EngineError:
            return  # vacuum finds them
        for each in made:
            if each.name not in known:
                (self.files / each.name).unlink(missing_ok=True)

    def read(
        self,
        keys: Sequence[str],
        first: pd.Timestamp | None = None,
        last: pd.Timestamp | None = None,
        as_of: int | None = None,
    ) -> Kept:
        """Read values by their keys, from the date `first` to `last`, both with them.

        With `as_of`, a commit's number, they are what was kept then. The values cannot be written
        to: where one file holds all of them side by side, they are a view of it, and nothing is
        copied. What a compressed file holds is decoded when it is first read.

        Raises
        ------
        DataError
            Nothing is kept for one of the keys, or a file is damaged.
        """
        with self._lock:
            self._known.refresh()
            parts = [
                (p.members, self._known.fill(p, first, last, as_of)) for p in self._known.find(keys)
            ]
        return parts[0][1] if len(parts) == 1 else join(len(keys), parts)

    def read_each(
        self,
        keys: Sequence[str],
        first: pd.Timestamp | None = None,
        last: pd.Timestamp | None = None,
        as_of: int | None = None,
    ) -> dict[str, Kept]:
        """Read each key for itself: values of shape (1, T, N), on the key's own dates and symbols.

        So no key is copied that one file holds, whatever the others are; see `read`.
        """
        with self._lock:
            self._known.refresh()
            return {
                keys[k]: self._known.fill(Part([k], p.ids, (number,)), first, last, as_of)
                for p in self._known.find(keys)
                for k, number in zip(p.members, p.series, strict=True)
            }

    def fold(self) -> int:
        """Fold files of a few dates into larger ones; return how many were folded away."""
        folded = 0
        while True:
            with self._lock:
                self._known.refresh()
                found = choose(list(self._known.segments.values()))
            if not found:
                return folded
            done = self._fold(found)
            if not done:  # another process was first
                return folded
            folded += done
            with self._changing([]), self._lock:
                copy_catalogue(self._catalogue)

    def _fold(self, found: Sequence[Segment]) -> int:
        dates, since = (np.concatenate([getattr(s, n) for s in found]) for n in ("dates", "since"))
        made: list[Written] = []
        with self._changing(made):
            with self._lock:
                files = [self._known.opened.open(s).take(slice(None), slice(None)) for s in found]
            made.append(write(self.files, np.concatenate(files, axis=1)))
            first = found[0]
            row = make_row(made[0], first.series, dates, since, first.symbols, first.dtype, 0)
            return self._replace(found, row, made)

    def _replace(self, old: Sequence[Segment], row: tuple[Any, ...], made: list[Written]) -> int:
        """Enter a file in place of others; how many these were, 0 if one has gone."""
        with self._lock:
            done = self._catalogue.replace(old, [row])
            self._known.expire()
        if not done:
            self._discard(made)
        return len(old) if done else 0

    def compact(self, older_than: float = 0.0) -> int:
        """Write large files compressed; return how many there were.

        Large are those of at least a year of dates, with which `fold` has done; `older_than` tells
        the seconds since they were written. They hold the same values, bit for bit, and take less
        room, but are decoded when they are read; `vacuum` deletes the uncompressed ones.
        """
        before = (time.time() - older_than) * 1e9
        with self._lock:
            self._known.refresh()
            found = [
                segment
                for segment in self._known.segments.values()
                if segment.file.endswith(HOT)
                and len(segment.dates) >= YEAR
                and segment.stamp.mtime <= before
            ]
        return sum(self._compact(segment) for segment in found)

    def _compact(self, segment: Segment) -> int:
        made: list[Written] = []
        with self._changing(made):
            with self._lock:
                file = self._known.opened.open(segment)
            there = living(segment)
            values = file.take(
                np.array(there) if LOST in segment.series else slice(None), slice(None)
            )
            digests = tuple(segment.digests[k] for k in there)
            made.append(cold.write(self.files, Hot(values), digests))
            return self._replace([segment], segment.move(made[0], segment.series[there]), made)

    def vacuum(self, lease: float = LEASE) -> int:
        """Delete files that nobody has read for `lease` seconds; return how many.

        A file that the catalogue never knew was left by a process that died, or is of one that is
        about to commit it: it goes when it is older than an hour, whatever the lease.
        """
        now = time.time()
        with self._changing([]):
            with self._lock:
                gone = self._catalogue.forget(now - lease)
                copy_catalogue(self._catalogue)
                known = self._catalogue.files()
            for file in self.files.iterdir():
                if file.suffix in (HOT, COLD, PART) and file.name not in known:
                    with suppress(FileNotFoundError):  # another vacuum
                        if file.stat().st_mtime <= now - LEASE:
                            gone.add(file.name)
            for name in gone:
                (self.files / name).unlink(missing_ok=True)
            force(self.files)
        return len(gone)

    def verify(self) -> list[Damage]:
        """Hash every value that is read, and return the files that are not what was written.

        Raises
        ------
        DataError
            The catalogue is damaged.
        """
        with self._lock:
            self._catalogue.inspect()
            self._known.refresh()
            segments = sorted(self._known.segments.values(), key=lambda s: s.order)
        found = []
        for segment in segments:
            bad = self._known.opened.find_damage(segment)
            if bad and self._is_living(segment):
                keys = tuple(self._known.name(segment.series[bad].tolist()))
                found.append(Damage(self.files / segment.file, keys))
        return found

    def _is_living(self, segment: Segment) -> bool:
        """Whether a file is still read: another process may have folded it away meanwhile."""
        with self._lock:
            self._known.refresh()
            return segment.id in self._known.segments

    def mend(self, damages: Iterable[Damage]) -> None:
        """Take out what was damaged: its keys count as never computed, other keys are as before.

        All values of such a key go, for what lies under a damaged file has been superseded.
        """
        with self._changing([]), self._lock:
            keys = sorted({key for damage in damages for key in damage.keys})
            self._catalogue.lose(n for n in self._catalogue.find(keys) if n is not None)
            self._known.expire()

    def records(self, kind: str, as_of: int | None = None) -> dict[str, str]:
        """Return all texts of a kind, by name, in the order of the names."""
        with self._lock:
            return self._catalogue.records(kind, as_of)

    def last_commit(self) -> int:
        """Return the number of the last commit; 0 without any."""
        with self._lock:
            return self._catalogue.last()

    def stats(self) -> Stats:
        """Count what it holds, and how often what was read was at hand."""
        with self._lock:
            self._known.refresh()
            known = self._catalogue.files()
            sizes = {"hot": 0, "cold": 0, "gone": 0}
            for file in self.files.iterdir():
                kind = "cold" if file.suffix == COLD else "hot"
                with suppress(FileNotFoundError):  # another process's vacuum
                    sizes[kind if known.get(file.name) else "gone"] += file.stat().st_size
            opened, decoded = self._known.opened, self._known.opened.decoded
            return Stats(
                **sizes,
                files=len(self._known.segments),
                series=len(self._known.sets),
                commits=self._catalogue.last(),
                stack=self._known.depth,
                catalogue=sum(f.stat().st_size for f in self.path.glob(f"{CATALOGUE}*")),
                maps=Hits(opened.hits, opened.misses, opened.mapped),
                decoded=Hits(decoded.hits, decoded.misses, decoded.bytes),
            )

    def close(self) -> None:
        """Let the catalogue go; arrays that were read stay."""
        with self._lock:
            self._known.opened.clear()
            self._catalogue.close()
