"""How many trials are independent: groups are found, and searches in them judged truly."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from engine.core.panel import FloatArray
from engine.study import Track, count_independent, judge_search


def groups(count: int, size: int, within: float, rows: int, seed: int = 0) -> FloatArray:
    """Trials of which those of one group are correlated by `within`."""
    random = np.random.default_rng(seed)
    shared = np.repeat(random.standard_normal((rows, count)), size, axis=1)
    own = random.standard_normal((rows, count * size))
    return 0.01 * (np.sqrt(within) * shared + np.sqrt(1.0 - within) * own)


@pytest.mark.parametrize("within", [0.7, 0.8, 0.95])
@pytest.mark.parametrize(("count", "size"), [(9, 5), (1, 48), (20, 10), (100, 3)])
def test_each_group_is_a_cluster(count, size, within):
    made = count_independent(groups(count, size, within, 250))
    assert made.clusters == count
    assert made.sizes.tolist() == [size] * count
    assert made.within == pytest.approx([within] * count, abs=0.12)
    assert made.singles == 0


@pytest.mark.parametrize(("rows", "trials"), [(250, 10), (250, 400), (1000, 400)])
def test_independent_trials_are_clusters_of_their_own(rows, trials):
    made = count_independent(groups(trials, 1, 0.0, rows))
    assert (made.clusters, made.singles, made.drawn) == (trials, trials, trials)
    assert made.count_effective() == pytest.approx(trials, rel=1e-6)


def test_equal_trials_are_one_and_opposite_ones_two():
    one = groups(1, 1, 0.0, 300)
    same = count_independent(np.repeat(one, 30, axis=1))
    assert same.clusters == 1
    assert same.count_effective() == pytest.approx(1.0, abs=0.01)
    assert count_independent(np.column_stack([one, -one])).clusters == 2
    assert count_independent(np.column_stack([one, 3.0 * one + 0.001])).clusters == 1


def test_the_order_of_trials_does_not_matter():
    """Correlations near the cut, and holes."""
    returns = groups(30, 6, 0.5, 120)
    random = np.random.default_rng(1)
    returns[random.random(returns.shape) < 0.05] = np.nan
    made = count_independent(returns)
    assert 30 < made.clusters < 180
    for _ in range(5):
        again = count_independent(returns[:, random.permutation(180)])
        assert again.sizes.tolist() == made.sizes.tolist()
        assert again.count_effective() == pytest.approx(made.count_effective(), rel=1e-6)


def test_trials_of_different_times_are_compared_where_they_meet():
    whole = groups(2, 2, 0.9, 600)
    whole[:200, 0] = whole[400:, 1] = np.nan
    made = count_independent(whole)
    assert made.sizes.tolist() == [2, 2]
    apart = groups(1, 2, 0.95, 600)
    apart[:300, 0] = apart[315:, 1] = np.nan
    assert count_independent(apart).clusters == 2


def test_correlation_is_numpys_where_rows_are_missing():
    """Two trials on either side of the cut, over the rows that both have."""
    random = np.random.default_rng(0)
    x = random.standard_normal(400)
    for mix, clusters in ((0.7, 2), (0.5, 1)):
        y = (1.0 - mix) * x + mix * random.standard_normal(400)
        pair = np.column_stack([x, y])
        pair[:100, 0] = np.nan
        assert (np.corrcoef(pair[100:].T)[0, 1] < 0.5) == (clusters == 2)
        assert count_independent(pair).clusters == clusters


@pytest.mark.parametrize(
    ("returns", "clusters"),
    [
        (np.empty((100, 0)), 0),
        (np.empty((0, 3)), 1),
        (np.full((50, 3), np.nan), 1),
        (np.zeros((50, 4)), 1),
        (np.full((50, 2), 0.001), 1),
        (np.full((1, 2), 0.001), 1),
    ],
)
def test_trials_without_any_movement_are_one(returns, clusters):
    made = count_independent(returns)
    assert made.clusters == clusters
    assert made.count_effective() == pytest.approx(float(clusters), abs=0.01)


def test_constants_stand_beside_others():
    returns = groups(3, 1, 0.0, 300)
    returns[:, 1] = 0.0
    with_holes = np.column_stack([returns, np.full(300, np.nan)])
    with_holes[:9, 0] = np.nan
    assert count_independent(with_holes).sizes.tolist() == [2, 1, 1]


def test_single_trials_foretell_new_clusters():
    """4 of 10 drawn are alone: of 90 more 36 are new, and 54 join the clusters of 2."""
    pairs = groups(3, 2, 0.9, 500)
    made = count_independent(np.column_stack([pairs, groups(4, 1, 0.0, 500, seed=5)]))
    assert (made.clusters, made.singles, made.drawn) == (7, 4, 10)
    assert made.extrapolate(10) == 7.0
    assert made.extrapolate(100) == pytest.approx(43.0)
    assert 7.0 < made.count_effective() < 10.0
    assert 43.0 < made.count_effective(100) < 100.0
    alone = count_independent(groups(40, 1, 0.0, 500))
    assert alone.extrapolate(1000) == 1000.0
    assert alone.count_effective(1000) == pytest.approx(1000.0)
    same = count_independent(np.repeat(pairs[:, :1], 9, axis=1))
    assert same.extrapolate(10_000) == 1.0


@pytest.mark.parametrize(("count", "size", "within"), [(9, 5, 0.7), (1, 48, 0.9), (4, 12, 0.95)])
def test_effective_trials_pass_what_these_pass(count, size, within):
    """20,000 searches by the normal numbers that their Sharpe ratios are."""
    made = count_independent(groups(count, size, within, 20_000))
    best = groups(count, size, within, 20_000, seed=1).max(axis=1) / 0.01
    passed = np.quantile(best, 0.95)
    independent = np.random.default_rng(2).random(200_000) ** (1.0 / made.count_effective())
    assert np.mean(ndtri(independent) > passed) == pytest.approx(0.05, abs=0.01)
    assert count < made.count_effective() < count * size


@pytest.mark.long
@pytest.mark.parametrize("counted", ["effective", "clusters", "all"])
def test_searches_in_groups_report_true_chances_with_effective_trials(counted):
    """4 groups of 12 at 0.9: clusters promise too much, three times; all trials far too little."""
    chances = []
    for seed in range(600):
        returns = groups(4, 12, 0.9, 500, seed)
        made = count_independent(returns)
        trials = {"effective": made.count_effective(), "clusters": 4, "all": 48}[counted]
        best = (returns.mean(axis=0) / returns.std(axis=0)).argmax()
        chances.append(judge_search(Track.of(returns[:, best]), trials))
    low, high = {"effective": (0.02, 0.075), "clusters": (0.1, 0.2), "all": (0.0, 0.035)}[counted]
    assert low <= np.mean(np.array(chances) <= 0.05) <= high
