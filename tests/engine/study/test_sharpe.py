"""The standard error of Sharpe ratios: what its intervals cover, and a bootstrap as an oracle."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.panel import FloatArray
from engine.study.sharpe import sharpe_error

N, RUNS = 1000, 2000


def iid(random: np.random.Generator, runs: int) -> FloatArray:
    return random.standard_normal((runs, N))


def t4(random: np.random.Generator, runs: int) -> FloatArray:
    return random.standard_t(4, (runs, N)) / np.sqrt(2.0)


def ma20(random: np.random.Generator, runs: int) -> FloatArray:
    """Each day the mean of 20 shocks: the true error is √20 times that of independent days."""
    sums = np.cumsum(random.standard_normal((runs, N + 20)), axis=1)
    return (sums[:, 20:] - sums[:, :-20]) / np.sqrt(20.0)


def garch(random: np.random.Generator, runs: int) -> FloatArray:
    """GARCH(1,1) with a persistence of 0.98 and unit variance."""
    variance, out = np.ones(runs), np.empty((runs, N + 500))
    for t in range(N + 500):
        out[:, t] = np.sqrt(variance) * random.standard_normal(runs)
        variance = 0.02 + 0.08 * out[:, t] ** 2 + 0.9 * variance
    return out[:, 500:]


def ratio(returns: FloatArray) -> FloatArray:
    return returns.mean(axis=-1) / returns.std(axis=-1, ddof=1)


def covered(returns: FloatArray, truth: float) -> float:
    errors = np.array([sharpe_error(row) for row in returns])
    return float(np.mean(np.abs(ratio(returns) - truth) < 1.96 * errors))


@pytest.mark.long
@pytest.mark.parametrize("truth", [0.0, 0.05, 0.1])
@pytest.mark.parametrize("process", [iid, t4, ma20, garch])
def test_intervals_cover_in_95_percent(process, truth):
    returns = process(np.random.default_rng(11), RUNS) + truth
    assert 0.92 <= covered(returns, truth) <= 0.97


@pytest.mark.parametrize("process", [iid, ma20])
def test_intervals_cover_in_95_percent_of_a_few(process):
    """300 runs: three standard deviations of a coverage of 0.945 are 0.04."""
    returns = process(np.random.default_rng(5), 300) + 0.05
    assert covered(returns, 0.05) == pytest.approx(0.945, abs=0.04)


@pytest.mark.parametrize("outlier", [0.3, -0.3, 1.0, -0.5])
def test_one_outlier_gives_the_error_of_a_bootstrap(outlier):
    """Mean over places of the outlier, for each estimate has noise of its own."""
    random = np.random.default_rng(3)
    told, drawn, straight = [], [], []
    for _ in range(12):
        x = 0.0005 + 0.01 * random.standard_normal(2520)
        x[random.integers(2520)] = outlier
        z = (x - x.mean()) / x.std(ddof=1)
        straight.append(np.mean((z - ratio(x) / 2 * (z * z - 1)) ** 2) / 2520)
        drawn.append(ratio(x[random.integers(2520, size=(300, 2520))]).var())
        told.append(sharpe_error(x) ** 2)
    made, oracle = np.sqrt(np.mean(told)), np.sqrt(np.mean(drawn))
    assert 0.9 < made / oracle < 1.2
    if outlier == 1.0:
        assert np.sqrt(np.mean(straight)) < 0.75 * oracle


def test_the_error_is_that_of_mertens_for_many_independent_returns():
    """n = 250,000: a few thousandths of noise, and no widening to speak of."""
    x = 0.1 + np.random.default_rng(0).standard_gamma(4.0, 250_000)
    s, z = ratio(x), (x - x.mean()) / x.std()
    skew, kurtosis = np.mean(z**3), np.mean(z**4) - 3.0
    mertens = np.sqrt((1 + s * s / 2 - skew * s + kurtosis / 4 * s * s) / len(x))
    assert sharpe_error(x) == pytest.approx(mertens, rel=0.06)


def test_neither_the_unit_nor_the_sign_matters():
    x = 0.001 + 0.01 * np.random.default_rng(1).standard_t(3, 500)
    assert sharpe_error(100.0 * x) == pytest.approx(sharpe_error(x), rel=1e-9)
    assert sharpe_error(-x) == pytest.approx(sharpe_error(x), rel=1e-9)


@pytest.mark.parametrize("x", [[], [0.1], [0.1, 0.2], [0.1] * 9])
def test_too_little_gives_no_error(x):
    assert np.isnan(sharpe_error(np.array(x)))


@pytest.mark.parametrize("x", [[0.0, 0.0, 0.1], [0.0] * 30 + [-0.5], [1e-9, 2e-9, -3e-9]])
def test_a_few_returns_or_a_single_move_give_a_finite_error(x):
    assert 0.0 < sharpe_error(np.array(x)) < 100.0
