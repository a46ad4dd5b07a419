"""How each row of a factor goes together with that of an outcome: all of it in one pass.

1. Some rows at a time, as few as fit the processor's cache, are paired: where the factor or the
   outcome is missing, so is the pair.
2. The factor's values in pairs are ranked. The outcome's ranks among all its values are known,
   and kept: where the factor lacks some of these, a rank falls by one for each lacking value
   below it, and by half of one for each equal to it, so nothing is ranked again.
3. What is missing adds 0 to a sum, so that no loop branches on it.
4. Spearman's sums are of whole numbers (ranks, taken twice), which are exact in any order.
   Pearson's are of distances from the row's first value, over the largest of these, so that no
   square overflows; they are added in the order of the columns.

```
 factor       3.1  0.2   -    0.7  1.5     paired  3.1  0.2   -    0.7   -
 outcome      .02  .01  .04  .03   -       ranks    6    2    0    4    0    twice the factor's
 kept          4    2    8    6    0                4    2    0    6    0    twice the outcome's
```
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernels.cache import njit
from engine.kernels.ranks import rank_rows

Array = npt.NDArray[Any]

MIN_VALID = 3  # two points always correlate perfectly
ROUNDING = 8.0 * 2.0**-52  # values that are no further apart, as a share of their size, are one
CACHED = 8 * 1024  # cells of a block

kernel = njit(cache=True, nogil=True, error_model="numpy")  # no look for division by zero


@kernel
def rank_twice(outcome: Array, twice: Array, count: Array) -> None:
    """Fill in twice the rank of each finite value in its row, 0 for others; how many a row has.

    `outcome` is (T, N), `twice` int32 (T, N), `count` (T,).
    """
    T, N = outcome.shape
    step = max(CACHED // max(N, 1), 1)
    finite, rank = np.empty((step, N)), np.empty((step, N))
    for start in range(0, T, step):
        block = min(step, T - start)
        for i in range(block):
            count[start + i] = _pair(outcome[start + i], outcome[start + i], finite[i])
        rank_rows(finite[:block], False, rank[:block])
        for i in range(block):
            _double(rank[i], twice[start + i])


@kernel
def correlate_rows(
    factor: Array, outcome: Array, twice: Array, count: Array, rows: Array, q: int,
    pearson: Array, spearman: Array, means: Array,
) -> None:  # fmt: skip
    """Fill in both correlations (T,) of each row of `factor` (T, N), and its `means` (T, q).

    The i-th row belongs to row ``rows[i]`` of `outcome`, `twice` and `count`; see `rank_twice`.
    Where `pearson` has no cells, it is left out; means, where `q` is 0.
    """
    T, N = factor.shape
    step = max(CACHED // max(N, 1), 1)
    paired, rank, number = np.empty((step, N)), np.empty((step, N)), np.empty(step, np.int64)
    x, y = np.empty(N), np.empty(N)
    rx, ry, fall = np.empty(N, np.int32), np.empty(N, np.int32), np.empty(N + 1, np.int32)
    sums, sizes = np.empty(q + 1), np.empty(q + 1, np.int64)
    for start in range(0, T, step):
        block = min(step, T - start)
        for i in range(block):
            number[i] = _pair(factor[start + i], outcome[rows[start + i]], paired[i])
        rank_rows(paired[:block], False, rank[:block])
        for i in range(block):
            t, s, n = start + i, rows[start + i], number[i]
            _double(rank[i], rx)
            _keep_paired(paired[i], twice[s], ry)
            if n < count[s]:
                _lower(count[s], paired[i], twice[s], fall, ry)
            spearman[t] = _spearman(n, rx, ry)
            if len(pearson):
                pearson[t] = _pearson(n, paired[i], outcome[s], x, y)
            if q:
                _means(n, q, outcome[s], rx, fall, sums, sizes, means[t])


@kernel
def pearson_rows(a: Array, b: Array, out: Array) -> None:
    """Pearson's correlation of each row of two (T, N) arrays, over the cells finite in both."""
    N = a.shape[1]
    paired, x, y = np.empty(N), np.empty(N), np.empty(N)
    for t in range(len(a)):
        out[t] = _pearson(_pair(a[t], b[t], paired), paired, b[t], x, y)


@kernel
def _pair(factor: Array, outcome: Array, paired: Array) -> int:
    """The factor's values in pairs, else NaN; how many there are."""
    n = 0
    for j in range(len(factor)):
        both = (abs(factor[j]) < np.inf) & (abs(outcome[j]) < np.inf)
        paired[j] = factor[j] if both else np.nan
        n += both
    return n


@kernel
def _double(rank: Array, twice: Array) -> None:
    for j in range(len(rank)):
        twice[j] = np.int32(2.0 * rank[j] if rank[j] > 0.0 else 0.0)


@kernel
def _keep_paired(paired: Array, twice: Array, ry: Array) -> None:
    for j in range(len(paired)):
        ry[j] = twice[j] if paired[j] == paired[j] else np.int32(0)


@kernel
def _lower(count: int, paired: Array, twice: Array, fall: Array, ry: Array) -> None:
    """Lower the outcome's ranks by those of its `count` values that the factor lacks.

    Half of twice a rank, rounded down, is another number for each value, and the same for ties.
    """
    fall[: count + 1] = 0
    for j in range(len(paired)):
        if paired[j] != paired[j]:
            fall[np.uint32(twice[j]) >> np.uint32(1)] += np.int32(1)
    fall[0] = 0  # what has no rank
    below = np.int32(0)
    for r in range(1, count + 1):
        equal = fall[r]
        fall[r] = below + equal
        below += equal + equal
    for j in range(len(ry)):
        ry[j] -= fall[np.uint32(ry[j]) >> np.uint32(1)]


@kernel
def _spearman(n: int, rx: Array, ry: Array) -> float:
    xx, yy, xy = np.int64(0), np.int64(0), np.int64(0)
    for j in range(len(rx)):
        a, b = np.int64(rx[j]), np.int64(ry[j])
        xx, yy, xy = xx + a * a, yy + b * b, xy + a * b
    return correlate_ranks(n, xx, yy, xy)


@kernel
def correlate_ranks(n: int, xx: Any, yy: Any, xy: Any) -> float:
    """Spearman's correlation by the sums, over n pairs, of products of twice their ranks."""
    if n < MIN_VALID:
        return np.nan
    level = n * (n + 1) * (n + 1)  # n times the squared mean of twice the ranks
    xx, yy, xy = xx - level, yy - level, xy - level
    if xx == 0 or yy == 0:
        return np.nan
    return float(max(-1.0, min(1.0, xy / np.sqrt(float(xx) * float(yy)))))


@kernel
def _pearson(n: int, paired: Array, outcome: Array, x: Array, y: Array) -> float:
    if n < MIN_VALID:
        return np.nan
    at = 0
    while paired[at] != paired[at]:
        at += 1
    first, other = paired[at], outcome[at]
    for j in range(len(paired)):
        here = paired[j] == paired[j]
        x[j] = paired[j] - first if here else 0.0
        y[j] = outcome[j] - other if here else 0.0
    far, wide, mean, level = _largest(x), _largest(y), 0.0, 0.0
    for j in range(len(paired)):
        mean, level = mean + x[j], level + y[j]
    if far <= ROUNDING * abs(first) or wide <= ROUNDING * abs(other):
        return np.nan
    mean, level = mean / n, level / n
    for j in range(len(paired)):
        here = paired[j] == paired[j]
        x[j] = (x[j] - mean) / far if here else 0.0
        y[j] = (y[j] - level) / wide if here else 0.0
    xx, yy, xy = 0.0, 0.0, 0.0
    for j in range(len(paired)):
        xx, yy, xy = xx + x[j] * x[j], yy + y[j] * y[j], xy + x[j] * y[j]
    return float(max(-1.0, min(1.0, xy / np.sqrt(xx * yy))))


@kernel
def _largest(x: Array) -> float:
    """The largest absolute value; the bits of positive doubles are ordered as these are."""
    bits, most = x.view(np.int64), np.zeros(1, np.int64)
    top = np.int64(0)
    for j in range(len(bits)):
        size = bits[j] & np.int64(0x7FFFFFFFFFFFFFFF)
        top = size if size > top else top
    most[0] = top
    return float(most.view(np.float64)[0])


@kernel
def _means(
    n: int, q: int, outcome: Array, rx: Array, cell: Array, sums: Array, sizes: Array, means: Array
) -> None:
    """Mean outcome by quantile of the factor, cut at the middle of the ranks; ties share one."""
    sums[:], sizes[:], means[:] = 0.0, 0, np.nan
    low, high = np.int32(2 * n + 1), np.int32(0)
    for j in range(len(rx)):
        low, high = min(low, rx[j] if rx[j] else low), max(high, rx[j])
    if n < q or low >= high:
        return
    for j in range(len(rx)):  # a quotient of whole numbers is never rounded up to the next one
        cell[j] = np.int32((rx[j] - 1.0) * q / (2.0 * n) if rx[j] else q)
    for j in range(len(rx)):
        sums[np.uint32(cell[j])] += outcome[j]
        sizes[np.uint32(cell[j])] += 1
    for c in range(q):
        if sizes[c]:
            means[c] = sums[c] / sizes[c]
