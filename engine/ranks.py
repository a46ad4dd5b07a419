"""Average ranks of the rows of an array, by a radix sort of the numbers' bits.

The bits of a float, their sign turned, are ordered like the floats. What a row spans of them is
cut to 2 × 11 bits, sorted digit by digit, and put in full order by insertion, which finds next
to nothing to do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

FloatArray = npt.NDArray[np.float64]
Array = npt.NDArray[Any]
DIGIT = 11  # bits: two tables of 2048 counts stay in the nearest cache
TABLE = 1 << DIGIT


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
    key, spare = np.empty(columns, np.uint64), np.empty(columns, np.uint64)
    place, other = np.empty(columns, np.int32), np.empty(columns, np.int32)
    low, high = np.empty(TABLE, np.int32), np.empty(TABLE, np.int32)
    for t in range(len(array)):
        row, ranks = array[t], out[t]
        n = _keys(row, key, place)
        ranks[:] = np.nan
        if n == 0:
            continue
        _sort(key[:n], place, spare, other, low, high)
        divisor = float(n) if share else 1.0
        first = 0
        while first < n:
            stop = first + 1
            while stop < n and key[stop] == key[first]:
                stop += 1
            rank = (first + 1 + stop) / 2.0 / divisor
            for j in range(first, stop):
                ranks[place[j]] = rank
            first = stop


@njit(cache=True, nogil=True)
def _keys(row: Array, key: Array, place: Array) -> int:
    """Ordered bits of the row's values, and their columns; how many there are."""
    sign = np.uint64(1) << np.uint64(63)
    bits = row.view(np.uint64)
    n = 0
    for j in range(len(row)):
        if not np.isnan(row[j]):
            b = np.uint64(0) if row[j] == 0.0 else bits[j]  # the two zeros are one
            key[n] = ~b if (b & sign) != 0 else b | sign
            place[n] = j
            n += 1
    return n


@njit(cache=True, nogil=True)
def _sort(key: Array, place: Array, spare: Array, other: Array, low: Array, high: Array) -> None:
    """Sort keys and places, in place; the rest is room to work in."""
    n = len(key)
    least, most = key[0], key[0]
    for j in range(n):
        least, most = min(least, key[j]), max(most, key[j])
    shift, mask = np.uint64(0), np.uint64(TABLE - 1)
    while ((most - least) >> shift) >= np.uint64(TABLE * TABLE):
        shift += np.uint64(1)
    low[:] = 0
    high[:] = 0
    for j in range(n):
        k = (key[j] - least) >> shift
        low[k & mask] += 1
        high[k >> np.uint64(DIGIT)] += 1
    below, under = 0, 0
    for b in range(TABLE):
        below, low[b] = below + low[b], below
        under, high[b] = under + high[b], under
    for j in range(n):
        b = ((key[j] - least) >> shift) & mask
        at = low[b]
        low[b] = at + 1
        spare[at] = key[j]
        other[at] = place[j]
    for j in range(n):
        b = (spare[j] - least) >> shift >> np.uint64(DIGIT)
        at = high[b]
        high[b] = at + 1
        key[at] = spare[j]
        place[at] = other[j]
    for j in range(1, n):
        k, p, at = key[j], place[j], j
        while at > 0 and key[at - 1] > k:
            key[at] = key[at - 1]
            place[at] = place[at - 1]
            at -= 1
        key[at] = k
        place[at] = p
