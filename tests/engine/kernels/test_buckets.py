"""Quantiles of rows, their means and who is new in them, against loops over the cells."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from builders import NAN

from engine.core.panel import FloatArray
from engine.kernels.buckets import bucket_rows, count_new, mean_rows
from engine.kernels.ranks import average_ranks


def factors() -> Iterator[FloatArray]:
    """Five rows each, with ties and holes; a row of one value, and an empty one."""
    random = np.random.default_rng(2)
    for _ in range(100):
        shape = 5, int(random.integers(1, 40))
        made = random.normal(size=shape).round(int(random.integers(0, 3)))
        made[random.random(shape) < 0.3] = NAN
        made[3], made[4] = 1.0, NAN
        yield made


def cut(factor: FloatArray, count: int) -> np.ndarray:
    made = np.empty(factor.shape, np.int8)
    bucket_rows(average_ranks(factor), count, made)
    return made


def test_a_quantile_is_where_the_middle_of_a_rank_lies():
    for factor in factors():
        made, ranks = cut(factor, 3), average_ranks(factor)
        for t, row in enumerate(ranks):
            n = int(np.isfinite(row).sum())
            usable = n >= 3 and np.nanmin(row) < np.nanmax(row)
            expected = [
                int((2 * r - 1) * 3 // (2 * n)) if usable and np.isfinite(r) else -1 for r in row
            ]
            assert made[t].tolist() == expected


def test_means_are_of_the_finite_values_in_the_order_of_the_columns():
    random = np.random.default_rng(3)
    for factor in factors():
        groups, values = cut(factor, 3), random.normal(size=factor.shape)
        values[random.random(values.shape) < 0.3] = NAN
        values[random.random(values.shape) < 0.1] = np.inf
        made = np.empty((5, 4))
        mean_rows(groups, values, made)
        for t in range(5):
            for q in range(4):
                inside = groups[t] == q if q < 3 else groups[t] >= 0
                cells = values[t, inside & np.isfinite(values[t])].tolist()
                assert made[t, q] == sum(cells) / len(cells) if cells else np.isnan(made[t, q])


def test_new_cells_were_in_another_quantile_or_in_none():
    """The third row has none before it."""
    now = np.array([[2, 2, 0, -1], [2, 2, 2, 2], [2, 0, 2, 0]], np.int8)
    before = np.array([[2, 0, 2, 2], [-1, 2, 2, 2], [-1, -1, -1, -1]], np.int8)
    size, new = np.empty((2, 3), np.intp)
    count_new(now, before, 2, size, new)
    assert size.tolist() == [2, 4, 2]
    assert new.tolist() == [1, 1, -1]
