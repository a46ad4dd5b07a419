"""p-values of a t by Newey & West: closed forms, published values, and simulated samples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, special

from engine.core.panel import FloatArray
from engine.study.fixed_b import find_critical, find_p
from engine.study.ic import newey_west_t, overlap_lags


@pytest.mark.parametrize("t", [0.5, 2.0, 4.8, 20.0])
def test_with_as_many_lags_as_values_it_has_a_closed_form(t):
    """P is 2 ∫ B² of a bridge, whose product is sinh: Kiefer, Vogelsang & Bunzel (2000)."""

    def tail(theta: float) -> float:
        c = t * t / np.sin(theta) ** 2
        root = np.sqrt(2.0 * c)
        return np.exp(-0.5 * (root + np.log1p(-np.exp(-2.0 * root)) - np.log(2.0 * root)))

    expected = 2.0 / np.pi * integrate.quad(tail, 0.0, np.pi / 2.0)[0]
    assert find_p(t, 1, 0) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("b", "expected"),
    [(0.02, 2.0196), (0.1, 2.2606), (0.2, 2.5663), (0.5, 3.4822), (1.0, 4.8130)],
)
def test_without_overlap_critical_values_are_those_of_kiefer_and_vogelsang(b, expected):
    """2005, table 1, which they simulated and smoothed: 1.96 + 2.9694 b + 0.416 b² - 0.5324 b³."""
    lags = 2  # a third of which is no overlap
    assert find_critical(round(3 / b), lags) == pytest.approx(expected, rel=0.015)


def test_few_lags_among_many_values_leave_the_normal_distribution():
    for t in (0.3, 1.0, 1.96, 3.0):
        assert find_p(t, 10**6, 3) == pytest.approx(special.erfc(t / np.sqrt(2.0)), rel=1e-3)
    assert find_critical(10**6, 3) == pytest.approx(1.96, abs=1e-3)


def test_values_that_are_used_again_and_again():
    """What `verdict` and tables go by: 5 % at horizons of 20 and 5 on 500 and 2,520 dates."""
    assert find_critical(500, 60) == pytest.approx(2.518, abs=1e-3)
    assert find_critical(2520, 60) == pytest.approx(2.155, abs=1e-3)
    assert find_critical(2520, 15) == pytest.approx(2.087, abs=1e-3)
    assert find_critical(252, 60) == pytest.approx(3.057, abs=2e-3)


def test_p_falls_from_one_as_t_grows_and_grows_with_the_lags():
    sizes = np.linspace(0.0, 12.0, 200)
    values = np.array([find_p(t, 500, 60) for t in sizes])
    assert values[0] == pytest.approx(1.0)
    assert (np.diff(values) < 0.0).all()
    assert find_p(-2.0, 500, 60) == find_p(2.0, 500, 60)
    rising = [find_p(2.0, n, 60) for n in range(2000, 20, -20)]
    assert (np.diff(rising) > 0.0).all()
    assert find_p(find_critical(500, 60, 0.01), 500, 60) == pytest.approx(0.01, rel=1e-6)


@pytest.mark.parametrize("t", [np.nan, np.inf])
def test_no_t_has_no_p(t):
    assert np.isnan(find_p(t, 100, 3))


def overlapping(random: np.random.Generator, runs: int, n: int, horizon: int) -> FloatArray:
    """Each date's coefficient is a sum of as many shocks: nobody knows anything."""
    sums = np.cumsum(random.standard_normal((runs, n + horizon)), axis=1)
    return sums[:, horizon:] - sums[:, :-horizon]


def rejected(n: int, horizon: int, runs: int) -> tuple[float, float]:
    """Share of samples in which p is below 5 %, and in which |t| is above 1.96."""
    lags = overlap_lags(horizon)
    samples = overlapping(np.random.default_rng(7), runs, n, horizon)
    sizes = np.abs([newey_west_t(row, lags).t for row in samples])
    return float((sizes > find_critical(n, lags)).mean()), float((sizes > 1.96).mean())


@pytest.mark.parametrize("n", [500, 750])
def test_a_true_null_is_rejected_in_5_percent_of_a_few(n):
    """1,500 samples: three standard deviations of a share of 5 % are 1.7 %."""
    by_p, by_normal = rejected(n, 20, 1500)
    assert by_p == pytest.approx(0.05, abs=0.017)
    assert by_normal > 0.07


@pytest.mark.long
@pytest.mark.parametrize(("n", "horizon"), [(250, 20), (500, 20), (750, 20), (500, 5), (750, 1)])
def test_a_true_null_is_rejected_in_5_percent(n, horizon):
    """20,000 samples: three standard deviations are 0.5 %."""
    assert rejected(n, horizon, 20_000)[0] == pytest.approx(0.05, abs=0.01)


@pytest.mark.long
@pytest.mark.parametrize("level", [0.2, 0.01, 0.001])
def test_the_whole_distribution_is_that_of_the_samples(level):
    samples = overlapping(np.random.default_rng(8), 20_000, 500, 20)
    found = np.array([newey_west_t(row, 60).p for row in samples[:20_000]])
    spread = np.sqrt(level * (1.0 - level) / len(found))
    assert (found < level).mean() == pytest.approx(level, abs=4.0 * spread + 0.05 * level)


def test_a_margin_holds_the_mean_where_p_allows_zero():
    series = overlapping(np.random.default_rng(3), 1, 400, 20)[0]
    test = newey_west_t(series, 60)
    assert test.margin == pytest.approx(test.standard_error * find_critical(400, 60))
    assert newey_west_t(series - test.mean + test.margin, 60).p == pytest.approx(0.05, rel=1e-6)
    assert np.isnan(newey_west_t(series[:1], 60).margin)
    assert newey_west_t(np.ones(4), 60).margin == 0.0
