"""Average ranks of the rows of an array, by counting.

Each row by itself:

1. Copy it to `value`, and find how many cells have a value (n), the least and the most. A short
   row, or one that lacks much, has its values put side by side, and `column` says whose they are.
2. Give each value the code of its bucket, of 4 (n + 1) equal ones between the least and the most,
   so that no lesser value has a higher code. NaN has the code beyond, which is not counted.
3. Count: `beside` is how many values came before in the same bucket, `top` the most of these.
4. A value's place is the number of values in the buckets below and `beside`. Compared with the
   `top` values that follow and precede it, each value has its rank. No step branches on the data,
   which is what makes it fast.
5. Where `top` is more than CROWD: if the values in each bucket, of four codes, are equal, their
   counts tell the ranks. Else buckets by the floats' bits are tried, for values that are above 0
   or too near each other. Else indices are sorted, by the digits of a finer code and then by
   insertion; those of a short row by insertion alone.
6. Write each column's rank.

```
 row t of (T, N)  2.5   -   1.0  2.4  1.0  9.0    n = 5 values, - is NaN
 code               4   24    0    4    0   23    24 buckets, and the one beyond
 count, by code   2 0 0 0 2 0 0 0   ...   0 1     a byte each: one word has eight of them
 beside             0    0    0    1    1    0
 place              2    5    0    3    1    4

 key, by place    1.0  1.0  2.5  2.4  9.0         in the order of buckets; top = 1
 rank, by place   1.5  1.5    4    3    5   NaN
```
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernels.cache import njit
from engine.kernels.lanes import LANES, are_known, fill, kernel, load, pick, store

FloatArray = npt.NDArray[np.float64]
Array = npt.NDArray[Any]

CROWD = 30  # most values beside another in a bucket: the counts of 8 buckets must fit in a byte
BLOCK = 32  # values counted before looking whether they crowd
FEW = 16  # values that are sorted by insertion
EACH = np.uint64(0x0101010101010101)  # times eight bytes: the running sums of the bytes


def average_ranks(
    array: FloatArray, share: bool = False, out: FloatArray | None = None
) -> FloatArray:
    """Rank each row from 1, ties sharing their average rank.

    Parameters
    ----------
    array : float array, shape (T, N)
    share : bool
        Divide by the number of the row's values, so that ranks lie in (0, 1].
    out : float array, shape (T, N), optional
        Where they go.

    Returns
    -------
    float array, shape (T, N)
        1 to n among the row's n non-NaN cells; NaN where the input is NaN. Of the input's type.
    """
    if out is None:
        out = np.empty(array.shape, np.result_type(array, np.float32))
    rank_rows(np.ascontiguousarray(array), share, out)
    return out


@kernel
def rank_rows(array: Array, share: bool, out: Array) -> None:
    """Fill `out` with the ranks of each row; see `average_ranks`."""
    columns = array.shape[1]
    room = columns + 2048
    value, rank, key = np.empty(room), np.empty(room), np.empty(room)
    column, place = np.empty(room, np.uint32), np.empty(room, np.uint32)
    code, below = np.empty(room, np.uint32), np.empty(room, np.uint32)
    low, high = np.empty(room, np.uint32), np.empty(room, np.uint32)
    words, beside = np.empty(room, np.uint64), np.empty(room, np.uint8)
    count = words.view(np.uint8)
    wins, more = np.empty(room, np.uint8), np.empty(room, np.uint8)
    pack, spare = np.empty(room, np.uint64), np.empty(room, np.uint64)
    for p in range(room):
        rank[p], wins[p] = 1.0, 0
    for t in range(len(array)):
        n, least, most = _take_row(array[t], value, rank)
        cells = columns
        if n <= FEW or 4 * n < 3 * columns:
            cells = _put_together(columns, value, column)
        top = -1
        if n > FEW and _code(cells, value, least, most, 4 * (n + 1), code):
            top = _count(cells, n, code, count, words, beside)
        if not 0 <= top <= CROWD:
            top, cells = _rank_crowd(
                cells, n, least, most, top, value, column, code, count, words, beside, key, low,
                high, pack, spare, place, rank,
            )  # fmt: skip
        if top >= 0:
            _by_neighbours(
                cells, n, top, value, code, count, words, below, beside, key, wins, more, place,
                rank,
            )  # fmt: skip
        _give(cells, n, float(n) if share else 1.0, column, place, rank, out[t])


@kernel
def _take_row(row: Array, value: Array, spare: Array) -> tuple[int, float, float]:
    """Take the row's cells; how many have a value, the least, the most."""
    columns = len(row)
    for j in range(columns):
        value[j] = row[j]
    store(value, columns, np.nan)
    n, low, high = fill(0.0), fill(np.inf), fill(-np.inf)
    for at in range(0, columns, LANES):
        v = load(value, at)
        n = pick(are_known(v, v), n + 1.0, n)
        low, high = pick(v < low, v, low), pick(v > high, v, high)
    store(spare, 0, n)
    store(spare, LANES, low)
    store(spare, 2 * LANES, high)
    total, least, most = 0.0, np.inf, -np.inf
    for lane in range(LANES):
        total += spare[lane]
        least = min(least, spare[LANES + lane])
        most = max(most, spare[2 * LANES + lane])
    return int(total), least, most


@njit(cache=True, nogil=True)
def _put_together(cells: int, value: Array, column: Array) -> int:
    """Put the values side by side, and note their columns; how many there are."""
    n = 0
    for j in range(cells):
        v = value[j]
        value[n] = v
        column[n] = j
        n += 0 if np.isnan(v) else 1
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def _give(
    cells: int, n: int, divisor: float, column: Array, place: Array, rank: Array, ranks: Array
) -> None:
    """Set each column's rank."""
    for p in range(n + 2):
        rank[p] = rank[p] / divisor
    if cells == len(ranks):
        for j in range(cells):
            ranks[j] = rank[place[j]]
        return
    ranks[:] = np.nan
    for i in range(cells):
        ranks[column[i]] = rank[place[i]]


@njit(cache=True, nogil=True, error_model="numpy")
def _code(cells: int, value: Array, least: float, most: float, codes: int, code: Array) -> bool:
    """Codes by place between the extremes; False: these are too near each other or too far.

    NaN has the code beyond the last one.
    """
    scale = (codes - 1.0) / (most - least)
    if not 0.0 < scale < np.inf:
        return False
    for i in range(cells):
        v = value[i]
        code[i] = codes if np.isnan(v) else np.uint32(np.int32((v - least) * scale))
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _code_bits(
    cells: int, value: Array, least: float, most: float, codes: int, code: Array
) -> None:
    """Codes by what the float's bits are as a number, which is ordered as the floats are."""
    seen = value.view(np.int64)
    value[cells], value[cells + 1] = least, most
    low = _order_bits(seen[cells])
    scale = (codes - 1.0) / np.float64(_order_bits(seen[cells + 1]) - low)
    for i in range(cells):
        far = np.float64(_order_bits(seen[i]) - low) * scale
        code[i] = codes if np.isnan(value[i]) else np.uint32(np.int32(far))


@njit(cache=True, nogil=True)
def _order_bits(bits: Any) -> Any:
    bits = 0 if bits << 1 == 0 else bits  # the two zeros are one
    return np.uint64(bits ^ ((bits >> 63) & 0x7FFFFFFFFFFFFFFF))  # differences are exact


@njit(cache=True, nogil=True)
def _count(cells: int, n: int, code: Array, count: Array, words: Array, beside: Array) -> int:
    """Most values before one in its bucket; beyond `CROWD`, how many were counted till then."""
    top, beyond = np.uint8(0), np.uint32(4 * (n + 1))
    for w in range((n + 1) // 2 + 1):
        words[w] = np.uint64(0)
    for start in range(0, cells, BLOCK):
        for i in range(start, start + BLOCK if start + BLOCK < cells else cells):
            b = code[i]
            c = count[b]
            beside[i] = c
            count[b] = c + np.uint8(b != beyond)
            top = c if c > top else top
        if top > CROWD:
            return CROWD + start + BLOCK
    return int(top)


@njit(cache=True, nogil=True)
def _by_neighbours(
    cells: int, n: int, top: int, value: Array, code: Array, count: Array, words: Array,
    below: Array, beside: Array, key: Array, wins: Array, more: Array, place: Array, rank: Array,
) -> None:  # fmt: skip
    """Sort by bucket, then compare each value with the `top` that follow and precede it."""
    total = np.uint64(0)
    for w in range((n + 1) // 2 + 1):
        below[w] = total
        sums = words[w] * EACH
        words[w] = sums << np.uint64(8)
        total += sums >> np.uint64(56)
    for i in range(cells):
        b = code[i]
        at = below[b >> np.uint32(3)] + np.uint32(count[b]) + np.uint32(beside[i])
        place[i] = at
        key[at] = value[i]
    key[n : n + top] = np.nan  # neither less nor equal
    more[:n] = 0
    for d in range(1, top + 1):
        after, now, before = key[d:], wins[CROWD:], wins[CROWD - d :]
        for p in range(n):
            now[p] = np.uint8(after[p] < key[p]) + np.uint8(after[p] <= key[p])
        for p in range(n):
            more[p] += now[p] - before[p]
    for p in range(n):
        rank[p] = (2 * (p + 1) + np.int8(more[p])) * 0.5  # it may be below zero
    rank[n] = np.nan  # the place of what is NaN, which was not counted


@njit(cache=True, nogil=True)
def _rank_crowd(
    cells: int, n: int, least: float, most: float, top: int, value: Array, column: Array,
    code: Array, count: Array, words: Array, beside: Array, key: Array, low: Array, high: Array,
    pack: Array, spare: Array, place: Array, rank: Array,
) -> tuple[int, int]:  # fmt: skip
    """Rank few values, or crowded ones; or count by bits, return the most and leave the rest.

    Returns how many cells there are, too: without NaN, where values were put side by side.
    """
    if not least < most:
        for i in range(cells):
            place[i] = 1 if np.isnan(value[i]) else 0
        rank[0], rank[1] = (n + 1) * 0.5, np.nan
        return -1, cells
    fine, again = top, n > FEW and (least > 0.0 or (top < 0 and most - least < np.inf))
    while fine >= 0 or again:
        if fine >= 0 and _by_counts(cells, n, value, code, key, low, place, rank):
            return -1, cells
        if not again:
            break
        again = False
        _code_bits(cells, value, least, most, 4 * (n + 1), code)
        fine = _count(cells, n, code, count, words, beside)
        if fine <= CROWD:
            return fine, cells
    if cells > n:
        cells = _put_together(cells, value, column)
    if n <= FEW:
        for i in range(n):
            pack[i] = i
    else:
        # a crowd among the first values already: finer places won't tell them apart
        linear = top > CROWD + 2 * BLOCK
        _by_digits(n, least, most, linear, value, code, low, high, pack, spare)
    _by_insertion(n, value, pack, key, place, rank)
    return -1, cells


@njit(cache=True, nogil=True)
def _by_counts(
    cells: int, n: int, value: Array, code: Array, one: Array, count: Array, place: Array,
    rank: Array,
) -> bool:  # fmt: skip
    """Rank by buckets (of four codes each) alone; False: the values in one differ."""
    for b in range(n + 2):
        one[b], count[b] = np.nan, 0
    for i in range(cells):
        b = code[i] >> np.uint32(2)
        if one[b] != value[i]:
            if one[b] == one[b]:
                return False
            one[b] = value[i]
        place[i] = b
        count[b] += np.uint32(1)
    below = np.int64(0)
    for b in range(n + 1):
        rank[b] = (2 * below + count[b] + 1) * 0.5
        below += np.int64(count[b])
    rank[n + 1] = np.nan  # the bucket of what is NaN
    return True


@njit(cache=True, nogil=True)
def _by_digits(
    n: int, least: float, most: float, linear: bool, value: Array, code: Array,
    low: Array, high: Array, pack: Array, spare: Array,
) -> None:  # fmt: skip
    """Put the values' indices in the order of finer codes, digit by digit."""
    digit = 8 if n <= 128 else 10 if n <= 1024 else 11  # bits, so that tables stay in the cache
    size, codes, mask = 1 << digit, 1 << (2 * digit), np.uint32((1 << digit) - 1)
    fine = linear and _code(n, value, least, most, codes, code)
    while True:
        if not fine:
            _code_bits(n, value, least, most, codes, code)
        if _two(n, code, low, high, digit) <= n // 4 + 4 or not fine:
            break
        fine = False
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
    for b in range(1 << digit):
        low[b], high[b] = 0, 0
    for i in range(n):
        low[code[i] & np.uint32((1 << digit) - 1)] += np.uint32(1)
        high[code[i] >> np.uint32(digit)] += np.uint32(1)
    most = np.uint32(0)
    for b in range(1 << digit):
        most = high[b] if high[b] > most else most
    return int(most)


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
