"""What each date's symbols tell together, all of them or group by group.

Arrays have shape (T, N). Cells without a value take no part, and get NaN. Groups are whole
numbers, one a symbol or one a cell.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernels.cache import njit

Array = npt.NDArray[Any]
SUM, COUNT, LEAST, GREATEST, DEVIATION = 0, 1, 2, 3, 4
PLACE, MEDIAN = 0, 1


def summary(x: Array, labels: Array | None, what: int, out: Array) -> None:
    """Fill `out` with the sum, count, least or greatest value, or std (n-1), of a cell's group."""
    cells, groups = _groups(x, labels)
    _sum(x, cells, groups, what, out)


def order(x: Array, labels: Array | None, what: int, out: Array) -> None:
    """Fill `out` with a cell's place in its group, from 0 to 1, or with the group's median."""
    cells, groups = _groups(x, labels)
    _order(x, cells, groups, what, out)


def _groups(x: Array, labels: Array | None) -> tuple[Array, int]:
    """The group of each cell, from 0 on, and how many groups there are."""
    if labels is None:
        return np.zeros(x.shape, np.int64), 1
    cells = np.ascontiguousarray(np.broadcast_to(labels, x.shape), np.int64)
    return cells, int(labels.max(initial=0)) + 1


@njit(cache=True, nogil=True)
def _sum(x: Array, labels: Array, groups: int, what: int, out: Array) -> None:
    told, count, mean = np.empty(groups), np.empty(groups), np.empty(groups)
    for t in range(len(x)):
        row, of, to = x[t], labels[t], out[t]
        told[:], count[:] = 0.0, 0.0
        for j in range(len(row)):
            if not np.isnan(row[j]):
                _add(float(row[j]), of[j], what, count, mean, told)
        if what == COUNT:
            told[:] = count
        elif what == DEVIATION:
            _spread(row, of, count, mean, told)
        for j in range(len(row)):
            to[j] = np.nan if np.isnan(row[j]) else told[of[j]]


@njit(cache=True, nogil=True)
def _add(v: float, g: int, what: int, count: Array, mean: Array, told: Array) -> None:
    """Add a value to what is told of its group; `mean` is the group's first value."""
    count[g] += 1.0
    if count[g] == 1.0:
        mean[g] = v
        told[g] = 0.0 if what == DEVIATION else v
    elif what == LEAST:
        told[g] = min(told[g], v)
    elif what == GREATEST:
        told[g] = max(told[g], v)
    else:
        told[g] += v - mean[g] if what == DEVIATION else v


@njit(cache=True, nogil=True)
def _spread(row: Array, of: Array, count: Array, mean: Array, told: Array) -> None:
    """Turn sums of distances from first values, in `told`, into standard deviations (n-1)."""
    for g in range(len(count)):
        mean[g] += told[g] / max(count[g], 1.0)
        told[g] = 0.0
    for j in range(len(row)):
        far = row[j] - mean[of[j]]
        told[of[j]] += 0.0 if np.isnan(far) else far * far
    for g in range(len(count)):
        told[g] = np.sqrt(told[g] / (count[g] - 1.0)) if count[g] > 1.0 else np.nan


@njit(cache=True, nogil=True)
def _order(x: Array, labels: Array, groups: int, what: int, out: Array) -> None:
    """Walk through a row's values from the least on, and count them group by group."""
    count, seen, ties = np.empty(groups), np.empty(groups), np.empty(groups)
    low, high = np.empty(groups), np.empty(groups)
    for t in range(len(x)):
        row, of, to = x[t], labels[t], out[t]
        order = np.argsort(row)  # NaN last
        n = len(row) - np.isnan(row).sum()
        count[:], seen[:], ties[:], to[:] = 0.0, 0.0, 0.0, np.nan
        for j in order[:n]:
            count[of[j]] += 1.0
        start = 0
        while start < n:
            stop = start
            while stop < n and row[order[stop]] == row[order[start]]:
                ties[of[order[stop]]] += 1.0
                stop += 1
            for j in order[start:stop]:  # equal values share a place
                g = of[j]
                place, last = seen[g] + 0.5 * (ties[g] - 1.0), count[g] - 1.0
                to[j] = place / last if last > 0.0 else 0.5
                low[g] = row[j] if seen[g] <= last // 2.0 else low[g]
                high[g] = row[j] if seen[g] <= count[g] // 2.0 else high[g]
            for j in order[start:stop]:
                seen[of[j]] += ties[of[j]]
                ties[of[j]] = 0.0
            start = stop
        if what == MEDIAN:
            for j in order[:n]:
                to[j] = low[of[j]] + 0.5 * (high[of[j]] - low[of[j]])
