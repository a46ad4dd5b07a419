"""The stored parts of a graph: their arrays, turned when a region needs them so, and used again.

An array that was asked of the system anew costs as much as a pass over it, for its pages are
cleared. So what is freed is kept, and given to the next part that is stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from engine.expr.graph import DATES, SERIES
from engine.panel import FloatArray

SMALL = 256 * 1024  # bytes: not worth a second thread


@dataclass
class Storage:
    """Arrays by part and layout, of dates × symbols or (``series``) symbols × dates.

    Parameters
    ----------
    shape : tuple of int
        Dates, symbols.
    readers : Counter
        How often each (part, layout) will still be read; what no one will read is freed.
    pool : ThreadPoolExecutor or None
        Turns large arrays.
    peak : int
        Most arrays that there were at once, spare ones too; not those of others.
    """

    shape: tuple[int, int]
    readers: Counter[tuple[int, str]]
    pool: ThreadPoolExecutor | None
    peak: int = 0
    _live: int = 0
    _held: dict[tuple[int, str], FloatArray] = field(default_factory=dict)
    _shared: set[tuple[int, str]] = field(default_factory=set)
    _spare: list[FloatArray] = field(default_factory=list)

    def __contains__(self, part: int) -> bool:
        return (part, DATES) in self._held or (part, SERIES) in self._held

    def empty(self, layout: str) -> FloatArray:
        """An array to be filled."""
        days, symbols = self.shape
        shape = (symbols, days) if layout == SERIES else (days, symbols)
        if self._spare:
            return self._spare.pop().reshape(shape)
        self._live += 1
        self.peak = max(self.peak, self._live)
        return np.empty(shape)

    def put(self, part: int, layout: str, array: FloatArray, *, shared: bool = False) -> None:
        """Keep a part's array; a `shared` one is someone else's, and never changed."""
        self._held[part, layout] = array
        if shared:
            self._shared.add((part, layout))

    def on(self, part: int, layout: str) -> FloatArray:
        """A part's array in a layout."""
        if (part, layout) not in self._held:
            other = SERIES if layout == DATES else DATES
            array = self.empty(layout)
            _turn(self._held[part, other], array, self.pool)
            self._held[part, layout] = array
            if not self.readers[part, other]:
                self._free(part, other)
        return self._held[part, layout]

    def best(self, part: int, layout: str) -> tuple[FloatArray, str]:
        """A part's array for a region that can turn single blocks: and how it lies.

        What only one more such region will read is not worth turning as a whole.
        """
        other = SERIES if layout == DATES else DATES
        if (part, layout) not in self._held and self.readers[part, layout] == 1:
            return self._held[part, other], other
        return self.on(part, layout), layout

    def wanted(self, part: int) -> str:
        """The layout in which a part is read next, or most often."""
        return DATES if self.readers[part, DATES] > self.readers[part, SERIES] else SERIES

    def used(self, parts: Iterable[int], layout: str) -> None:
        """Note a reading of each part."""
        for part in parts:
            self.readers[part, layout] -= 1
            if not self.readers[part, layout]:
                self._free(part, layout)
                other = SERIES if layout == DATES else DATES
                if not self.readers[part, other]:
                    self._free(part, other)

    def taken(self, part: int) -> FloatArray:
        """A result, dates × symbols, that is the caller's own."""
        array, key = self.on(part, DATES), (part, DATES)
        others = self.readers[key] > 1 or self.readers[part, SERIES] > 0
        if others or key in self._shared:
            array = array.copy()
        else:
            del self._held[key]
            self._live -= 1
        self.used([part], DATES)
        return array

    def _free(self, part: int, layout: str) -> None:
        """Keep an array for others; unless it is the last of a part that is still read."""
        other = SERIES if layout == DATES else DATES
        if self.readers[part, other] and (part, other) not in self._held:
            return
        array = self._held.pop((part, layout), None)
        if array is not None and (part, layout) not in self._shared:
            self._spare.append(array.reshape(-1))


def _turn(array: FloatArray, out: FloatArray, pool: ThreadPoolExecutor | None) -> None:
    """Write the transpose."""
    from engine.expr.lagging import turn

    rows = len(out)
    if pool is None or out.nbytes < SMALL:
        turn(array, 0, rows, out)
        return
    step = -(-rows // 16)
    for _ in pool.map(lambda start: turn(array, start, start + step, out), range(0, rows, step)):
        pass
