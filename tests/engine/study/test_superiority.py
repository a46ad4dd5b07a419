"""Tests against a benchmark: `arch`, called directly, and p-values of trials without skill."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from engine.core.errors import ConfigError, DataError
from engine.core.panel import FloatArray
from engine.study import Superiority, compare_trials
from engine.study.superiority import measure_deviation

bootstrap = pytest.importorskip("arch.bootstrap")
CASH = np.zeros(500)


def panel(trials: int, rows: int = 500, seed: int = 0) -> FloatArray:
    """Trials of very different volatility, of which the last one is the wildest."""
    random = np.random.default_rng(seed)
    return np.linspace(0.001, 0.03, trials) * random.standard_normal((rows, trials))


def names(trials: int) -> list[str]:
    return [f"trial {i}" for i in range(trials)]


def compare(returns: FloatArray, benchmark: FloatArray = CASH, **more: int) -> Superiority:
    return compare_trials(
        returns, benchmark, 7, names=names(returns.shape[1]), **({"draws": 400} | more)
    )


def test_white_and_hansen_are_archs():
    returns, base = panel(5) + 0.0004, 0.002 * np.random.default_rng(9).standard_normal(500)
    made = compare(returns, base)
    direct = bootstrap.SPA(-base, -returns, block_size=made.block, reps=400, seed=7)
    direct.compute()
    assert made.white == direct.pvalues["upper"]
    omega = np.sqrt(direct._loss_diff_var)
    assert measure_deviation(returns - base[:, None], made.block) == pytest.approx(omega, rel=1e-9)
    t = bootstrap.SPA(
        CASH, (base[:, None] - returns) / omega, block_size=made.block, reps=400, seed=7
    )
    t.compute()
    assert (made.spa_lower, made.spa_consistent, made.spa_upper) == tuple(t.pvalues)
    assert made.spa_lower <= made.spa_consistent <= made.spa_upper
    assert (made.rows, made.block) == (500, 8)


def test_the_confidence_set_is_archs():
    returns = panel(6) + np.array([0.0, 0.002, 0.001, 0.0, 0.0, -0.01])
    made = compare(returns)
    direct = bootstrap.MCS(-returns, 0.05, reps=400, block_size=made.block, method="max", seed=7)
    direct.compute()
    assert made.confident == tuple(f"trial {i}" for i in direct.included)
    assert "trial 5" not in made.confident


def test_a_trial_that_is_better_is_found():
    returns = panel(4)
    returns[:, 1] += 0.01
    made = compare(returns)
    assert made.confident == ("trial 1",)
    assert made.spa_consistent == 0.0
    assert made.white < 0.05


def test_a_wild_trial_does_not_hide_a_calm_one():
    """Hansen's reason to divide by the deviation: the calm one is ten times its error."""
    returns = panel(2)
    returns[:, 0] += 0.0005
    made = compare(returns)
    assert made.spa_consistent < 0.01
    assert made.white > 0.1


def test_the_same_seed_gives_the_same_and_another_another():
    returns = panel(3) + 0.0005
    assert compare(returns) == compare(returns)
    other = compare_trials(returns, CASH, 8, names=names(3), draws=400)
    assert other != compare(returns)


def test_trends_ask_for_longer_blocks():
    sums = np.cumsum(np.random.default_rng(0).standard_normal((520, 3)), axis=0)
    assert compare(sums[20:] - sums[:-20]).block > 16


def test_equal_trials_are_confident_together_and_still_ones_no_error():
    returns = panel(3)
    returns[:, 2] = returns[:, 1]
    made = compare(returns)
    assert ("trial 1" in made.confident) == ("trial 2" in made.confident)
    still = compare(np.zeros((500, 2)))
    assert still.confident == ("trial 0", "trial 1")
    assert still.block == 8
    beside = compare(np.column_stack([returns[:, :2], CASH]))
    assert 0.0 < beside.spa_consistent < 1.0


def test_one_trial_is_compared_with_the_benchmark_alone():
    made = compare(panel(1))
    assert made.confident == ("trial 0",)
    assert 0.0 < made.white < 1.0


def test_rows_that_lack_a_return_are_left_out():
    returns, base = panel(3), CASH.copy()
    returns[:10, 0] = base[490:] = np.nan
    assert compare(returns, base) == compare(returns[10:490], base[10:490])
    assert compare(returns, base).rows == 480


def test_too_little_is_refused():
    with pytest.raises(DataError, match="29 rows on which all 2 trials and the benchmark"):
        compare(panel(2, 29), np.zeros(29))
    with pytest.raises(DataError, match="there is no trial to compare"):
        compare(np.empty((500, 0)))


def test_without_arch_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "arch", None)
    with pytest.raises(ConfigError, match=r"pip install 'alpha-engine\[stats\]'"):
        compare(panel(2))


@pytest.mark.long
def test_trials_without_skill_have_uniform_p_values():
    """300 panels of 10: three standard deviations of 10 % are 5 %, of 50 % 9 %."""
    made = [compare(panel(10, seed=seed), draws=300) for seed in range(300)]
    for p in ([each.white for each in made], [each.spa_consistent for each in made]):
        assert np.mean(np.array(p) <= 0.1) == pytest.approx(0.1, abs=0.055)
        assert np.mean(np.array(p) <= 0.5) == pytest.approx(0.5, abs=0.1)
    assert np.mean(["trial 3" in each.confident for each in made]) >= 0.92
