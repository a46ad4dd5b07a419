"""Labels: forward returns of the bar after the decision."""

from __future__ import annotations

import numpy as np
import pytest
from builders import NAN, panel_of
from scipy import stats

from engine.bars.delisting import Delisting
from engine.core.errors import ConfigError
from engine.forecasts.labels import Label


def random_panel(T=120, N=9, seed=0):
    rng = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, (T, N)), axis=0))
    close[:30, 0] = NAN  # listed late
    close[70:, 1] = NAN  # delisted
    close[50:53, 2] = NAN  # suspended for 3 days
    close[80:90, 3] = NAN  # suspended for 10 days
    member = np.ones((T, N), bool)
    member[:40, 4] = False
    return panel_of(close, member=member)


def test_entry_is_the_close_after_the_decision():
    labels = Label(horizon=2).compute(panel_of([[1], [10], [11], [15], [30]]))
    np.testing.assert_allclose(labels.values[:, 0], [0.5, 30 / 11 - 1, NAN, NAN, NAN])
    assert labels.name == "fwd_return_2d"
    assert labels.end.tolist() == [3, 4, 5, 6, 7]


def test_a_missing_entry_or_a_suspended_exit_is_no_label():
    labels = Label(horizon=1).compute(panel_of([[1], [2], [NAN], [4], [5], [6]]))
    np.testing.assert_allclose(labels.values[:, 0], [NAN, NAN, 0.25, 0.2, NAN, NAN])


def test_a_delisted_name_is_worth_its_last_close_less_the_loss():
    close = [[1, 1], [2, 1], [4, 1], [NAN, 1], [NAN, 1], [NAN, 1]]
    label = Label(horizon=3)
    labels = label.compute(panel_of(close), delisting=Delisting(long_return=-0.25, after=2))
    np.testing.assert_allclose(labels.values[:, 0], [4 * 0.75 / 2 - 1, -0.25, NAN, NAN, NAN, NAN])
    np.testing.assert_allclose(labels.target[:, 0], labels.values[:, 0])


def test_a_name_gone_only_just_before_the_end_is_not_yet_delisted():
    close = [[1, 1], [2, 1], [4, 1], [NAN, 1]]
    labels = Label(horizon=2).compute(
        panel_of(close), delisting=Delisting(long_return=-0.25, after=2)
    )
    assert np.isnan(labels.values[:, 0]).all()


def test_the_target_does_not_know_that_a_suspended_name_will_come_back():
    close = np.ones((10, 2))
    close[3:8, 0] = NAN
    labels = Label(horizon=4).compute(
        panel_of(close), delisting=Delisting(long_return=-0.5, after=3)
    )
    np.testing.assert_allclose(labels.values[:5, 0], [NAN, NAN, NAN, NAN, NAN])
    np.testing.assert_allclose(labels.target[:5, 0], [-0.5, -0.5, NAN, NAN, NAN])


def test_a_fallen_name_is_labelled_with_a_loss_and_others_with_none():
    """Highs of 8: A ends at 3, B at 5; C is said to have paid a tenth more than its close."""
    close = np.transpose([[8, 4, 3], [8, 4, 5], [8, 4, 3], [8, 4, 3]])
    close = np.vstack([close, np.full((4, 4), NAN)])
    close[3:, 3] = 8.0
    panel = panel_of(close)
    stated = np.full(close.shape, NAN)
    stated[2, 2] = 0.1
    panel = panel.with_fields({"delisting_return": stated})
    labels = Label(horizon=3).compute(panel, delisting=Delisting(after=2))
    paid = [3 * 0.7 / 4 - 1, 5 / 4 - 1, 3 * 1.1 / 4 - 1, 1.0]
    np.testing.assert_allclose(labels.values[0], paid)
    np.testing.assert_allclose(labels.target[0], paid)


def test_the_target_judges_a_fall_by_the_pause_that_it_saw():
    """A pauses after a fall and comes back: what was learned in the pause was a loss."""
    close = np.full((10, 2), 10.0)
    close[2:, 0] = [4.0, NAN, NAN, NAN, 4.0, 9.0, 9.0, 9.0]
    labels = Label(horizon=3).compute(panel_of(close), delisting=Delisting(after=2))
    np.testing.assert_allclose(labels.target[:3, 0], [4 * 0.7 / 10 - 1, 4 * 0.7 / 4 - 1, NAN])
    np.testing.assert_allclose(labels.values[:3, 0], [NAN, NAN, NAN])


def test_a_symbol_has_no_label_while_it_is_not_a_member():
    member = np.array([[False], [True], [False], [False]])
    labels = Label(horizon=1).compute(panel_of([[1], [2], [3], [6]], member=member))
    np.testing.assert_allclose(labels.values[:, 0], [NAN, 1.0, NAN, NAN])


def test_rank_target_is_the_centred_rank_with_averaged_ties():
    close = np.ones((3, 4))
    close[2] = [1.1, 1.2, 1.2, 2.0]
    labels = Label(horizon=1, target="rank").compute(panel_of(close))
    np.testing.assert_allclose(labels.target[0], [-0.375, 0.0, 0.0, 0.375])


def test_zscore_target_agrees_with_scipy():
    labels = Label(horizon=5, target="zscore").compute(random_panel())
    expected = stats.zscore(labels.values, axis=1, nan_policy="omit")
    both = np.isfinite(labels.target) & np.isfinite(labels.values)
    assert both.sum() > 500
    clean = np.isfinite(labels.target).sum(axis=1) == np.isfinite(labels.values).sum(axis=1)
    np.testing.assert_allclose(labels.target[clean], np.asarray(expected)[clean], atol=1e-10)


def test_zscore_target_of_a_constant_date_is_unknown():
    labels = Label(horizon=1, target="zscore").compute(panel_of(np.ones((4, 3))))
    assert np.isnan(labels.target).all()


def test_beta_neutral_target_takes_beta_times_the_market_away():
    rng = np.random.default_rng(3)
    market = rng.normal(0, 0.01, 400)
    betas = np.array([0.5, 1.0, 1.5])
    close = np.exp(np.cumsum(np.log1p(market[:, None] * betas), axis=0))
    panel = panel_of(close)
    labels = Label(horizon=1, target="beta_neutral").compute(panel)
    known = np.isfinite(labels.target)
    assert known[60:-2].all()
    assert not known[:59].any()
    assert np.abs(labels.target[known]).max() < 1e-12
    assert np.nanstd(labels.values) > 0.005


def test_beta_agrees_with_numpy_on_the_trailing_year():
    panel = random_panel(T=330)
    labels = Label(horizon=3, target="beta_neutral").compute(panel)
    t, i = 310, 6
    x, y = panel.market[t - 251 : t + 1], panel.returns[t - 251 : t + 1, i]
    beta = np.cov(x, y)[0, 1] / np.var(x, ddof=1)
    market = np.prod(1 + panel.market[t + 2 : t + 5]) - 1
    assert labels.target[t, i] == pytest.approx(labels.values[t, i] - beta * market, abs=1e-12)


@pytest.mark.parametrize("target", ["return", "rank", "zscore", "beta_neutral"])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("long", ["auto", -0.3])
def test_a_target_is_known_at_its_end_and_no_later(target, shuffle, long):
    """Data cut after row end[t] give the same target at t, bit for bit."""
    panel, label = random_panel(), Label(horizon=7, target=target, shuffle=shuffle)
    delisting = Delisting(long_return=long)
    full = label.compute(panel, 1, delisting)
    for stop in (60, 78, 84, 95):
        cut = label.compute(panel.cut(stop), 1, delisting)
        known = int((full.end < stop).sum())
        np.testing.assert_array_equal(cut.target[:known], full.target[:known])
        assert np.isfinite(cut.target[known - 1]).any() or target == "beta_neutral"
        assert np.isnan(cut.target[known:]).all()


@pytest.mark.parametrize("target", ["return", "rank", "zscore", "beta_neutral"])
@pytest.mark.parametrize("shuffle", [False, True])
def test_labels_follow_their_symbols(target, shuffle):
    panel, label = random_panel(), Label(horizon=7, target=target, shuffle=shuffle)
    order = np.random.default_rng(0).permutation(len(panel.symbols))
    straight, permuted = label.compute(panel, 1), label.compute(panel.take(order), 1)
    np.testing.assert_allclose(permuted.values, straight.values[:, order], atol=1e-12)
    np.testing.assert_allclose(permuted.target, straight.target[:, order], atol=1e-12)


def test_shuffle_keeps_each_dates_labels_and_forgets_whose_they_were():
    panel = random_panel(T=300, N=40)
    plain = Label(horizon=5).compute(panel)
    mixed = Label(horizon=5, shuffle=True).compute(panel, seed=1)
    clean = np.isfinite(plain.values) == np.isfinite(plain.target)
    rows = clean.all(axis=1) & np.isfinite(plain.values).any(axis=1)
    np.testing.assert_array_equal(np.sort(mixed.values[rows]), np.sort(plain.values[rows]))
    np.testing.assert_array_equal(mixed.values[rows], mixed.target[rows])
    both = np.isfinite(mixed.values) & np.isfinite(plain.values)
    assert abs(np.corrcoef(mixed.values[both], plain.values[both])[0, 1]) < 0.1


def test_shuffle_depends_on_the_seed_alone():
    panel, label = random_panel(), Label(shuffle=True, horizon=5)
    once, again = label.compute(panel, 4), label.compute(panel, 4)
    np.testing.assert_array_equal(once.values, again.values)
    assert not np.array_equal(once.values, label.compute(panel, 5).values, equal_nan=True)


def test_a_sample_shorter_than_the_horizon_has_no_labels():
    labels = Label(horizon=9, target="beta_neutral").compute(panel_of(np.ones((5, 2))))
    assert np.isnan(labels.values).all()
    assert np.isnan(labels.target).all()


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"horizon": 0}, "label.horizon=0"), ({"target": "ranks"}, "did you mean 'rank'")],
)
def test_wrong_fields_are_named(fields, message):
    with pytest.raises(ConfigError, match=message):
        Label(**fields)
