"""Medians of long columns, by counting: two passes over them, and a sort of a small part.

1. A float's first 16 bits (sign, exponent, four bits of the fraction) put it into one of 65,536
   buckets, which are in the floats' own order; the first pass counts each bucket's values.
2. The counts say which bucket holds the middle value, or both of them.
3. The second pass gathers that bucket's values, among which the middle ones are selected.

Trainings that follow one another share most of their rows: only those that come and go are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernels.cache import njit
from engine.kernels.threads import share

Array = npt.NDArray[Any]

BUCKETS, SHIFT = 1 << 16, 48
EXPONENT = 0x7FF0_0000_0000_0000  # all ones in NaN and infinities
MAGNITUDE = 0x7FFF_FFFF_FFFF_FFFF

kernel = njit(cache=True, nogil=True)


class Medians:
    """Medians of a table's columns over one choice of its rows after another.

    Parameters
    ----------
    columns : sequence of K float arrays, each of shape (R,)
    hidden : sequence of K bool arrays, each of shape (R,), or None
        Values of a column that are in no choice.
    """

    def __init__(self, columns: Sequence[Array], hidden: Sequence[Array | None]) -> None:
        nothing = np.zeros(len(columns[0]), bool)
        self.columns = columns
        self.hidden = [nothing if each is None else each for each in hidden]
        self._kept = nothing.copy()  # the last choice, and its counts
        self._counts = np.zeros((len(columns), BUCKETS), np.int32)

    def over(self, keep: Array) -> Array:
        """Return the median of each column's finite values where `keep` is, shape (K,).

        The mean of the two middle ones of an even number, to the last bit as `numpy.median`; NaN
        without any.
        """
        medians = np.empty(len(self.columns))
        changed, kept = _find_span(keep != self._kept), _find_span(keep)

        def learn(some: slice) -> None:
            k = some.start
            bits, hidden, counts = self.columns[k].view(np.int64), self.hidden[k], self._counts[k]
            recount(bits[changed], hidden[changed], self._kept[changed], keep[changed], counts)
            medians[k] = _select(bits[kept], hidden[kept], keep[kept], counts)

        share([slice(k, k + 1) for k in range(len(self.columns))], learn)
        self._kept = keep
        return medians


def _find_span(where: Array) -> slice:
    """From the first to the last row of some."""
    rows = np.flatnonzero(where)
    return slice(int(rows[0]), int(rows[-1]) + 1) if len(rows) else slice(0, 0)


def _select(bits: Array, hidden: Array, keep: Array, counts: Array) -> float:
    """The median, where each bucket's values have been counted."""
    through = np.cumsum(counts, dtype=np.int64)
    n = int(through[-1])
    if n == 0:
        return float("nan")
    low, high = (n - 1) // 2, n // 2
    first, last = np.searchsorted(through, [low, high], side="right")
    below = int(through[first] - counts[first])
    middle = np.empty(int(through[last]) - below + 1)
    begin, end = ((int(bucket) - BUCKETS // 2) << SHIFT for bucket in (first, last + 1))
    gather(bits, hidden, keep, begin, end - 1, middle.view(np.int64))
    middle = middle[:-1]
    middle.partition([low - below, high - below])
    return (
        float((middle[low - below] + middle[high - below]) / 2)
        if high > low
        else float(middle[low - below])
    )


@kernel
def recount(bits: Array, hidden: Array, before: Array, keep: Array, counts: Array) -> None:
    """Add to each bucket its finite values that are kept now, less those that were before."""
    for i in range(len(bits)):
        b = bits[i]
        if keep[i] != before[i] and not hidden[i] and (b & EXPONENT) != EXPONENT:
            bucket = ((b ^ ((b >> 63) & MAGNITUDE)) >> SHIFT) + BUCKETS // 2
            counts[bucket] += 1 if keep[i] else -1


@kernel
def gather(bits: Array, hidden: Array, keep: Array, begin: int, end: int, out: Array) -> None:
    """Fill in the kept values of some buckets, in their order; `out` has one place to spare.

    `begin` and `end` are the least and largest of them as numbers that ascend with the values.
    """
    at = 0
    for i in range(len(bits)):
        b = bits[i]
        key = b ^ ((b >> 63) & MAGNITUDE)
        out[at] = b  # without a branch: what is not wanted is written over
        at += keep[i] & (not hidden[i]) & (begin <= key) & (key <= end)
