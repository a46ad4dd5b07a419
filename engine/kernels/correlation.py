"""How each row of a factor goes together with that of an outcome: all of it in one pass.

1. Where the factor or the outcome is missing, so is the pair.
2. Ranks among all that each has are known, and kept: where the other lacks some of these, a rank
   falls by one for each lacking value below it, and by half of one for each equal to it, so nothing
   is ranked again.
3. What is missing adds 0 to a sum, so that no loop branches on it.
4. Spearman's sums are of whole numbers (ranks, taken twice), which are exact in any order.
   Pearson's are of distances from the row's first value, over the largest of these, so that no
   square overflows; they are added in the order of the columns.

```
 factor       3.1  0.2   -    0.7  1.5     twice its ranks   8    2    0    4    6
 outcome      .02  .01  .04  .03   -       twice its ranks   4    2    8    6    0
                                           of the pairs      6    2    0    4    0
                                                             4    2    0    6    0
```
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernels.cache import njit

Array = npt.NDArray[Any]

MIN_VALID = 3  # two points always correlate perfectly
ROUNDING = 8.0 * 2.0**-52  # values that are no further apart, as a share of their size, are one

kernel = njit(cache=True, nogil=True, error_model="numpy")  # no look for division by zero


@kernel
def correlate_rows(
    ranks: Array, factor: Array, outcome: Array, twice: Array, count: Array, rows: Array, q: int,
    pearson: Array, spearman: Array, means: Array,
) -> None:  # fmt: skip
    """Fill in both correlations (T,) of each row of `factor` (T, N), and its `means` (T, q).

    The i-th row belongs to row ``rows[i]`` of `outcome` and of `twice`, int32, twice the rank of
    each of the `count` finite values of its row, 0 for others. `ranks` (T, N) are the factor's, NaN
    for others. Where `pearson` has no cells, it is left out; means, where `q` is 0.
    """
    T, N = ranks.shape
    own, paired, x, y = np.empty(N, np.int32), np.empty(N), np.empty(N), np.empty(N)
    rx, ry, fall = np.empty(N, np.int32), np.empty(N, np.int32), np.empty(N + 1, np.int32)
    sums, sizes = np.empty(q + 1), np.empty(q + 1, np.int64)
    for t in range(T):
        s = rows[t]
        held = _double(ranks[t], own)
        n = _keep_paired(own, twice[s], rx, ry)
        if n < held:
            _lower(held, ry, own, fall, rx)
        if n < count[s]:
            _lower(count[s], rx, twice[s], fall, ry)
        spearman[t] = _spearman(n, rx, ry)
        if len(pearson):
            _pair(factor[t], outcome[s], paired)
            pearson[t] = _pearson(n, paired, outcome[s], x, y)
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
def _double(rank: Array, twice: Array) -> int:
    """Twice each rank, 0 where there is none; how many there are."""
    n = 0
    for j in range(len(rank)):
        known = rank[j] > 0.0
        twice[j] = np.int32(2.0 * rank[j] if known else 0.0)
        n += known
    return n


@kernel
def _keep_paired(own: Array, other: Array, rx: Array, ry: Array) -> int:
    """Both where there are both, else 0s; how many there are."""
    n = 0
    for j in range(len(own)):
        both = (own[j] > 0) & (other[j] > 0)
        rx[j], ry[j] = own[j] if both else np.int32(0), other[j] if both else np.int32(0)
        n += both
    return n


@kernel
def _lower(count: int, paired: Array, twice: Array, fall: Array, ranks: Array) -> None:
    """Lower twice the ranks of pairs by those of the `count` values that have no pair.

    Half of twice a rank, rounded down, is another number for each value, and the same for ties.
    """
    fall[: count + 1] = 0
    for j in range(len(paired)):
        if paired[j] == 0:
            fall[np.uint32(twice[j]) >> np.uint32(1)] += np.int32(1)
    fall[0] = 0  # what has no rank
    below = np.int32(0)
    for r in range(1, count + 1):
        equal = fall[r]
        fall[r] = below + equal
        below += equal + equal
    for j in range(len(ranks)):
        ranks[j] -= fall[np.uint32(ranks[j]) >> np.uint32(1)]


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
