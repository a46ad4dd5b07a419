"""Average ranks of the rows of an array, by counting.

Each value gets a code that no lesser value exceeds: the bucket where it lies between the row's
extremes, of four buckets a value. A value's place is then the number of values in the buckets
below its own, corrected by comparing it with the few that follow or precede it in its bucket.
No step branches on the data, which is what makes it fast.

Where too many values share a bucket, they may all be equal, so that the counts tell the ranks;
or buckets by the leading bits of the floats may suit them; else they are sorted by a finer code.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

FloatArray = npt.NDArray[np.float64]
Array = npt.NDArray[Any]

CROWD = 30  # most values beside another in a bucket: the counts of 8 buckets must fit in a byte
BLOCK = 32  # values counted before looking whether they crowd
EARLY = 2 * BLOCK  # values; if there's a crowd among the first, finer places won't do
FEW = 16  # values that are sorted by insertion
EACH = np.uint64(0x0101010101010101)  # times eight bytes: the running sums of the bytes


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
        1 to n among the row's n non-NaN cells; NaN where the input is NaN. Of the input's type.
    """
    out = np.empty_like(array, order="C")
    _ranks(np.ascontiguousarray(array), share, out)
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _ranks(array: Array, share: bool, out: Array) -> None:
    columns = array.shape[1]
    value, rank, key = np.empty(columns), np.ones(columns + 2), np.empty(columns + CROWD)
    column, place = np.empty(columns, np.uint32), np.zeros(columns + 1, np.uint32)
    code, beside = np.empty(columns, np.uint32), np.empty(columns, np.uint8)
    count, below = np.empty((columns // 2 + 1) * 8, np.uint8), np.empty(columns // 2 + 1, np.uint32)
    wins, more = np.zeros(columns + CROWD, np.int8), np.empty(columns, np.int8)
    table = np.empty((2, max(columns + 2, 2048)), np.uint32)
    pack = np.empty((2, columns), np.uint64)
    for t in range(len(array)):
        row, ranks = array[t], out[t]
        n, least, most = 0, np.inf, -np.inf
        for j in range(columns):
            v = np.float64(row[j])
            value[n] = v
            column[n] = j
            n += 0 if np.isnan(v) else 1
            least = v if v < least else least
            most = v if v > most else most
        top = -1
        if n > FEW and _code(n, value, least, most, 4 * (n + 1), code):
            top = _count(n, code, count, beside)
        if not 0 <= top <= CROWD:
            top = _crowded(
                n, least, most, top, value, code, count, beside, key, table, pack, place, rank
            )
        if top >= 0:
            _by_neighbours(n, top, value, code, count, below, beside, key, wins, more, place, rank)
        divisor = float(n) if share else 1.0
        for p in range(n + 2):
            rank[p] = rank[p] / divisor
        if n == columns:
            for j in range(columns):
                ranks[j] = rank[place[j]]
        else:
            ranks[:] = np.nan
            for i in range(n):
                ranks[column[i]] = rank[place[i]]


@njit(cache=True, nogil=True, error_model="numpy")
def _code(n: int, value: Array, least: float, most: float, codes: int, code: Array) -> bool:
    """Codes by place between the extremes; False: these are too near each other or too far."""
    scale = (codes - 1.0) / (most - least)
    if not 0.0 < scale < np.inf:
        return False
    for i in range(n):
        code[i] = np.uint32(np.int32((value[i] - least) * scale))
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _code_bits(n: int, value: Array, least: float, most: float, codes: int, code: Array) -> None:
    """Codes by what the float's bits are as a number, which is ordered as the floats are."""
    ends, seen = np.array([least, most]).view(np.int64), value.view(np.int64)
    low = _ordered(ends[0])
    scale = (codes - 1.0) / np.float64(_ordered(ends[1]) - low)
    for i in range(n):
        code[i] = np.uint32(np.int32(np.float64(_ordered(seen[i]) - low) * scale))


@njit(cache=True, nogil=True)
def _ordered(bits: Any) -> Any:
    bits = 0 if bits << 1 == 0 else bits  # the two zeros are one
    return np.uint64(bits ^ ((bits >> 63) & 0x7FFFFFFFFFFFFFFF))  # differences are exact


@njit(cache=True, nogil=True)
def _count(n: int, code: Array, count: Array, beside: Array) -> int:
    """Count the buckets' values, and for each value those before it.

    Returns the most of these; where that is over `CROWD`, how far the count came, plus `CROWD`.
    """
    words, top = count.view(np.uint64), np.uint8(0)
    for w in range(n // 2 + 1):
        words[w] = np.uint64(0)
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        for i in range(start, stop):
            c = count[code[i]]
            beside[i] = c
            count[code[i]] = c + np.uint8(1)
            top = c if c > top else top
        if top > CROWD:
            return CROWD + stop
    return np.int64(top)


@njit(cache=True, nogil=True)
def _by_neighbours(
    n: int, top: int, value: Array, code: Array, count: Array, below: Array, beside: Array,
    key: Array, wins: Array, more: Array, place: Array, rank: Array,
) -> None:  # fmt: skip
    """Sort by bucket, then compare each value with the `top` that follow and precede it."""
    words, total = count.view(np.uint64), np.uint64(0)
    for w in range(n // 2 + 1):
        below[w] = total
        sums = words[w] * EACH
        words[w] = sums << np.uint64(8)
        total += sums >> np.uint64(56)
    for i in range(n):
        b = code[i]
        at = below[b >> np.uint32(3)] + np.uint32(count[b]) + np.uint32(beside[i])
        place[i] = at
        key[at] = value[i]
    for p in range(n, n + top):
        key[p] = np.nan  # neither less nor equal
    for p in range(n):
        more[p] = 0
    for d in range(1, top + 1):
        after, now, before = key[d:], wins[CROWD:], wins[CROWD - d :]
        for p in range(n):
            now[p] = np.int8(after[p] < key[p]) + np.int8(after[p] <= key[p])
        for p in range(n):
            more[p] += now[p] - before[p]
    for p in range(n):
        rank[p] = (2 * (p + 1) + more[p]) * 0.5


@njit(cache=True, nogil=True)
def _crowded(
    n: int, least: float, most: float, top: int, value: Array, code: Array, count: Array,
    beside: Array, key: Array, table: Array, pack: Array, place: Array, rank: Array,
) -> int:  # fmt: skip
    """Rank few values, or crowded ones; or count by bits, return the most and leave the rest."""
    if not least < most:
        place[:n] = 0
        rank[0] = (n + 1) * 0.5
        return -1
    if n <= FEW:
        for i in range(n):
            pack[0, i] = i
        _by_insertion(n, value, pack[0], key, place, rank)
        return -1
    if top >= 0 and _by_counts(n, value, code, key, table[0], place, rank):
        return -1
    if least > 0.0 or (top < 0 and most - least < np.inf):
        _code_bits(n, value, least, most, 4 * (n + 1), code)
        fine = _count(n, code, count, beside)
        if fine <= CROWD:
            return fine
        if _by_counts(n, value, code, key, table[0], place, rank):
            return -1
    linear = top > CROWD + EARLY
    _by_digits(n, least, most, linear, value, code, table[0], table[1], pack[0], pack[1])
    _by_insertion(n, value, pack[0], key, place, rank)
    return -1


@njit(cache=True, nogil=True)
def _by_counts(
    n: int, value: Array, code: Array, one: Array, count: Array, place: Array, rank: Array
) -> bool:
    """Rank by buckets (of four codes each) alone; False: the values in one differ."""
    for b in range(n + 2):
        one[b], count[b] = np.nan, 0
    for i in range(n):
        b = code[i] >> np.uint32(2)
        if one[b] != value[i]:
            if one[b] == one[b]:
                return False
            one[b] = value[i]
        place[i] = b
        count[b] += np.uint32(1)
    below = 0
    for b in range(n + 2):
        rank[b] = (2 * below + np.int64(count[b]) + 1) * 0.5
        below += np.int64(count[b])
    return True


@njit(cache=True, nogil=True)
def _by_digits(
    n: int, least: float, most: float, linear: bool, value: Array, code: Array,
    low: Array, high: Array, pack: Array, spare: Array,
) -> None:  # fmt: skip
    """Put the values' indices in the order of finer codes, digit by digit."""
    digit = 8 if n <= 128 else 10 if n <= 1024 else 11  # bits, so that tables stay in the cache
    size, codes, mask = 1 << digit, 1 << (2 * digit), np.uint32((1 << digit) - 1)
    linear = linear and _code(n, value, least, most, codes, code)
    if not linear or _two(n, code, low[:size], high[:size], digit) > max(n // 4, 8):
        _code_bits(n, value, least, most, codes, code)
        _two(n, code, low[:size], high[:size], digit)
    below, under = np.uint32(0), np.uint32(0)
    for b in range(size):
        below, low[b] = below + low[b], below
        under, high[b] = under + high[b], under
    for i in range(n):
        c = code[i]
        at = low[c & mask]
        low[c & mask] = at + np.uint32(1)
        spare[at] = (np.uint64(c) << np.uint64(32)) | np.uint64(i)
    for i in range(n):
        b = spare[i] >> np.uint64(32 + digit)
        at = high[b]
        high[b] = at + np.uint32(1)
        pack[at] = spare[i] & np.uint64(0xFFFFFFFF)


@njit(cache=True, nogil=True)
def _two(n: int, code: Array, low: Array, high: Array, digit: int) -> int:
    """Count the codes' two digits; return how many share a high one."""
    low[:] = 0
    high[:] = 0
    for i in range(n):
        low[code[i] & np.uint32((1 << digit) - 1)] += np.uint32(1)
        high[code[i] >> np.uint32(digit)] += np.uint32(1)
    return np.int64(high.max())


@njit(cache=True, nogil=True)
def _by_insertion(n: int, value: Array, pack: Array, key: Array, place: Array, rank: Array) -> None:
    """Rank values whose indices are nearly in order."""
    for i in range(n):
        p, at = pack[i], i
        k = value[p]
        while at > 0 and key[at - 1] > k:
            key[at] = key[at - 1]
            pack[at] = pack[at - 1]
            at -= 1
        key[at] = k
        pack[at] = p
    first = 0
    while first < n:
        stop = first + 1
        while stop < n and key[stop] == key[first]:
            stop += 1
        rank[first] = (first + stop + 1) * 0.5
        for p in range(first, stop):
            place[pack[p]] = first
        first = stop
