"""Quantiles of each row: which cell is in which, what they earned, who came into one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernels.correlation import kernel

Array = npt.NDArray[Any]


@kernel
def bucket_rows(ranks: Array, count: int, out: Array) -> None:
    """Fill in the quantile, of `count`, of each average rank (T, N), int8: -1 where there is none.

    A row with fewer ranks, or with a single one for all, has none.
    """
    for t in range(len(ranks)):
        row = ranks[t]
        n, lowest = 0, np.inf
        for j in range(len(row)):
            known = row[j] > 0.0
            n += known
            lowest = min(lowest, row[j] if known else np.inf)
        if n < count or lowest >= (n + 1) / 2.0:  # everyone's rank where there is no difference
            out[t] = -1
            continue
        for j in range(len(row)):  # a quotient of whole numbers is never rounded up to the next one
            known = row[j] > 0.0
            place = ((2.0 * row[j] if known else 1.0) - 1.0) * count / (2.0 * n)
            out[t, j] = np.int8(place) if known else np.int8(-1)


@kernel
def mean_rows(groups: Array, values: Array, out: Array) -> None:
    """Fill in the mean of the finite values in each quantile of a row, and in all of them.

    `groups` int8 (T, N), -1 for none, `values` (T, N), `out` (T, Q + 1): NaN without a value. They
    are added in the order of the columns.
    """
    last = out.shape[1] - 1
    total, number = np.empty(last + 1), np.empty(last + 1, np.int64)
    for t in range(len(groups)):
        total[:], number[:], every = 0.0, 0, 0.0
        for j in range(groups.shape[1]):
            known = groups[t, j] >= 0 and abs(values[t, j]) < np.inf
            at, value = (groups[t, j] if known else last), (values[t, j] if known else 0.0)
            total[at] += value
            number[at] += known
            every += value
        total[last], number[last] = every, number[:last].sum()
        for q in range(last + 1):
            out[t, q] = total[q] / number[q] if number[q] else np.nan


@kernel
def count_new(now: Array, before: Array, bucket: int, size: Array, new: Array) -> None:
    """Count the cells of a quantile in each row (T,), and those that were not in it before.

    A row whose quantiles before were none has -1 new ones. Quantiles are int8 (T, N).
    """
    b = np.int8(bucket)
    for t in range(len(now)):
        here, came, ranked = 0, 0, False
        for j in range(now.shape[1]):
            here += now[t, j] == b
            came += (now[t, j] == b) & (before[t, j] != b)
            ranked |= before[t, j] >= 0
        size[t], new[t] = here, came if ranked else -1
