"""Student's t, beside scipy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.fft import dct
from scipy.special import ndtr, stdtr, stdtrit

from engine.study.sharpe import _transform
from engine.study.student import find_bound, find_normal, find_tail

DEGREES = (1, 2, 3, 5, 10, 25, 46, 101, 1000, 5000)


@pytest.mark.parametrize("degrees", DEGREES)
def test_tails_are_scipys(degrees: int) -> None:
    t = np.array([-30.0, -2.0, -0.5, 0.0, 0.3, 0.9, 1.0, 1.5, 2.0, 5.0, 12.0, 50.0, 1e4])
    found = [find_tail(each, degrees) for each in t]
    np.testing.assert_allclose(found, stdtr(degrees, -t), rtol=2e-12)


@pytest.mark.parametrize("degrees", DEGREES)
def test_bounds_are_scipys(degrees: int) -> None:
    tails = np.array([0.5, 0.4, 0.25, 0.1, 0.025, 1e-4, 1e-8])
    found = [find_bound(degrees, each) for each in tails]
    np.testing.assert_allclose(found, -stdtrit(degrees, tails), rtol=1e-12, atol=1e-15)


def test_what_tables_print() -> None:
    assert find_bound(10, 0.025) == pytest.approx(2.228, abs=5e-4)
    assert find_bound(30, 0.05) == pytest.approx(1.697, abs=5e-4)
    assert find_normal(1.959964) == pytest.approx(0.975, abs=1e-7)


def test_the_normal_is_scipys_where_it_is_tiny() -> None:
    x = np.array([-37.0, -8.0, -1.0, 0.0, 2.0])
    np.testing.assert_allclose([find_normal(each) for each in x], ndtr(x), rtol=1e-12)


def test_nothing_known_stays_so() -> None:
    assert math.isnan(find_tail(math.nan, 5))
    assert math.isnan(find_normal(math.nan))


@pytest.mark.parametrize("n", [3, 4, 100, 997])
def test_cosine_coefficients_are_scipys(n: int) -> None:
    x = np.random.default_rng(n).standard_normal(n)
    count = min(25, n - 1)
    expected = dct(x, norm="ortho")[1 : count + 1]
    np.testing.assert_allclose(_transform(x, count), expected, rtol=1e-10, atol=1e-13)
