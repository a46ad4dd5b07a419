"""Sharpe ratios after a search: the papers' examples, and what the chances are worth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

from engine.core.errors import ConfigError
from engine.core.panel import FloatArray
from engine.study import (
    Track,
    deflate,
    expect_best,
    judge_search,
    judge_sharpe,
    measure_minimum,
)

RUNS = 1000
NAN = float("nan")


def track(sharpe: float, n: int, skew: float = 0.0, kurtosis: float = 3.0) -> Track:
    return Track(n, sharpe, skew, kurtosis, 1.0 / math.sqrt(n))


def per_day(annual: float, year: float = 250.0) -> float:
    return annual / math.sqrt(year)


def test_a_track_is_measured_per_period_and_skips_what_is_missing():
    x = np.random.default_rng(0).standard_gamma(2.0, 500) - 1.5
    told = Track.of(np.append(x, NAN))
    assert told.n == 500
    assert told.sharpe == pytest.approx(x.mean() / x.std(ddof=1), rel=1e-12)
    assert told.skew == pytest.approx(stats.skew(x), rel=1e-12)
    assert told.kurtosis == pytest.approx(stats.kurtosis(x, fisher=False), rel=1e-12)
    assert 0.5 < told.error * math.sqrt(500) < 2.0


@pytest.mark.parametrize("returns", [[], [0.1], [0.01, 0.02], [0.01] * 50, [NAN] * 9])
def test_without_a_ratio_nothing_is_told(returns):
    empty = Track.of(np.array(returns, dtype=float))
    assert math.isnan(judge_sharpe(empty))
    assert math.isnan(deflate(empty, 9, 0.1))
    assert math.isnan(measure_minimum(empty))
    assert math.isnan(judge_search(empty, 9))


# Bailey & Lopez de Prado (2014), "A numerical example": a ratio of 2.5 a year over 1,250 days of
# skew -3 and kurtosis 10, the best of trials whose ratios have a variance of 1/2 a year.
DEVIATION = math.sqrt(0.5 / 250)


def test_the_papers_deflated_sharpe_ratio():
    found = track(per_day(2.5), 1250, -3.0, 10.0)
    assert expect_best(100, DEVIATION) == pytest.approx(0.1132, abs=5e-5)
    assert deflate(found, 100, DEVIATION) == pytest.approx(0.9004, abs=5e-5)
    assert deflate(found, 46, DEVIATION) == pytest.approx(0.9505, abs=5e-5)
    assert deflate(track(per_day(2.5), 1250), 88, DEVIATION) == pytest.approx(0.9505, abs=5e-5)


def test_the_papers_probabilistic_sharpe_ratio():
    """Bailey & Lopez de Prado (2012), a hedge fund of 24 months: 0.982 if it were normal."""
    assert judge_sharpe(track(0.458, 24)) == pytest.approx(0.982, abs=5e-4)
    assert judge_sharpe(track(0.458, 24, -2.448, 10.164)) == pytest.approx(0.913, abs=1e-3)


@pytest.mark.parametrize(
    ("year", "skew", "kurtosis", "years"),
    [(252, 0.0, 3.0, 2.73), (52, 0.0, 3.0, 2.83), (12, 0.0, 3.0, 3.24), (12, -0.72, 5.78, 4.99)],
)
def test_the_papers_minimum_track_record_lengths(year, skew, kurtosis, years):
    """Bailey & Lopez de Prado (2012): years until a ratio of 2 is above 1 at 95 %."""
    two = track(per_day(2.0, year), 9, skew, kurtosis)
    rows = measure_minimum(two, per_day(1.0, year))
    assert rows / year == pytest.approx(years, abs=5e-3)


def test_a_track_of_the_minimum_length_has_just_the_confidence():
    rows = measure_minimum(track(0.1, 9, -1.0, 8.0), 0.03, 0.9)
    long = Track(math.ceil(rows), 0.1, -1.0, 8.0, NAN)
    assert judge_sharpe(long, 0.03) == pytest.approx(0.9, abs=1e-3)


def test_no_track_is_long_enough_for_a_ratio_below_the_target():
    assert measure_minimum(track(0.1, 500), 0.1) == math.inf
    assert measure_minimum(track(-0.1, 500)) == math.inf


@pytest.mark.parametrize(("trials", "off"), [(2, 0.08), (10, 0.03), (100, 0.01), (10_000, 0.01)])
def test_the_best_that_is_expected_is_near_the_exact_one(trials, off):
    z = np.linspace(-10.0, 10.0, 200_001)
    exact = np.trapezoid(z * trials * stats.norm.pdf(z) * stats.norm.cdf(z) ** (trials - 1), z)
    assert expect_best(trials, 0.3) == pytest.approx(0.3 * exact, rel=off)


def test_one_trial_is_expected_to_be_average_and_more_never_worse():
    assert expect_best(1, 0.3) == 0.0
    told = [expect_best(n, 1.0) for n in np.linspace(1.0, 20.0, 200)]
    assert (np.diff(told) >= 0.0).all()
    assert told[-1] > 1.8


def test_fewer_trials_than_the_one_that_is_judged_are_refused():
    for judge in (lambda n: expect_best(n, 1.0), lambda n: judge_search(track(0.1, 500), n)):
        for trials in (0, 0.9, NAN):
            with pytest.raises(ConfigError, match="count 1 or more"):
                judge(trials)
    with pytest.raises(ConfigError, match=r"between 0\.5 and 1"):
        measure_minimum(track(0.1, 500), confidence=95)


def test_a_search_of_one_is_the_test_of_one():
    """Student's t of B = 25 cosines; the error is widened so that 1.96 of it are t's 97.5 %."""
    one = Track(1000, 0.06, 0.0, 3.0, 0.03)
    t = 2.0 * stats.t.ppf(0.975, 25) / stats.norm.ppf(0.975)
    p = stats.t.sf(t, 25)
    assert judge_search(one, 1) == pytest.approx(p, rel=1e-6)
    assert judge_search(one, 48) == pytest.approx(1.0 - (1.0 - p) ** 48, rel=1e-6)
    assert judge_search(one, 4.5) == pytest.approx(1.0 - (1.0 - p) ** 4.5, rel=1e-6)


def test_a_tiny_chance_is_exact_and_a_certain_one_is_one():
    tiny = judge_search(Track(100_000, 0.06, 0.0, 3.0, 0.003), 1)
    assert 0.0 < tiny < 1e-40
    assert judge_search(Track(100_000, 0.06, 0.0, 3.0, 0.003), 48) == pytest.approx(48 * tiny)
    assert judge_search(Track(1000, -9.0, 0.0, 3.0, 0.003), 5) == 1.0


def independent(random: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    return random.standard_normal(shape)


def fat(random: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    return random.standard_t(4, shape)


def trending(random: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    return lfilter([1.0], [1.0, -0.3], random.standard_normal(shape), axis=-1)


def crashing(random: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    """Skew -2, kurtosis 9."""
    return 1.0 - random.standard_gamma(1.0, shape)


def search(process, trials: int, runs: int, n: int = 1000) -> FloatArray:
    """The chances that searches without skill report of their best."""
    random = np.random.default_rng(7)
    chances = []
    for _ in range(runs):
        x = process(random, (trials, n))
        best = (x.mean(axis=1) / x.std(axis=1)).argmax()
        chances.append(judge_search(Track.of(x[best]), trials))
    return np.array(chances)


@pytest.mark.long
@pytest.mark.parametrize("trials", [1, 9, 48])
@pytest.mark.parametrize("process", [independent, fat, trending, crashing])
def test_searches_without_skill_report_uniform_chances(process, trials):
    """Of 1,000: three standard deviations of 5 % are 2 %. High chances are told a little higher.

    The best of many is chosen by its ratio, which is not always the one of the lowest chance.
    """
    chances = search(process, trials, RUNS)
    assert np.mean(chances <= 0.01) <= 0.025
    assert 0.03 <= np.mean(chances <= 0.05) <= 0.075
    assert 0.14 <= np.mean(chances <= 0.2) <= 0.24
    assert 0.35 <= np.mean(chances <= 0.5) <= 0.55


@pytest.mark.parametrize("trials", [1, 9])
def test_a_few_searches_without_skill_report_uniform_chances(trials):
    """200: three standard deviations of 20 % are 8 %; of plain p-values 87 % are below, for 9."""
    chances = search(fat, trials, 200)
    assert np.mean(chances <= 0.2) == pytest.approx(0.2, abs=0.08)
    assert np.mean(chances <= 0.05) <= 0.1
