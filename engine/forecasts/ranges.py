"""Sets of dates as ranges of rows: ``((0, 60), (85, 120))``; ascending, stops excluded."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Ranges = tuple[tuple[int, int], ...]


def to_ranges(rows: npt.NDArray[np.integer]) -> Ranges:
    """Return ascending rows, shape (n,), as ranges; one that is there twice counts once."""
    if len(rows) == 0:
        return ()
    breaks = np.flatnonzero(np.diff(rows) > 1)
    starts, stops = rows[np.r_[0, breaks + 1]], rows[np.r_[breaks, len(rows) - 1]] + 1
    return tuple((int(a), int(b)) for a, b in zip(starts, stops, strict=True))


def to_rows(ranges: Ranges) -> npt.NDArray[np.int64]:
    """Return ranges as rows, shape (n,)."""
    return np.concatenate([np.empty(0, np.int64), *(np.arange(a, b) for a, b in ranges)])


def clip(ranges: Ranges, start: int, stop: int) -> Ranges:
    """Return what of ranges lies in [start, stop)."""
    inside = ((max(a, start), min(b, stop)) for a, b in ranges)
    return tuple((a, b) for a, b in inside if a < b)


def merge(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Return ascending ranges with those that touch made one."""
    merged: list[tuple[int, int]] = []
    for start, stop in ranges:
        if merged and merged[-1][1] == start:
            merged[-1] = (merged[-1][0], stop)
        else:
            merged.append((start, stop))
    return tuple(merged)
