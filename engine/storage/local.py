"""Values of factors, kept: written once, read mapped, never changed.

1. A write is one commit: its files first (`engine.storage.segments`), then one transaction of the
   catalogue. Whoever dies between the two leaves a file that nobody reads.
2. Later values come on top: of two that were written for one cell, the later commit's is read, and
   the earlier one's as of an earlier commit.
3. Files of a few dates are folded into larger ones (`engine.storage.folding`), outside any lock;
   who reads the small ones goes on reading them until `vacuum`.
4. A file that is not as it was when it was last checked is checked before it is read.

```
 commits  1                          2  3  4  …  22             23
 files    ├──── 2014 to 2020 ────────┤│ │ │ … │                ┌─┐  a restatement lies on top
          └────────── dates ──────────┴─┴─┴───┴─▶              └─┘  of what it corrects
                                      └───┬───┘
                                       folded
```
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from engine.core.errors import ConfigError, DataError
from engine.core.keeping import Block, Kept, Record, Values
from engine.storage.catalogue import Catalogue, Int64, Segment
from engine.storage.folding import choose
from engine.storage.layout import Layout, join
from engine.storage.segments import (
    MEND,
    PART,
    SUFFIX,
    Stamp,
    find_damage,
    force,
    map_file,
    write,
)

LAYOUTS = 64  # of sets of segments that are kept at hand
LEASE = 3600.0  # seconds for which a folded file may still be read
CATALOGUE, FILES = "catalogue.sqlite", "segments"


@dataclass(frozen=True)
class Damage:
    """A file that does not hold what was written, and the keys whose values those were."""

    file: Path
    keys: tuple[str, ...]


class LocalStore:
    """A folder of values. Threads may share one; processes open their own.

    Raises
    ------
    DataError
        The folder lies on a network mount, or its catalogue is damaged.
    ConfigError
        The folder cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.files = path, path / FILES
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.files.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"store.path={path}: cannot be written ({error.strerror}); name another folder"
            ) from error
        self._lock = threading.RLock()
        self._catalogue = Catalogue(path / CATALOGUE)
        self._seen = -1
        self._segments: dict[int, Segment] = {}
        self._of: dict[int, tuple[int, ...]] = {}  # each series' segments, the lowest first
        self._maps: dict[str, Values] = {}
        self._layouts: OrderedDict[tuple[tuple[int, ...], int | None], Layout] = OrderedDict()

    def write(self, blocks: Sequence[Block], what: str = "", records: Sequence[Record] = ()) -> int:
        """Keep blocks and records as one commit, and return its number."""
        made = [
            (
                write(self.files, block.values),
                block.keys,
                block.dates.as_unit("ns").asi8,
                block.symbols,
                str(block.values.dtype),
            )
            for block in blocks
        ]
        with self._lock:
            number = self._catalogue.commit(made, what, records)
            self._seen = -1
        return number

    def read(
        self,
        keys: Sequence[str],
        first: pd.Timestamp | None = None,
        last: pd.Timestamp | None = None,
        as_of: int | None = None,
    ) -> Kept:
        """Read values by their keys, from the date `first` to `last`, both with them.

        With `as_of`, a commit's number, they are what was kept then.

        Raises
        ------
        DataError
            Nothing is kept for one of the keys, or a file is damaged.
        """
        low, high = (None if at is None else at.as_unit("ns").value for at in (first, last))
        with self._lock:
            self._refresh()
            numbers = self._find(keys)
            alike: dict[tuple[int, ...], list[int]] = {}
            for k, number in enumerate(numbers):
                alike.setdefault(self._of[number], []).append(k)
            parts = [
                (
                    members,
                    self._layout(ids, as_of).fill(
                        [numbers[k] for k in members], (low, high), self._map
                    ),
                )
                for ids, members in alike.items()
            ]
        return parts[0][1] if len(parts) == 1 else join(len(keys), parts)

    def _find(self, keys: Sequence[str]) -> list[int]:
        found = []
        for key, number in zip(keys, self._catalogue.find(keys), strict=True):
            if number is None or number not in self._of:
                raise DataError(f"{self.path}: nothing is kept for {key!r}; compute it first")
            found.append(number)
        return found

    def _refresh(self) -> None:
        """Learn what other processes have written since."""
        changes = self._catalogue.changes()
        if changes == self._seen:
            return
        self._seen = changes
        living = self._catalogue.living()
        if living == self._segments.keys():
            return
        for gone in self._segments.keys() - living:
            self._maps.pop(self._segments.pop(gone).file, None)
        for segment in self._catalogue.read(living - self._segments.keys()):
            self._segments[segment.id] = segment
        self._layouts.clear()
        stacks: dict[int, list[int]] = {}
        for segment in sorted(self._segments.values(), key=_order):
            for number in segment.series.tolist():
                stacks.setdefault(number, []).append(segment.id)
        self._of = {number: tuple(stack) for number, stack in stacks.items()}

    def _layout(self, ids: tuple[int, ...], as_of: int | None) -> Layout:
        """The axes of some segments; kept, for all factors of a set share them."""
        if as_of is not None:
            ids = tuple(each for each in ids if self._segments[each].since.min() <= as_of)
        layout = self._layouts.get((ids, as_of))
        if layout is None:
            segments = [self._segments[each] for each in ids]
            axes = dict.fromkeys(segment.symbols for segment in segments)
            names = {axis: self._catalogue.symbols(axis) for axis in axes}
            layout = self._layouts[ids, as_of] = Layout.of(segments, names, as_of)
            if len(self._layouts) > LAYOUTS:
                self._layouts.popitem(last=False)
        self._layouts.move_to_end((ids, as_of))
        return layout

    def _map(self, segment: Segment) -> Values:
        """A file's values; it is checked where it is not the file that was checked last."""
        values = self._maps.get(segment.file)
        if values is not None:
            return values
        file = self.files / segment.file
        values = map_file(file)
        stamp = Stamp.of(file)
        if stamp != segment.stamp:
            bad = find_damage(file, self._shape(segment), segment.digests)
            if bad:
                names = ", ".join(self._name(segment.series[bad]))
                raise DataError(f"{file}: damaged, where it holds {names}; {MEND}")
            self._catalogue.remember(segment.id, stamp)
        self._maps[segment.file] = values
        return values

    def _shape(self, segment: Segment) -> tuple[int, int, int]:
        symbols = self._catalogue.symbols(segment.symbols)
        return len(segment.series), len(segment.dates), len(symbols)

    def _name(self, numbers: Int64) -> list[str]:
        names = self._catalogue.names()
        return [names[number] for number in numbers.tolist()]

    def fold(self) -> int:
        """Fold files of a few dates into larger ones; return how many were folded away."""
        folded = 0
        while True:
            with self._lock:
                self._refresh()
                found = choose(list(self._segments.values()))
            if not found:
                return folded
            folded += self._fold(found)

    def _fold(self, found: Sequence[Segment]) -> int:
        dates = np.concatenate([s.dates for s in found])
        since = np.concatenate([s.since for s in found])
        with self._lock:
            maps = [self._map(s) for s in found]
        written = write(self.files, np.concatenate(maps, axis=1))
        with self._lock:
            done = self._catalogue.replace(found, written, since, dates)
            self._seen = -1
        if not done:  # another process was first
            (self.files / written.name).unlink(missing_ok=True)
        return len(found) if done else 0

    def vacuum(self, lease: float = LEASE) -> int:
        """Delete files that nobody has read for `lease` seconds; return how many."""
        before = time.time() - lease
        with self._lock:
            known = self._catalogue.forget(before)
        gone = 0
        for file in self.files.iterdir():
            if file.suffix in (SUFFIX, PART) and file.name not in known:
                try:
                    if file.stat().st_mtime <= before:
                        file.unlink()
                        gone += 1
                except FileNotFoundError:  # another vacuum
                    continue
        force(self.files)
        return gone

    def verify(self) -> list[Damage]:
        """Hash every value that is read, and return the files that are not what was written."""
        with self._lock:
            self._refresh()
            segments = sorted(self._segments.values(), key=_order)
        found = []
        for segment in segments:
            file = self.files / segment.file
            bad = find_damage(file, self._shape(segment), segment.digests)
            if bad:
                found.append(Damage(file, tuple(self._name(segment.series[bad]))))
        return found

    def mend(self, damages: Iterable[Damage]) -> None:
        """Take damaged files out: what they held counts as never computed."""
        names = {damage.file.name for damage in damages}
        with self._lock:
            self._refresh()
            self._catalogue.drop(s.id for s in self._segments.values() if s.file in names)
            self._seen = -1

    def records(self, kind: str, as_of: int | None = None) -> dict[str, str]:
        """Return all texts of a kind, by name, in the order of the names."""
        with self._lock:
            return self._catalogue.records(kind, as_of)

    def last_commit(self) -> int:
        """Return the number of the last commit; 0 without any."""
        with self._lock:
            return self._catalogue.last()

    def close(self) -> None:
        """Let the catalogue go; arrays that were read stay."""
        with self._lock:
            self._maps.clear()
            self._catalogue.close()


def _order(segment: Segment) -> tuple[int, int]:
    """By commit: what lies on top comes last."""
    return int(segment.since.max()), segment.id
