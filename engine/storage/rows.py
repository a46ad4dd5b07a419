"""Rows of the catalogue, each under a seal: a hash of what the row says.

SQLite finds a page that is no page, not a date or a hash that has another bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np

from engine.storage.segments import DIGEST, Int64, Stamp, Written

COLUMNS = "id, file, dtype, series, digests, dates, since, symbols, rank, seal, inode, size, mtime"
LOST = -1  # a series that was taken out of its file


class BrokenSealError(Exception):
    """A row is not what was written."""


def seal(*words: object) -> bytes:
    """Hash what a row says."""
    said = [word if isinstance(word, bytes) else repr(word).encode() for word in words]
    return blake2b(b"\0".join(said), digest_size=8).digest()


@dataclass(frozen=True, eq=False)
class Segment:
    """A file, as the catalogue tells of it.

    Parameters
    ----------
    series : int array, shape (F,)
        LOST where a factor was damaged and is taken out.
    dates : int array, shape (D,)
        Nanoseconds since 1970 in UTC, ascending.
    since : int array, shape (D,)
        The commit with which each date came.
    rank : int
        Of two segments of one commit the higher lies on top.
    """

    id: int
    file: str
    dtype: str
    series: Int64
    digests: tuple[bytes, ...]
    dates: Int64
    since: Int64
    symbols: int
    rank: int
    stamp: Stamp

    @cached_property
    def kind(self) -> bytes:
        """By which segments of the same series, in the same order, are known."""
        return self.series.tobytes()

    @cached_property
    def order(self) -> tuple[int, int]:
        """By commit: what lies on top comes last."""
        return int(self.since.max()), self.rank

    def places(self, series: Sequence[int]) -> Int64:
        """Return where series stand in the file, shape (F,)."""
        at = {number: k for k, number in enumerate(self.series.tolist())}
        return np.array([at[number] for number in series], np.int64)

    def move(self, written: Written, series: Int64) -> tuple[Any, ...]:
        """Return the row, without its id, of the same dates in another file, or of other series."""
        return make_row(
            written, series, self.dates, self.since, self.symbols, self.dtype, self.rank
        )


def read_segment(row: Sequence[Any]) -> Segment:
    """Return a segment of a row's COLUMNS; BrokenSealError where they are not what was written."""
    number, *said, told, inode, size, mtime = row
    file, dtype, series, digests, dates, since, symbols, rank = said
    if told != seal(*said):
        raise BrokenSealError(f"what it says of {file} has changed")
    return Segment(
        id=number,
        file=file,
        dtype=dtype,
        series=np.frombuffer(series, np.int64),
        digests=tuple(digests[k : k + DIGEST] for k in range(0, len(digests), DIGEST)),
        dates=np.frombuffer(dates, np.int64),
        since=np.frombuffer(since, np.int64),
        symbols=symbols,
        rank=rank,
        stamp=Stamp(inode, size, mtime),
    )


def make_row(
    written: Written,
    series: Int64,
    dates: Int64,
    since: Int64,
    symbols: int,
    dtype: str,
    rank: int,
) -> tuple[Any, ...]:
    """Return the row, without its id, of a file."""
    said = (
        written.name, dtype, series.tobytes(), b"".join(written.digests), dates.tobytes(),
        since.tobytes(), symbols, rank,
    )  # fmt: skip
    stamp = written.stamp
    return (*said, seal(*said), stamp.inode, stamp.size, stamp.mtime)
