"""Average ranks, against scipy on numbers that are hard to spread over buckets."""

from __future__ import annotations

import numpy as np
import pytest
from builders import NAN
from numpy.testing import assert_array_equal
from scipy.stats import rankdata

from engine.kernels.ranks import average_ranks


def test_average_ranks_literal():
    ranks = average_ranks(np.array([[30.0, 10.0, NAN, 10.0], [1.0, 1.0, 1.0, 1.0]]))
    assert_array_equal(ranks, [[3.0, 1.5, NAN, 1.5], [2.5, 2.5, 2.5, 2.5]])


def test_shares_lie_between_0_and_1():
    assert_array_equal(
        average_ranks(np.array([[30.0, 10.0, NAN, 10.0]]), share=True), [[1.0, 0.5, NAN, 0.5]]
    )


def hard(rows: int, columns: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(columns)
    normal, part = random.normal(size=(rows, columns)), random.random((rows, columns))
    first = np.arange(columns) == 0
    return {
        "normal": normal,
        "holes": np.where(part < 0.4, NAN, normal),
        "mostly holes": np.where(part < 0.95, NAN, normal),
        "ranks": np.argsort(np.argsort(normal)) / columns,
        "lognormal": np.exp(3.0 * normal),
        "cauchy": np.tan(np.pi * (part - 0.5)),
        "cubes": normal**3,
        "ties": np.round(normal, 1),
        "ties far apart": np.round(np.exp(3.0 * normal), 1),
        "two values": np.where(normal > 0.0, 1.0, 0.0),
        "one value": np.full((rows, columns), 7.0),
        "one value and others": np.where(part < 0.3, 0.0, normal),
        "zeros of both signs": np.where(part < 0.5, -0.0, 0.0),
        "zeros of both signs among infinite": np.where(
            part < 0.7, np.where(part < 0.3, -0.0, 0.0), np.sign(normal) * np.inf
        ),
        "zeros of both signs among tiny": np.where(part < 0.2, -0.0, np.trunc(normal) * 5e-324),
        "denormal": normal * 1e-310,
        "all magnitudes": np.sign(normal) * 10.0 ** random.uniform(-320, 308, normal.shape),
        "all positive magnitudes": 10.0 ** random.uniform(-300, 300, normal.shape),
        "the widest span": np.where(first, -1.7e308, np.where(part < 0.5, 1.7e308, normal)),
        "close together": 1.0 + normal * 1e-15,
        "close together and tiny": np.where(part < 0.5, normal, normal * 1e-300),
        "an outlier": np.where(first, 1e300, normal),
        "an outlier among ties": np.where(first, 1e300, np.round(normal, 1)),
        "infinite": np.where(part < 0.1, np.inf, -normal),
        "sorted backwards": np.sort(normal)[:, ::-1],
        "nothing": np.full((rows, columns), NAN),
    }


@pytest.mark.parametrize("columns", [1, 2, 7, 17, 100, 257, 500, 1025, 3000, 5000])
@pytest.mark.parametrize("kind", hard(1, 1))
def test_average_ranks_agree_with_scipy(kind, columns):
    values = hard(2 if columns > 1000 else 6, columns)[kind]
    expected = rankdata(values, axis=1, nan_policy="omit")
    assert_array_equal(average_ranks(values), expected)
    n = np.isfinite(expected).sum(axis=1, keepdims=True)
    assert_array_equal(average_ranks(values, share=True), expected / np.maximum(n, 1))


@pytest.mark.parametrize("around", [30, 31, 32, 255, 256, 257, 512])
def test_any_number_of_values_fits_in_one_bucket(around):
    """Nearly equal values beside far ones, as many as the small counts hold or one more."""
    near = np.arange(around)[::-1] * 1e-13
    values = np.concatenate([near, -1.0 - np.arange(400.0)])[None, :]
    for made in (values, np.where(values >= 0.0, 0.0, values)):
        assert_array_equal(average_ranks(made), rankdata(made, axis=1))


@pytest.mark.parametrize("columns", [7, 500, 1025])
@pytest.mark.parametrize("kind", hard(1, 1))
def test_ranks_follow_their_values(kind, columns):
    """A row's ranks depend on neither the order of its columns nor the rows beside it."""
    values = hard(4, columns)[kind]
    order = np.random.default_rng(1).permutation(columns)
    alone = np.concatenate([average_ranks(row[None, order]) for row in values])
    assert_array_equal(average_ranks(values)[:, order], alone)


def test_rows_of_all_kinds_leave_nothing_behind():
    """The room that rows share is as good after any row as after another."""
    every = np.concatenate(list(hard(1, 500).values()))
    mixed = np.concatenate([every, every[::-1], np.roll(every, 7, axis=0)])
    assert_array_equal(average_ranks(mixed), rankdata(mixed, axis=1, nan_policy="omit"))


def test_single_precision_stays_so():
    values = np.float32(np.round(np.random.default_rng(2).normal(size=(5, 300)), 2))
    values[:, ::9] = NAN
    ranks = average_ranks(values, share=True)
    assert ranks.dtype == np.float32
    assert_array_equal(ranks, np.float32(average_ranks(np.float64(values), share=True)))


@pytest.mark.parametrize("shape", [(0, 4), (4, 0)])
def test_no_cells_have_no_ranks(shape):
    assert average_ranks(np.empty(shape)).shape == shape
