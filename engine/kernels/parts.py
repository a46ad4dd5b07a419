"""Spearman's correlation in the parts of each row, such as a date's sectors, in one pass.

1. A row's cells are chained by what they rank among all: `first` is the cell that has a rank,
   `then` another that shares it. Half of twice a rank, rounded down, is another number for each
   value, and the same for ties.
2. A walk along the chains counts the cells of each part, which gives each its rank in the part.
3. Sums by part are of whole numbers (ranks, taken twice), which are exact in any order.

```
 ranks         2    5    1   3.5  3.5      twice: 4 10 2 7 7
 part          a    b    a    a    b
 first         -    2    0    4    -    1  the cell, by half of twice the rank, rounded down
 then          -    -    -    -    3       the other cell of rank 3.5
 in the part   4    4    2    6    2       twice the rank
```
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernels.correlation import correlate_ranks, kernel

Array = npt.NDArray[Any]


@kernel
def correlate_parts(ranks: Array, twice: Array, codes: Array, out: Array) -> None:
    """Fill in the correlation of each part of each row, `out` (T, P).

    `ranks` (T, N) are a factor's, NaN where it has none; `twice` int32 (T, N) twice an outcome's, 0
    where there is none. `codes` (T, B, N) tell each cell's part by each of B ways to divide a row,
    -1 for none; no two ways have a code in common.
    """
    T, B, N = codes.shape
    P = out.shape[1]
    x, y = np.empty(N, np.int32), np.empty(N, np.int32)
    first, then = np.empty((2, N + 1), np.int32), np.empty((2, N), np.int32)
    n, m, tied = np.empty(P, np.int64), np.empty(P, np.int64), np.zeros(P, np.int64)
    xx, yy, xy = np.empty(P, np.int64), np.empty(P, np.int64), np.empty(P, np.int64)
    for t in range(T):
        for j in range(N):
            both = ranks[t, j] > 0.0 and twice[t, j] > 0
            x[j] = np.int32(2.0 * ranks[t, j]) if both else np.int32(0)
            y[j] = twice[t, j] if both else np.int32(0)
        _chain(x, first[0], then[0])
        _chain(y, first[1], then[1])
        n[:], m[:], xx[:], yy[:], xy[:] = 0, 0, 0, 0, 0
        for b in range(B):
            code = codes[t, b]
            _rank_parts(first[0], then[0], code, n, tied, x)
            _rank_parts(first[1], then[1], code, m, tied, y)
            for j in range(N):
                p = code[j]
                if p >= 0 and x[j] > 0:
                    u, v = np.int64(x[j]), np.int64(y[j])
                    xx[p], yy[p], xy[p] = xx[p] + u * u, yy[p] + v * v, xy[p] + u * v
        for p in range(P):
            out[t, p] = correlate_ranks(n[p], xx[p], yy[p], xy[p])


@kernel
def _chain(twice: Array, first: Array, then: Array) -> None:
    first[:] = -1
    for j in range(len(twice)):
        if twice[j] > 0:
            at = np.uint32(twice[j]) >> np.uint32(1)
            then[j], first[at] = first[at], np.int32(j)


@kernel
def _rank_parts(
    first: Array, then: Array, code: Array, below: Array, tied: Array, twice: Array
) -> None:
    """Twice the rank of each chained cell in its part; `below`, from 0s, counts those of a part."""
    for at in range(len(first)):
        j = first[at]
        if j < 0:
            continue
        if then[j] >= 0:
            _rank_tied(j, then, code, below, tied, twice)
        elif code[j] >= 0:
            below[code[j]] += 1
            twice[j] = np.int32(2 * below[code[j]])


@kernel
def _rank_tied(
    start: int, then: Array, code: Array, below: Array, tied: Array, twice: Array
) -> None:
    """The same of the cells of one rank; `tied` is all 0 before and after."""
    j = start
    while j >= 0:
        if code[j] >= 0:
            tied[code[j]] += 1
        j = then[j]
    j = start
    while j >= 0:
        if code[j] >= 0:
            twice[j] = np.int32(2 * below[code[j]] + tied[code[j]] + 1)
        j = then[j]
    j = start
    while j >= 0:
        p = code[j]
        if p >= 0:
            below[p], tied[p] = below[p] + tied[p], 0
        j = then[j]
