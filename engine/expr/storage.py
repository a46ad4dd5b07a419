"""Arrays of a graph's stored parts, and of blocks while they are worked on; all used again.

An array that was asked of the system anew costs as much as a pass over it, for its pages are
cleared. So what is freed is kept, and given to the next part that is stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.core.panel import FloatArray

LINE = 64  # bytes: vectors that lie across two lines of the cache are read twice


@dataclass
class Storage:
    """Arrays by part, of dates × symbols.

    Parameters
    ----------
    shape : tuple of int
        Dates, symbols.
    dtype : numpy.dtype
    readers : Counter
        How often each part will still be read; what no one will read is freed.
    peak : int
        Most arrays that there were at once, spare ones too; not those of others.
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    readers: Counter[int]
    peak: int = 0
    _live: int = 0
    _held: dict[int, FloatArray] = field(default_factory=dict)
    _shared: set[int] = field(default_factory=set)
    _spare: list[FloatArray] = field(default_factory=list)

    def __contains__(self, part: int) -> bool:
        return part in self._held

    def __getitem__(self, part: int) -> FloatArray:
        return self._held[part]

    def allocate(self) -> FloatArray:
        """An array to be filled."""
        if self._spare:
            return self._spare.pop()
        self._live += 1
        self.peak = max(self.peak, self._live)
        return np.empty(self.shape, self.dtype)

    def put(self, part: int, array: FloatArray, *, shared: bool = False) -> None:
        """Keep a part's array; a `shared` one is someone else's, and never changed."""
        self._held[part] = array
        if shared:
            self._shared.add(part)

    def count_reading(self, parts: Iterable[int]) -> None:
        """Note a reading of each part."""
        for part in parts:
            self.readers[part] -= 1
            if not self.readers[part]:
                array = self._held.pop(part)
                if part not in self._shared:
                    self._spare.append(array)

    def take(self, part: int) -> FloatArray:
        """A result that is the caller's own."""
        self.readers[part] -= 1
        if self.readers[part] or part in self._shared:
            return self._held[part].copy()
        self._live -= 1
        return self._held.pop(part)


@dataclass
class Workspaces:
    """Memory for the arrays of blocks, one piece for each thread that is at work."""

    _free: list[npt.NDArray[np.uint8]] = field(default_factory=list)

    @contextmanager
    def one(self, count: int, shape: tuple[int, int], dtype: np.dtype[Any]) -> Iterator[FloatArray]:
        """As many arrays of a shape, (count, rows, columns), each at the begin of a cache line."""
        cells = shape[0] * shape[1]
        step = -(-cells * dtype.itemsize // LINE) * LINE
        try:
            memory = self._free.pop()  # one step: another thread may take the last one
        except IndexError:
            memory = np.empty(0, np.uint8)
        if len(memory) < count * step + LINE:
            memory = np.empty(count * step + LINE, np.uint8)
        first = -memory.ctypes.data % LINE
        arrays = memory[first : first + count * step].view(dtype)
        yield arrays.reshape(count, step // dtype.itemsize)[:, :cells].reshape(count, *shape)
        self._free.append(memory)
