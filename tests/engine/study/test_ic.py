"""Information coefficients against scipy, the literal formula and hand-computed rows."""

from __future__ import annotations

import numpy as np
import pytest
from builders import NAN
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from engine.core.errors import ConfigError
from engine.core.panel import FloatArray
from engine.kernels import threads
from engine.study.ic import (
    RankedOutcome,
    correlate,
    coverage,
    ic,
    newey_west_each,
    newey_west_t,
    quantile_returns,
    rank_finite,
    rank_ic,
    summary,
)


def pair(seed: int = 0, rows: int = 60, columns: int = 25) -> tuple[FloatArray, FloatArray]:
    """Two arrays with ties and with holes in different places."""
    random = np.random.default_rng(seed)
    factor = np.round(random.normal(size=(rows, columns)), 1)
    outcome = 0.3 * factor + random.normal(size=(rows, columns))
    factor[random.random(factor.shape) < 0.1] = NAN
    outcome[random.random(outcome.shape) < 0.1] = NAN
    return factor, outcome


@pytest.mark.parametrize(("ours", "oracle"), [(ic, stats.pearsonr), (rank_ic, stats.spearmanr)])
def test_ic_agrees_with_scipy_row_by_row(ours, oracle):
    factor, outcome = pair()
    expected = []
    for x, y in zip(factor, outcome, strict=True):
        both = np.isfinite(x) & np.isfinite(y)
        expected.append(oracle(x[both], y[both]).statistic)
    assert_allclose(ours(factor, outcome), expected, rtol=1e-12)


@pytest.mark.parametrize("statistic", [ic, rank_ic])
@pytest.mark.parametrize(
    ("factor", "outcome", "expected"),
    [
        ([1.0, 2.0, 3.0], [2.0, 4.0, 6.0], 1.0),
        ([1.0, 2.0, 3.0], [6.0, 4.0, 2.0], -1.0),
        ([1.0, 2.0, NAN], [2.0, 4.0, 6.0], NAN),
        ([1.0, 2.0, np.inf], [2.0, 4.0, 6.0], NAN),
        ([0.1, 0.1, 0.1], [2.0, 4.0, 6.0], NAN),
        ([1.0, 2.0, 3.0], [0.1, 0.1, 0.1], NAN),
        ([1e200, 2e200, 3e200], [1e-200, 2e-200, 3e-200], 1.0),
    ],
)
def test_ic_literal(statistic, factor, outcome, expected):
    assert_allclose(statistic(np.array([factor]), np.array([outcome])), [expected])


@pytest.mark.parametrize("statistic", [ic, rank_ic, quantile_returns])
def test_statistics_are_per_date_and_ignore_the_order_of_symbols(statistic):
    factor, outcome = pair()
    full = statistic(factor, outcome)
    order = np.random.default_rng(1).permutation(factor.shape[1])
    assert_array_equal(statistic(factor[:40], outcome[:40]), full[:40])
    assert_allclose(statistic(factor[:, order], outcome[:, order]), full, atol=1e-14)


def test_rank_ic_survives_a_monotone_transform():
    factor, outcome = pair()
    assert_array_equal(rank_ic(np.exp(factor), outcome), rank_ic(factor, outcome))


def test_kept_ranks_fall_by_what_the_factor_lacks():
    """Without the third column, the outcome's ranks 1, 2.5, 2.5, 4 are 1, 2, 3."""
    outcome = RankedOutcome.of(np.array([[0.1, 0.2, 0.2, 0.3, NAN]]))
    assert_array_equal(outcome.twice, [[2, 5, 5, 8, 0]])
    assert_array_equal(outcome.count, [4])
    made = correlate(np.array([[1.0, 3.0, NAN, 2.0, 9.0]]), outcome)
    assert_allclose(made.rank_ic, [0.5], rtol=1e-15)


@pytest.mark.parametrize("digits", [0, 1, 12])
@pytest.mark.parametrize("columns", [3, 4, 17, 60, 300, 1100])
@pytest.mark.parametrize("missing", [0.0, 0.05, 0.4, 0.9])
def test_one_pass_is_ranks_of_the_pairs_and_their_correlation(digits, columns, missing):
    """Ties, holes in different places and infinities; ranked anew in each row by scipy."""
    random = np.random.default_rng(columns)
    factor = np.round(random.normal(size=(8, columns)), digits)
    outcome = np.round(0.3 * factor + random.normal(size=(8, columns)), digits)
    for array, lost in ((factor, (NAN, np.inf)), (outcome, (NAN, -np.inf))):
        for value in lost:
            array[random.random(array.shape) < missing / 2] = value
    made = correlate(factor, RankedOutcome.of(outcome), q=3)
    for t, (x, y) in enumerate(zip(factor, outcome, strict=True)):
        both = np.isfinite(x) & np.isfinite(y)
        ranks, others = stats.rankdata(x[both]), stats.rankdata(y[both])
        if both.sum() < 3 or np.ptp(ranks) == 0 or np.ptp(others) == 0:
            assert np.isnan(made.rank_ic[t])
            continue
        assert_allclose(made.rank_ic[t], np.corrcoef(ranks, others)[0, 1], atol=1e-12)
        assert_allclose(made.ic[t], np.corrcoef(x[both], y[both])[0, 1], atol=1e-12)
        bucket = np.floor((2 * ranks - 1) * 3 / (2 * both.sum()))
        means = [y[both][bucket == b].mean() if (bucket == b).any() else NAN for b in range(3)]
        assert_allclose(made.quantiles[t], means, atol=1e-12)


def test_rows_of_a_factor_may_belong_to_any_rows_of_the_outcome():
    factor, outcome = pair()
    full = correlate(factor, RankedOutcome.of(outcome), q=5)
    rows = np.array([40, 3, 3, 17])
    some = correlate(factor[rows], RankedOutcome.of(outcome), rows=rows, q=5)
    for one, every in zip(some, full, strict=True):
        assert_array_equal(one, every[rows])


def test_threads_and_the_layout_of_memory_show_in_no_result(monkeypatch):
    factor, outcome = pair(rows=400, columns=30)
    expected = correlate(factor, RankedOutcome.of(outcome), q=5)
    monkeypatch.setattr(threads, "CELLS", 500)
    for cores in (1, 2, 5):
        monkeypatch.setattr(threads, "cores", lambda cores=cores: cores)
        made = correlate(
            np.asfortranarray(factor), RankedOutcome.of(np.asfortranarray(outcome)), q=5
        )
        for one, other in zip(made, expected, strict=True):
            assert_array_equal(one, other)


def test_ranks_that_are_known_change_nothing_and_may_stand_for_the_factor():
    factor, outcome = pair()
    factor[:, 0], outcome[::2, 1] = NAN, np.inf
    ranked, ranks = RankedOutcome.of(outcome), rank_finite(factor)
    expected = correlate(factor, ranked, q=5)
    for one, every in zip(correlate(factor, ranked, ranks=ranks, q=5), expected, strict=True):
        assert_array_equal(one, every)
    alone = correlate(ranks, ranked, ranks=ranks, pearson=False, q=5)
    assert_array_equal(alone.rank_ic, expected.rank_ic)
    assert_array_equal(alone.quantiles, expected.quantiles)


@pytest.mark.parametrize("shape", [(0, 4), (3, 0), (0, 0), (3, 1)])
def test_no_pairs_correlate_with_nothing(shape):
    made = correlate(np.ones(shape), RankedOutcome.of(np.ones(shape)), q=2)
    assert_array_equal(made.rank_ic, np.full(shape[0], NAN))
    assert_array_equal(made.ic, np.full(shape[0], NAN))
    assert_array_equal(made.quantiles, np.full((shape[0], 2), NAN))


def test_newey_west_is_the_literal_formula():
    """Newey & West (1987), eq. 5, as a double loop."""
    series = np.cumsum(np.random.default_rng(3).normal(size=50)) * 0.1 + 0.5
    n, lags = len(series), 4
    error = series - series.mean()
    total = sum(e * e for e in error) / n
    for lag in range(1, lags + 1):
        gamma = sum(error[t] * error[t - lag] for t in range(lag, n)) / n
        total += 2 * (1 - lag / (lags + 1)) * gamma
    mean, error_of_mean, t, *_ = newey_west_t(series, lags)
    assert_allclose(error_of_mean, np.sqrt(total / n), rtol=1e-12)
    assert_allclose([mean, t], [series.mean(), series.mean() / np.sqrt(total / n)], rtol=1e-12)


def test_newey_west_without_lags_is_the_plain_standard_error():
    series = np.array([1.0, 2.0, 3.0, 6.0])
    assert_allclose(newey_west_t(series, 0)[:3], (3.0, np.sqrt(3.5 / 4), 3.0 / np.sqrt(3.5 / 4)))


def test_newey_west_gap_keeps_its_place():
    """Errors -1, +1 with a hole between: at lag 1 they are not neighbours."""
    made = newey_west_t(np.array([0.0, NAN, 2.0]), 1)
    assert_allclose(made[:3], (1.0, np.sqrt(0.5), np.sqrt(2.0)))


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([NAN, NAN], (NAN, NAN, NAN)),
        ([1.0], (NAN, NAN, NAN)),
        ([0.1, 0.1, 0.1], (0.1, 0.0, NAN)),
    ],
)
def test_newey_west_says_nothing_where_nothing_can_be_said(series, expected):
    assert_allclose(newey_west_t(np.array(series), 2)[:3], expected)


def test_newey_west_refuses_negative_lags():
    with pytest.raises(ConfigError, match="lags is -1"):
        newey_west_t(np.ones(5), -1)


def test_series_that_are_tested_together_are_tested_each():
    """To the last bit, whatever stands beside them and however they lie in memory."""
    random = np.random.default_rng(3)
    series = random.normal(size=(40, 1500))
    series[random.random(series.shape) < 0.1] = NAN
    series[1], series[2, 1:], series[3] = 0.1, NAN, NAN
    made = newey_west_each(np.asfortranarray(series), 60)
    alone = [newey_west_t(row, 60) for row in series]
    assert [tuple(map(repr, test)) for test in made] == [tuple(map(repr, test)) for test in alone]
    assert made[1][:3] == pytest.approx((0.1, 0.0, NAN), nan_ok=True)
    assert [test.n for test in made[2:4]] == [1, 0]
    assert newey_west_each(np.empty((0, 5)), 3) == []


def test_overlap_makes_the_naive_standard_error_too_small():
    noise = np.random.default_rng(5).normal(size=4000)
    overlapping = np.convolve(noise, np.ones(10), "valid")
    assert newey_west_t(overlapping, 10)[1] > 2 * newey_west_t(overlapping, 0)[1]


def test_quantile_returns_literal():
    factor = np.array([[1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0], [1.0, 1.0, 1.0, 1.0]])
    outcome = np.array([[0.0, 2.0, 4.0, 6.0]] * 3)
    expected = [[1.0, 5.0], [5.0, 1.0], [NAN, NAN]]
    assert_array_equal(quantile_returns(factor, outcome, 2), expected)


def test_quantile_returns_skip_what_is_missing_and_need_one_symbol_a_bucket():
    factor = np.array([[1.0, 2.0, NAN, 4.0], [1.0, NAN, NAN, 4.0]])
    outcome = np.array([[1.0, 2.0, 9.0, 3.0]] * 2)
    assert_array_equal(quantile_returns(factor, outcome, 3), [[1, 2, 3], [NAN, NAN, NAN]])


def test_quantile_returns_ties_share_a_bucket_and_may_empty_another():
    factor = np.array([[1.0, 1.0, 1.0, 4.0]])
    outcome = np.array([[1.0, 2.0, 3.0, 8.0]])
    assert_array_equal(quantile_returns(factor, outcome, 4), [[NAN, 2.0, NAN, 8.0]])


def test_quantile_returns_mirror_when_the_factor_changes_sign():
    random = np.random.default_rng(2)
    factor, outcome = random.normal(size=(20, 25)), random.normal(size=(20, 25))
    mirrored = quantile_returns(-factor, outcome, 5)[:, ::-1]
    assert_allclose(quantile_returns(factor, outcome, 5), mirrored, rtol=1e-13)


def test_quantile_returns_refuse_a_single_bucket():
    with pytest.raises(ConfigError, match="q is 1"):
        quantile_returns(np.ones((1, 3)), np.ones((1, 3)), 1)


def test_coverage_counts_present_cells_only():
    factor = np.array([[1.0, NAN, 3.0, np.inf]])
    assert coverage(factor, np.array([[True, True, False, True]])) == pytest.approx(1 / 3)
    assert np.isnan(coverage(factor, np.zeros((1, 4), bool)))


def test_summary_uses_three_horizons_as_lags():
    factor, outcome = pair(rows=200)
    made = summary(correlate(factor, RankedOutcome.of(outcome)), 0.25, 5)
    series = rank_ic(factor, outcome)
    expected = newey_west_t(series, 15)
    assert made["rank_ic_mean"] == expected.mean
    assert made["rank_ic_se"] == expected.standard_error
    assert made["rank_ic_t"] == expected.t
    assert made["ic_t"] == newey_west_t(ic(factor, outcome), 15).t
    assert made["icir"] == pytest.approx(series.mean() / series.std(ddof=1))
    assert made["n_dates"] == 200
    assert made["coverage"] == 0.25


def test_summary_of_nothing_is_nan():
    found = correlate(np.full((5, 4), NAN), RankedOutcome.of(np.ones((5, 4))))
    made = summary(found, 0.0, 1)
    assert made["n_dates"] == 0
    assert np.isnan([made["ic_t"], made["rank_ic_mean"], made["icir"]]).all()
    assert made["coverage"] == 0.0


def test_a_factor_that_is_constant_but_for_rounding_knows_nothing():
    outcome = np.array([[1.0, 2.0, 4.0, 3.0]])
    assert np.isnan(ic(np.array([[0.3, 0.1 + 0.2, 0.3, 0.3]]), outcome)).all()
    assert ic(np.array([[3e200, 1e200, 2e200, 1e200]]), outcome)[0] == pytest.approx(
        np.corrcoef([3.0, 1.0, 2.0, 1.0], outcome[0])[0, 1]
    )
