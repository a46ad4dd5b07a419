"""The median of a column, by counting: that of numpy, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from engine.kernels.medians import Medians

COLUMNS = {
    "normal": lambda random, n: random.normal(size=n),
    "uniform": lambda random, n: random.random(n),
    "below 0": lambda random, n: -random.random(n),
    "ties": lambda random, n: random.integers(-2, 3, n) * 1.0,
    "all sizes": lambda random, n: random.normal(size=n) * 10.0 ** random.integers(-310, 308, n),
}


def median(column, keep):
    (found,) = Medians([column], [None]).over(keep)
    return found


@pytest.mark.parametrize("n", [1, 2, 3, 10, 1000, 1001])
@pytest.mark.parametrize("kind", COLUMNS)
def test_it_is_that_of_numpy(kind, n):
    random = np.random.default_rng(n)
    for _ in range(20):
        column, keep = COLUMNS[kind](random, n), random.random(n) < 0.7
        column[random.random(n) < 0.1] = np.nan
        column[random.random(n) < 0.05] = random.choice([-np.inf, np.inf])
        known = column[keep & np.isfinite(column)]
        expected = np.median(known) if len(known) else np.nan
        np.testing.assert_equal(median(column, keep), expected)


def test_nothing_has_no_median():
    assert np.isnan(median(np.empty(0), np.empty(0, bool)))
    assert np.isnan(median(np.array([np.nan, 1.0]), np.array([True, False])))


@pytest.mark.parametrize(
    "choices",
    [
        [(0, 10), (0, 30), (0, 99)],  # windows that grow
        [(0, 40), (20, 60), (55, 99)],  # that move on
        [(50, 99), (0, 3), (3, 3), (0, 99)],
    ],
)
def test_one_choice_after_another_is_each_by_itself(choices):
    random = np.random.default_rng(5)
    columns = random.normal(size=(3, 99))
    columns[0] = 0.0
    columns[0, ::2] = -0.0  # of a bucket of their own
    columns[1, ::7] = np.nan
    hidden = random.random(99) < 0.3
    medians = Medians(columns, [None, hidden, None])
    columns = np.where([[False], [True], [False]] & hidden, np.nan, columns)
    for start, stop in choices:
        keep = (np.arange(99) >= start) & (np.arange(99) < stop)
        expected = [np.median(c[keep & np.isfinite(c)]) if keep.any() else np.nan for c in columns]
        np.testing.assert_equal(medians.over(keep), expected)
