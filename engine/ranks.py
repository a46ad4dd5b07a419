"""Average ranks of the rows of an array, by a radix sort.

Each value gets a code of two digits that no lesser value exceeds: its place between the row's
extremes or, where an outlier would crowd the others into one place, the leading bits of the
float. The codes are sorted digit by digit; insertion then puts the values in full order, and
finds next to nothing to do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

FloatArray = npt.NDArray[np.float64]
Array = npt.NDArray[Any]


def average_ranks(array: FloatArray, share: bool = False) -> FloatArray:
    """Rank each row from 1, ties sharing their average rank.

    Parameters
    ----------
    array : float array, shape (T, N)
    share : bool
        Divide by the number of the row's values, so that ranks lie in (0, 1].

    Returns
    -------
    float array, shape (T, N)
        1 to n among the row's n non-NaN cells; NaN where the input is NaN.
    """
    out = np.empty(array.shape)
    _ranks(np.ascontiguousarray(array), share, out)
    return out


@njit(cache=True, nogil=True)
def _ranks(array: Array, share: bool, out: Array) -> None:
    columns = array.shape[1]
    digit = 8 if columns <= 128 else 10 if columns <= 1024 else 11  # tables stay in the cache
    low, high = np.empty(1 << digit, np.int32), np.empty(1 << digit, np.int32)
    pack, spare = np.empty(columns, np.uint64), np.empty(columns, np.uint64)
    key, last = np.empty(columns), np.uint64(0xFFFFFFFF)
    for t in range(len(array)):
        row, ranks = array[t], out[t]
        n = 0
        least, most = np.inf, -np.inf
        for j in range(columns):
            v = row[j]
            ranks[j] = np.nan
            pack[n] = np.uint64(j)
            n += 0 if np.isnan(v) else 1
            least = v if v < least else least
            most = v if v > most else most
        if not _by_place(row, pack[:n], least, most, low, high, digit):
            _by_bits(row, pack[:n], low, high, digit)
        _sort(row, pack[:n], spare, key, low, high, digit)
        divisor = float(n) if share else 1.0
        first = 0
        while first < n:
            stop = first + 1
            while stop < n and key[stop] == key[first]:
                stop += 1
            rank = (first + 1 + stop) / 2.0 / divisor
            for j in range(first, stop):
                ranks[pack[j] & last] = rank
            first = stop


@njit(cache=True, nogil=True)
def _by_place(
    row: Array, pack: Array, least: float, most: float, low: Array, high: Array, digit: int
) -> bool:
    """Put codes above the columns in `pack`, by place between the extremes; False: of no use."""
    width = float((1 << (2 * digit)) - 1)
    scale = width / (most - least) if most > least else 0.0
    if not 0.0 < scale < np.inf:  # nothing, one value only, or a span without bounds
        return False
    mask, above = np.uint64((1 << digit) - 1), np.uint64(digit)
    low[:] = 0
    high[:] = 0
    for i in range(len(pack)):
        j = pack[i]
        code = np.uint64((row[j] - least) * scale)
        low[code & mask] += 1
        high[code >> above] += 1
        pack[i] = (code << np.uint64(32)) | j
    if high.max() <= max(len(pack) // 4, 8):
        return True
    for i in range(len(pack)):
        pack[i] &= np.uint64(0xFFFFFFFF)
    return False


@njit(cache=True, nogil=True)
def _by_bits(row: Array, pack: Array, low: Array, high: Array, digit: int) -> None:
    """Put codes above the columns in `pack`, by the leading bits of what the row spans."""
    bits = row.view(np.uint64)
    mask, above, shift = np.uint64((1 << digit) - 1), np.uint64(digit), np.uint64(0)
    floor, ceiling = ~np.uint64(0), np.uint64(0)
    for i in range(len(pack)):
        b = _ordered(bits[pack[i]])
        floor, ceiling = min(floor, b), max(ceiling, b)
    while len(pack) > 0 and ((ceiling - floor) >> shift) >= np.uint64(1 << (2 * digit)):
        shift += np.uint64(1)
    low[:] = 0
    high[:] = 0
    for i in range(len(pack)):
        code = (_ordered(bits[pack[i]]) - floor) >> shift
        low[code & mask] += 1
        high[code >> above] += 1
        pack[i] |= code << np.uint64(32)


@njit(cache=True, nogil=True)
def _ordered(bits: Any) -> Any:
    """Bits of a float as a number without sign that is ordered as the floats are."""
    sign = np.uint64(1) << np.uint64(63)
    if bits == sign:
        return sign  # the two zeros are one
    return ~bits if (bits & sign) != 0 else bits | sign


@njit(cache=True, nogil=True)
def _sort(
    row: Array, pack: Array, spare: Array, key: Array, low: Array, high: Array, digit: int
) -> None:
    """Sort `pack` by its codes, then by the values themselves, which are left in `key`."""
    n, mask = len(pack), np.uint64((1 << digit) - 1)
    code, above = np.uint64(32), np.uint64(32 + digit)
    below, under = 0, 0
    for b in range(len(low)):
        below, low[b] = below + low[b], below
        under, high[b] = under + high[b], under
    for i in range(n):
        b = (pack[i] >> code) & mask
        at = low[b]
        low[b] = at + 1
        spare[at] = pack[i]
    for i in range(n):
        b = spare[i] >> above
        at = high[b]
        high[b] = at + 1
        pack[at] = spare[i]
    for i in range(n):
        p, at = pack[i], i
        k = row[p & np.uint64(0xFFFFFFFF)]
        while at > 0 and key[at - 1] > k:
            key[at] = key[at - 1]
            pack[at] = pack[at - 1]
            at -= 1
        key[at] = k
        pack[at] = p
