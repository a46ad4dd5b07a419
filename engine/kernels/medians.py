"""The median of a long column, by counting: two passes over it, and a sort of a small part.

1. A float's first 16 bits (sign, exponent, four bits of the fraction) put it into one of 65,536
   buckets, which are in the floats' own order; the first pass counts each bucket's values.
2. The counts say which bucket holds the middle value, or both of them.
3. The second pass gathers that bucket's values, among which the middle ones are selected.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernels.cache import njit

Array = npt.NDArray[Any]

BUCKETS, SHIFT = 1 << 16, 48
EXPONENT = 0x7FF0_0000_0000_0000  # all ones in NaN and infinities
MAGNITUDE = 0x7FFF_FFFF_FFFF_FFFF

kernel = njit(cache=True, nogil=True)


def median(column: Array, keep: Array) -> float:
    """Return the median of a column's finite values, shape (R,), where `keep` is; NaN without any.

    The mean of the two middle ones of an even number, to the last bit as `numpy.median`.
    """
    counts = np.zeros(BUCKETS, np.int64)
    bits = column.view(np.int64)
    count_buckets(bits, keep, counts)
    through = np.cumsum(counts)
    n = int(through[-1])
    if n == 0:
        return float("nan")
    low, high = (n - 1) // 2, n // 2
    first, last = np.searchsorted(through, [low, high], side="right")
    below = int(through[first] - counts[first])
    middle = np.empty(int(through[last]) - below)
    gather_buckets(bits, keep, int(first), int(last), middle.view(np.int64))
    middle.partition([low - below, high - below])
    return (
        float((middle[low - below] + middle[high - below]) / 2)
        if high > low
        else float(middle[low - below])
    )


@kernel
def count_buckets(bits: Array, keep: Array, counts: Array) -> None:
    """Add to each bucket how many finite kept values it has."""
    for i in range(len(bits)):
        b = bits[i]
        if keep[i] and (b & EXPONENT) != EXPONENT:
            counts[((b ^ ((b >> 63) & MAGNITUDE)) >> SHIFT) + BUCKETS // 2] += 1


@kernel
def gather_buckets(bits: Array, keep: Array, first: int, last: int, out: Array) -> None:
    """Fill in the finite kept values of the buckets from `first` to `last`, in their order."""
    at = 0
    for i in range(len(bits)):
        b = bits[i]
        bucket = ((b ^ ((b >> 63) & MAGNITUDE)) >> SHIFT) + BUCKETS // 2
        if first <= bucket <= last and keep[i] and (b & EXPONENT) != EXPONENT:
            out[at] = b
            at += 1
