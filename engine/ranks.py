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
    key, spare = np.empty(columns), np.empty(columns)
    code, second = np.empty(columns, np.uint32), np.empty(columns, np.uint32)
    place, other = np.empty(columns, np.int32), np.empty(columns, np.int32)
    digit = 8 if columns <= 128 else 10 if columns <= 1024 else 11  # tables stay in the cache
    low, high = np.empty(1 << digit, np.int32), np.empty(1 << digit, np.int32)
    for t in range(len(array)):
        row, ranks = array[t], out[t]
        n = 0
        for j in range(columns):
            v = row[j]
            key[n] = v
            place[n] = j
            n += 0 if np.isnan(v) else 1
            ranks[j] = np.nan
        if n == 0:
            continue
        _code(key[:n], code, low, high, digit)
        _sort(key[:n], code, place, spare, second, other, low, high, digit)
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
def _code(key: Array, code: Array, low: Array, high: Array, digit: int) -> None:
    """Codes of two digits that keep the order, and how often each digit comes."""
    n = len(key)
    least, most = key[0], key[0]
    for j in range(n):
        least, most = min(least, key[j]), max(most, key[j])
    width = (1 << (2 * digit)) - 1
    scale = width / (most - least) if most > least else 0.0
    if 0.0 < scale < np.inf:  # the span is neither infinite nor next to nothing
        for j in range(n):
            code[j] = np.uint32((key[j] - least) * scale)
        _count(code[:n], low, high, digit)
        if high.max() <= max(n // 4, 8):
            return
    bits = key.view(np.int64)
    floor, shift = _ordered(bits[0], key[0]), np.uint64(0)
    ceiling = floor
    for j in range(n):
        b = _ordered(bits[j], key[j])
        floor, ceiling = min(floor, b), max(ceiling, b)
    while ((ceiling - floor) >> shift) > np.uint64(width):
        shift += np.uint64(1)
    for j in range(n):
        code[j] = np.uint32((_ordered(bits[j], key[j]) - floor) >> shift)
    _count(code[:n], low, high, digit)


@njit(cache=True, nogil=True)
def _ordered(bits: Any, value: float) -> Any:
    """Bits of a float as a number without sign that is ordered as the floats are."""
    sign = np.uint64(1) << np.uint64(63)
    b = np.uint64(0) if value == 0.0 else np.uint64(bits)  # the two zeros are one
    return ~b if (b & sign) != 0 else b | sign


@njit(cache=True, nogil=True)
def _count(code: Array, low: Array, high: Array, digit: int) -> None:
    mask = (1 << digit) - 1
    low[:] = 0
    high[:] = 0
    for j in range(len(code)):
        low[code[j] & mask] += 1
        high[code[j] >> digit] += 1


@njit(cache=True, nogil=True)
def _sort(
    key: Array, code: Array, place: Array, spare: Array, second: Array, other: Array,
    low: Array, high: Array, digit: int,
) -> None:  # fmt: skip
    """Sort keys and places, in place; `spare`, `second`, `other` are room to work in."""
    n, mask = len(key), (1 << digit) - 1
    below, under = 0, 0
    for b in range(len(low)):
        below, low[b] = below + low[b], below
        under, high[b] = under + high[b], under
    for j in range(n):
        b = code[j] & mask
        at = low[b]
        low[b] = at + 1
        spare[at] = key[j]
        second[at] = code[j]
        other[at] = place[j]
    for j in range(n):
        b = second[j] >> digit
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
