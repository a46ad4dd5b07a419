"""Operators over the symbols of one date, on arrays of shape (T, N).

The input has NaN wherever a symbol is no member of the universe or has no value; such cells
take no part, and get NaN. Sums run over the symbols in their fixed order, from the first
value, so that a constant has no spread at all; nothing is divided by a spread that is but the
rounding of its level, or too large for a number. Each function has the operator's name and takes
arrays, constants, the symbols' groups, and the array to fill, which is none of the others.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from engine.expr.roundoff import rounding
from engine.expr.summaries import (
    COUNT,
    DEVIATION,
    GREATEST,
    LEAST,
    MEDIAN,
    PLACE,
    SUM,
    order,
    summary,
)
from engine.kernels.cache import njit
from engine.kernels.lanes import kernel, mean_of
from engine.kernels.ranks import average_ranks

FloatArray = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Grouped = Callable[[FloatArray, Labels, FloatArray], None]
LESS_MEAN, MEAN, STANDARD = 0, 1, 2  # what is told of a value and its group
DENSE, CUT = 0, 1
SPAN = 1e-8  # of an array's own spread: what is less is rounding, so it follows from the others


def rank(x: FloatArray, out: FloatArray) -> None:
    average_ranks(x, share=True, out=out)


def demean(x: FloatArray, out: FloatArray) -> None:
    _centre(x, out)


def dense_rank(x: FloatArray, out: FloatArray) -> None:
    _by_ranks(average_ranks(x), DENSE, 0, out)


def zscore(x: FloatArray, out: FloatArray) -> None:
    zscore2(x, 1.0, out)


def zscore2(x: FloatArray, ddof: float, out: FloatArray) -> None:
    mean, spread = _centre(x, out)
    n = (~np.isnan(x)).sum(axis=1, keepdims=True)
    spread *= np.sqrt((n - 1.0) / np.maximum(n - ddof, 1.0))  # 1 where ddof is 1
    usable = (spread > rounding(x) * np.abs(mean)) & (spread < np.inf)
    np.divide(out, np.where(usable, spread, np.nan), out=out)


def scale(x: FloatArray, a: float, out: FloatArray) -> None:
    total = np.nansum(np.abs(x), axis=1, keepdims=True)
    usable = (total > 0.0) & (total < np.inf)
    np.divide(a * x, np.where(usable, total, np.nan), out=out)


def winsorize(x: FloatArray, k: float, out: FloatArray) -> None:
    mean, spread = _centre(x, out)
    width = k * np.where(np.isnan(spread), 0.0, np.where(spread < np.inf, spread, np.nan))
    np.clip(x, mean - width, mean + width, out=out)


def indneutralize(x: FloatArray, labels: Labels, out: FloatArray) -> None:
    _by_group(x, labels, LESS_MEAN, out)


def group_mean(x: FloatArray, labels: Labels, out: FloatArray) -> None:
    _by_group(x, labels, MEAN, out)


def group_zscore(x: FloatArray, labels: Labels, out: FloatArray) -> None:
    _by_group(x, labels, STANDARD, out)


def group_rank(x: FloatArray, labels: Labels, out: FloatArray) -> None:
    order = np.argsort(labels, kind="stable")
    for columns in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
        out[:, columns] = average_ranks(x[:, columns], share=True)


def cs_mean(x: FloatArray, out: FloatArray) -> None:
    mean, _ = _centre(x, out)
    out[:] = np.where(np.isnan(x), np.nan, mean)


def unit_rank(x: FloatArray, out: FloatArray) -> None:
    order(x, None, PLACE, out)


def group_unit_rank(x: FloatArray, labels: Labels, out: FloatArray) -> None:
    order(x, labels, PLACE, out)


def cs_median(x: FloatArray, out: FloatArray) -> None:
    order(x, None, MEDIAN, out)


def group_median(x: FloatArray, labels: Labels, out: FloatArray) -> None:
    order(x, labels, MEDIAN, out)


def cs_sum(x: FloatArray, out: FloatArray) -> None:
    summary(x, None, SUM, out)


def group_sum(x: FloatArray, labels: Labels, out: FloatArray) -> None:
    summary(x, labels, SUM, out)


def cs_count(x: FloatArray, out: FloatArray) -> None:
    summary(x, None, COUNT, out)


def group_count(x: FloatArray, labels: Labels, out: FloatArray) -> None:
    summary(x, labels, COUNT, out)


def cs_min(x: FloatArray, out: FloatArray) -> None:
    summary(x, None, LEAST, out)


def group_min(x: FloatArray, labels: Labels, out: FloatArray) -> None:
    summary(x, labels, LEAST, out)


def cs_max(x: FloatArray, out: FloatArray) -> None:
    summary(x, None, GREATEST, out)


def group_max(x: FloatArray, labels: Labels, out: FloatArray) -> None:
    summary(x, labels, GREATEST, out)


def cs_std(x: FloatArray, out: FloatArray) -> None:
    summary(x, None, DEVIATION, out)


def group_std(x: FloatArray, labels: Labels, out: FloatArray) -> None:
    summary(x, labels, DEVIATION, out)


def _by_value(of: Grouped) -> Callable[[FloatArray, FloatArray, FloatArray], None]:
    """The operator `of` row by row, in groups of equal y; a symbol without y is in none."""

    def by(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
        grouped = np.where(np.isnan(y), x.dtype.type(np.nan), x)
        grouped.flags.writeable = False
        for t in range(len(x)):
            labels = np.unique(y[t], return_inverse=True)[1]
            of(grouped[t : t + 1], labels, out[t : t + 1])

    return by


indneutralize_by = _by_value(indneutralize)
group_mean_by = _by_value(group_mean)
group_zscore_by = _by_value(group_zscore)
group_rank_by = _by_value(group_rank)
group_unit_rank_by = _by_value(group_unit_rank)
group_median_by = _by_value(group_median)
group_sum_by = _by_value(group_sum)
group_count_by = _by_value(group_count)
group_min_by = _by_value(group_min)
group_max_by = _by_value(group_max)
group_std_by = _by_value(group_std)


def bucket(x: FloatArray, q: float, out: FloatArray) -> None:
    count = (~np.isnan(x)).sum(axis=1, keepdims=True)
    out[:] = np.ceil(average_ranks(x) * np.floor(q) / count)


def qcut(x: FloatArray, q: float, out: FloatArray) -> None:
    _by_ranks(average_ranks(x), CUT, int(q), out)


def neutralize(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    _find_residuals(np.stack((x, y), axis=1), rounding(x), out)


def neutralize2(x: FloatArray, y: FloatArray, z: FloatArray, out: FloatArray) -> None:
    _find_residuals(np.stack((x, y, z), axis=1), rounding(x), out)


def neutralize3(
    x: FloatArray, y: FloatArray, z: FloatArray, w: FloatArray, out: FloatArray
) -> None:
    _find_residuals(np.stack((x, y, z, w), axis=1), rounding(x), out)


def _centre(x: FloatArray, out: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Fill `out` with x less its row's mean; the mean, and the std (n-1), shape (T, 1)."""
    mean, spread = np.empty((len(x), 1), x.dtype), np.empty((len(x), 1), x.dtype)
    _rows(x, out, mean, spread)
    return mean, spread


@kernel
def _rows(x: FloatArray, out: FloatArray, means: FloatArray, spreads: FloatArray) -> None:
    for t in range(len(x)):
        row, to = x[t], out[t]
        first, total, count = 0.0, 0.0, 0
        for v in row:
            if not np.isnan(v):
                if count == 0:
                    first = v
                total += v - first
                count += 1
        mean, square = total / max(count, 1), 0.0
        for j in range(len(row)):
            far = (row[j] - first) - mean
            to[j] = far
            if not np.isnan(far):
                square += far * far
        means[t, 0] = mean_of(first, total, count) if count > 0 else np.nan
        spreads[t, 0] = np.sqrt(square / (count - 1)) if count > 1 else np.nan


@njit(cache=True, nogil=True)
def _by_ranks(ranks: FloatArray, what: int, q: int, out: FloatArray) -> None:
    """Dense ranks over their number, or buckets, of a row's average ranks.

    A value is above the edge k / q of n if it is above the value that k (n - 1) / q, rounded
    down, others are below: if k (n - 1) < q times the number of those below itself.
    """
    equal = np.empty(2 * ranks.shape[1] + 1, np.int64)  # cells with a rank, by twice the rank
    before = np.empty(len(equal), np.int64)  # different ranks up to one
    for t in range(len(ranks)):
        equal[:] = 0
        n = 0
        for rank in ranks[t]:
            if not np.isnan(rank):
                equal[int(2.0 * rank)] += 1
                n += 1
        different = 0
        for place in range(len(equal)):
            different += 1 if equal[place] else 0
            before[place] = different
        for j, rank in enumerate(ranks[t]):
            if np.isnan(rank):
                out[t, j] = np.nan
                continue
            place = int(2.0 * rank)
            below = (place - equal[place] - 1) // 2
            if what == DENSE:
                out[t, j] = before[place] / different
            else:
                out[t, j] = max(-(-below * q // max(n - 1, 1)), 1)


def _by_group(x: FloatArray, labels: Labels, what: int, out: FloatArray) -> None:
    _compare_groups(x, labels, int(labels.max(initial=0)) + 1, what, rounding(x), out)


@kernel
def _compare_groups(
    x: FloatArray, labels: Labels, groups: int, what: int, rounded: float, out: FloatArray
) -> None:
    """X against the mean of its row's group, or that mean."""
    first, total, count = np.empty(groups), np.empty(groups), np.empty(groups)
    square = np.empty(groups)
    for t in range(len(x)):
        row, to = x[t], out[t]
        total[:] = 0.0
        count[:] = 0.0
        for j in range(len(row)):
            v, g = row[j], labels[j]
            if not np.isnan(v):
                if count[g] == 0.0:
                    first[g] = v
                total[g] += v - first[g]
                count[g] += 1.0
        for j in range(len(row)):
            v, g = row[j], labels[j]
            if np.isnan(v):
                to[j] = np.nan
            elif what == MEAN:
                to[j] = mean_of(first[g], total[g], count[g])
            else:
                to[j] = (v - first[g]) - total[g] / count[g]
        if what == STANDARD:
            _divide_by_spread(to, labels, count, rounded * first, square)


@njit(cache=True, nogil=True)
def _divide_by_spread(
    to: FloatArray, labels: Labels, count: FloatArray, noise: FloatArray, square: FloatArray
) -> None:
    """Divide distances from a group's mean by its standard deviation (n-1)."""
    square[:] = 0.0
    for j in range(len(to)):
        square[labels[j]] += 0.0 if np.isnan(to[j]) else to[j] * to[j]
    for j in range(len(to)):
        g = labels[j]
        spread = np.sqrt(square[g] / (count[g] - 1.0)) if count[g] > 1.0 else np.nan
        to[j] = to[j] / spread if abs(noise[g]) < spread < np.inf else np.nan


@njit(cache=True, nogil=True)
def _find_residuals(rows: FloatArray, rounded: float, out: FloatArray) -> None:
    """What rows 1, 2 … of each date leave of row 0: their span, made orthogonal, taken off."""
    width, columns = rows.shape[1], rows.shape[2]
    base, place = np.empty((width, columns)), np.empty(columns, np.int64)
    for t in range(len(rows)):
        n = 0
        for j in range(columns):
            whole = True
            for i in range(width):
                whole = whole and not np.isnan(rows[t, i, j])
            out[t, j] = np.nan
            place[n] = j
            n += 1 if whole else 0
        if n <= width or not _span(rows[t], place[:n], rounded, base):
            continue
        scale = _from_mean(rows[t, 0], place[:n], base[0])
        for i in range(1, width):
            _without(base[0], base[i], n)
        for j in range(n):
            out[t, place[j]] = base[0, j] * scale


@njit(cache=True, nogil=True)
def _span(rows: FloatArray, place: Labels, rounded: float, base: FloatArray) -> bool:
    """Fill base[1:] with unit vectors that span the rows; False when a row adds nothing."""
    n = len(place)
    for i in range(1, len(rows)):
        most = _from_mean(rows[i], place, base[i])
        if not most > rounded * abs(rows[i, place[0]]):
            return False
        before = _norm(base[i], n)
        for k in range(1, i):
            _without(base[i], base[k], n)
        for k in range(1, i):  # again: the first time leaves rounding along the others
            _without(base[i], base[k], n)
        norm = _norm(base[i], n)
        if not norm > SPAN * before:
            return False
        for j in range(n):
            base[i, j] /= norm
    return True


@njit(cache=True, nogil=True)
def _from_mean(row: FloatArray, place: Labels, to: FloatArray) -> float:
    """Distances from the mean, in units of the greatest one, which is returned."""
    first, total, most, n = row[place[0]], 0.0, 0.0, len(place)
    for j in range(n):
        total += row[place[j]] - first
    for j in range(n):
        to[j] = (row[place[j]] - first) - total / n
        most = max(most, abs(to[j]))
    for j in range(n):
        to[j] = to[j] / most if most > 0.0 else 0.0
    return most


@njit(cache=True, nogil=True)
def _norm(x: FloatArray, n: int) -> float:
    total = 0.0
    for j in range(n):
        total += x[j] * x[j]
    return float(np.sqrt(total))


@njit(cache=True, nogil=True)
def _without(x: FloatArray, unit: FloatArray, n: int) -> None:
    """Take from x what lies along a unit vector."""
    along = 0.0
    for j in range(n):
        along += x[j] * unit[j]
    for j in range(n):
        x[j] -= along * unit[j]
