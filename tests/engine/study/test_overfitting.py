"""The probability of backtest overfitting: the paper's steps, slowly, and cases with answers."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from engine.core.errors import ConfigError, DataError
from engine.core.panel import FloatArray
from engine.study import Overfitting, find_overfitting


def noise(rows: int, trials: int, seed: int = 0) -> FloatArray:
    return 0.01 * np.random.default_rng(seed).standard_normal((rows, trials))


def sharpe(x: FloatArray) -> float:
    return float(x.mean() / x.std(ddof=1))


def read_paper(returns: FloatArray, blocks: int) -> tuple[list[float], list[float], list[float]]:
    """Logits, and ratios of the best in and out of sample: section 2.2, split by split."""
    parts = np.split(returns, blocks)
    logits, inside, outside = [], [], []
    for taken in combinations(range(blocks), blocks // 2):
        train = np.concatenate([parts[i] for i in taken])
        test = np.concatenate([parts[i] for i in range(blocks) if i not in taken])
        r = [sharpe(column) for column in train.T]
        r_bar = [sharpe(column) for column in test.T]
        best = r.index(max(r))
        omega = (1 + sorted(r_bar).index(r_bar[best])) / (len(r) + 1)
        logits.append(math.log(omega / (1.0 - omega)))
        inside.append(r[best])
        outside.append(r_bar[best])
    return logits, inside, outside


@pytest.mark.parametrize(("trials", "blocks"), [(2, 4), (8, 6), (10, 8)])
def test_the_result_is_that_of_the_papers_steps(trials, blocks):
    """An even number of trials has none at the median."""
    returns = noise(blocks * 12, trials, seed=trials) + 0.001
    logits, inside, outside = read_paper(returns, blocks)
    made = find_overfitting(returns, blocks)
    assert made.splits == math.comb(blocks, blocks // 2) == len(logits)
    assert (made.rows, made.trials) == returns.shape
    assert made.pbo == made.below == pytest.approx(np.mean(np.array(logits) <= 0.0))
    assert made.logits == pytest.approx(np.quantile(logits, [0.25, 0.5, 0.75]))
    assert made.loss == pytest.approx(np.mean(np.array(outside) < 0.0))
    assert made.slope == pytest.approx(np.polyfit(inside, outside, 1)[0], rel=1e-6)


def test_in_an_odd_number_the_median_counts_one_half():
    returns = noise(120, 5, seed=3)
    logits = np.array(read_paper(returns, 6)[0])
    made = find_overfitting(returns, 6)
    assert (logits == 0.0).any()
    assert made.below == pytest.approx(np.mean(logits < 0.0))
    assert made.pbo == pytest.approx(np.mean(logits < 0.0) + np.mean(logits == 0.0) / 2.0)


@pytest.mark.parametrize("trials", [3, 8])
def test_noise_comes_to_one_half(trials):
    """The mean of 200 panels; one alone is anywhere between 0.1 and 0.9."""
    told = [find_overfitting(noise(160, trials, seed), 8).pbo for seed in range(200)]
    assert np.mean(told) == pytest.approx(0.5, abs=0.06)


def test_a_trial_that_is_truly_better_is_not_overfitted():
    returns = noise(640, 20)
    returns[:, 7] += 0.005
    made = find_overfitting(returns)
    assert made.splits == 12_870
    assert made.pbo == made.loss == 0.0
    assert made.logits == pytest.approx((math.log(20.0),) * 3)


def test_what_was_good_once_alone_is_overfitted():
    """Each trial has one good half and the same, turned round, in the other."""
    half = noise(80, 6)
    returns = np.concatenate([half, -half])
    made = find_overfitting(returns, 2)
    assert (made.splits, made.pbo, made.loss) == (2, 1.0, 1.0)
    assert made.logits[1] == pytest.approx(math.log(1 / 6))


def test_equal_trials_are_all_at_the_median():
    made = find_overfitting(np.repeat(noise(160, 1), 4, axis=1), 8)
    assert (made.pbo, made.below, made.logits) == (0.5, 0.0, (0.0, 0.0, 0.0))


def test_a_constant_has_a_ratio_of_zero_and_is_no_error():
    returns = noise(160, 3)
    returns[:, 1] = 0.001
    returns[:, 2] = 0.0
    made = find_overfitting(returns, 8)
    others = find_overfitting(np.column_stack([returns[:, 0], np.zeros((160, 2))]), 8)
    assert made == others
    still = find_overfitting(np.zeros((32, 2)), 8)
    assert still.pbo == 0.5
    assert math.isnan(still.slope)


def test_neither_order_nor_unit_matters():
    returns = noise(320, 9) + 0.0003
    made = find_overfitting(returns, 8)
    for other in (returns[:, ::-1], 100.0 * returns):
        again = find_overfitting(other, 8)
        assert (again.pbo, again.loss, again.logits) == (made.pbo, made.loss, made.logits)
        assert again.slope == pytest.approx(made.slope)


def test_rows_that_lack_a_return_and_the_first_of_a_remainder_are_left_out():
    returns = noise(83, 4)
    returns[40, 2] = np.nan
    kept = np.delete(returns, 40, axis=0)[2:]
    made: Overfitting = find_overfitting(returns, 8)
    assert made.rows == 80
    assert made == find_overfitting(kept, 8)


@pytest.mark.parametrize("blocks", [7, 0, -2, 26])
def test_blocks_have_two_equal_halves(blocks):
    with pytest.raises(ConfigError, match=f"blocks={blocks}: write an even number from 2 to 24"):
        find_overfitting(noise(100, 3), blocks)


def test_too_little_is_refused():
    with pytest.raises(DataError, match="give returns of 2 or more"):
        find_overfitting(noise(100, 1))
    with pytest.raises(DataError, match="31 rows on which all 3 trials have a return are too few"):
        find_overfitting(noise(31, 3))
    with pytest.raises(DataError, match="0 rows"):
        find_overfitting(np.full((50, 3), np.nan))
