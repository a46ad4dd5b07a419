"""Average ranks of the rows of an array, by counting.

Each value gets a code that no lesser value exceeds: the bucket where it lies between the row's
extremes, of four buckets a value. A value's place is then the number of values in the buckets
below its own, corrected by comparing it with the few that follow or precede it in its bucket.
No step branches on the data, which is what makes it fast.

Where many values share a bucket, either they are all equal, and the counts are all there is to
know; or the buckets are spread over the leading bits of the floats instead, which suits
magnitudes; or, at last, the crowded buckets are split in their turn.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

FloatArray = npt.NDArray[np.float64]
Array = npt.NDArray[Any]

CROWD = 30  # most values beside another in a bucket: the counts of 8 buckets must fit in a byte
BLOCK = 32  # values counted before looking whether they crowd
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


class _Work(NamedTuple):
    """Room for a row's work, made once for all rows."""

    value: Array  # the row's n values
    column: Array  # of each value
    place: Array  # of each value among the others
    rank: Array  # of each place
    code: Array  # of each value
    beside: Array  # how many came before it in its bucket
    count: Array  # of each bucket, then those below it in its eight
    below: Array  # values below each eight buckets
    key: Array  # the values by place
    wins: Array  # of each value over one that follows, twice; a tie is one
    more: Array  # twice the rank, less twice the place
    table: Array  # wider counts
    pack: Array  # values' codes above their indices


@njit(cache=True, nogil=True, error_model="numpy")
def _ranks(array: Array, share: bool, out: Array) -> None:
    columns = array.shape[1]
    work = _room(columns)
    value, column, place, rank, code, beside, count, below, key, wins, more, _, _ = work
    for t in range(len(array)):
        row, ranks = array[t], out[t]
        n, least, most = 0, np.inf, -np.inf
        for j in range(columns):
            v = np.float64(row[j])
            value[n] = v
            column[n] = j
            n += 1 if v == v else 0
            least = v if v < least else least
            most = v if v > most else most
        eights, top = n // 2 + 1, CROWD + 1
        coded = n > FEW and _code(n, value, least, most, 8.0 * eights - 1.0, code)
        if coded:
            top = _count(n, eights, code, count, beside)
        if top <= CROWD:
            _by_neighbours(
                n, eights, top, value, code, count, below, beside, key, wins, more, place, rank
            )
        else:
            _crowded(n, least, most, coded, work)
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


@njit(cache=True, nogil=True)
def _room(n: int) -> _Work:
    place, table = np.zeros(n + 1, np.uint32), np.empty((2, max(n + 2, 2048)), np.uint32)
    code, below, column = table[0].copy(), table[0].copy(), table[0].copy()
    count, beside = np.empty(4 * n + 8, np.uint8), np.empty(n, np.uint8)
    wins, more = np.zeros(n + CROWD, np.int8), np.empty(n, np.int8)
    value, rank, key = np.empty(n + 1), np.ones(n + 2), np.empty(n + CROWD)
    pack = np.empty((2, n), np.uint64)
    return _Work(
        value, column, place, rank, code, beside, count, below, key, wins, more, table, pack
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _code(n: int, value: Array, least: float, most: float, last: float, code: Array) -> bool:
    """Codes from 0 to `last` by place between the extremes; False: too near or too far."""
    scale = last / (most - least)
    if not 0.0 < scale < np.inf:
        return False
    for i in range(n):
        code[i] = np.uint32(np.int32((value[i] - least) * scale))
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _code_bits(n: int, value: Array, least: float, most: float, last: float, code: Array) -> None:
    """Codes by what the float's bits are as a number, which is ordered as the floats are."""
    ends, seen = np.array([least, most]).view(np.int64), value.view(np.int64)
    low = _ordered(ends[0])
    scale = last / np.float64(_ordered(ends[1]) - low)
    for i in range(n):
        code[i] = np.uint32(np.int32(np.float64(_ordered(seen[i]) - low) * scale))


@njit(cache=True, nogil=True)
def _ordered(bits: Any) -> Any:
    bits = 0 if bits << 1 == 0 else bits  # the two zeros are one
    return np.uint64(bits ^ ((bits >> 63) & 0x7FFFFFFFFFFFFFFF))  # differences are exact


@njit(cache=True, nogil=True)
def _count(n: int, eights: int, code: Array, count: Array, beside: Array) -> int:
    """Count the buckets' values, and for each value those before it; the most of these."""
    words, top = count.view(np.uint64), np.uint8(0)
    for w in range(eights):
        words[w] = np.uint64(0)
    for start in range(0, n, BLOCK):
        for i in range(start, min(start + BLOCK, n)):
            c = count[code[i]]
            beside[i] = c
            count[code[i]] = c + np.uint8(1)
            top = c if c > top else top
        if top > CROWD:
            break
    return np.int64(top)


@njit(cache=True, nogil=True)
def _by_neighbours(
    n: int, eights: int, top: int, value: Array, code: Array, count: Array, below: Array,
    beside: Array, key: Array, wins: Array, more: Array, place: Array, rank: Array,
) -> None:  # fmt: skip
    """Sort by bucket, then compare each value with the `top` that follow and precede it."""
    words, total = count.view(np.uint64), np.uint64(0)
    for w in range(eights):
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
def _crowded(n: int, least: float, most: float, coded: bool, work: _Work) -> None:
    """Rank a row of few values, or of too many in one bucket, or with no buckets yet."""
    value, _, place, rank, code, beside, count, below, key, wins, more, table, pack = work
    if not least < most:
        place[:n] = 0
        rank[0] = (n + 1) * 0.5
        return
    if n <= FEW:
        for i in range(n):
            pack[0, i] = i
    elif coded and _by_counts(n, value, code, key, table[0], place, rank):
        return
    else:
        if least > 0.0 or not coded:
            eights = n // 2 + 1
            _code_bits(n, value, least, most, 8.0 * eights - 1.0, code)
            top = _count(n, eights, code, count, beside)
            if top <= CROWD:
                _by_neighbours(
                    n, eights, top, value, code, count, below, beside, key, wins, more, place, rank
                )
                return
            if _by_counts(n, value, code, key, table[0], place, rank):
                return
        _by_digits(n, least, most, value, code, table, pack)
    _by_insertion(n, value, pack[0], key, place, rank)


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
    n: int, least: float, most: float, value: Array, code: Array, table: Array, pack: Array
) -> None:
    """Put the values' indices in the order of finer codes, digit by digit."""
    digit = 8 if n <= 128 else 10 if n <= 1024 else 11  # bits, so that tables stay in the cache
    low, high, spare, mask = table[0], table[1], pack[1], np.uint32((1 << digit) - 1)
    last = float((1 << (2 * digit)) - 1)
    linear = _code(n, value, least, most, last, code)
    if not linear or not _two(n, code, low, high, digit):
        _code_bits(n, value, least, most, last, code)
        _two(n, code, low, high, digit)
    below, under = np.uint32(0), np.uint32(0)
    for b in range(1 << digit):
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
        pack[0, at] = spare[i] & np.uint64(0xFFFFFFFF)


@njit(cache=True, nogil=True)
def _two(n: int, code: Array, low: Array, high: Array, digit: int) -> bool:
    """Count the codes' two digits; False: too many share the high one."""
    mask, above, most = np.uint32((1 << digit) - 1), np.uint32(digit), np.uint32(max(n // 4, 8))
    for b in range(1 << digit):
        low[b], high[b] = 0, 0
    for i in range(n):
        low[code[i] & mask] += np.uint32(1)
        high[code[i] >> above] += np.uint32(1)
    crowded = 0
    for b in range(1 << digit):
        crowded += 1 if high[b] > most else 0
    return crowded == 0


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
