"""vol_target, the overlay that every portfolio of the room has."""

import numpy as np
import pytest
from builders import NAN, panel_of
from orders import assert_the_same_before, assert_the_same_in_any_order, assert_the_same_when_cut

from engine.account.simulation import decide_all
from engine.plugins.portfolios import FactorNeutral, LongOnlyTop, QuantileLongShort
from engine.testing import check_portfolio

DAILY = {"rebalance": "daily", "vol_window": 40}
EVERYTHING = [
    QuantileLongShort(vol_target=0.1, quantile=0.4, **DAILY),
    QuantileLongShort(vol_target=0.2, max_leverage=5.0, tranches=3, **DAILY),
    LongOnlyTop(vol_target=0.1, quantile=0.5, weighting="inverse_vol", **DAILY),
    FactorNeutral(vol_target=0.15, max_leverage=9.0, beta=False, sector=False, **DAILY),
]


def market(seed=0, shape=(120, 10), gaps=0.0):
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.015, shape), axis=0))
    close[rng.random(shape) < gaps] = NAN
    signal = rng.normal(size=shape)
    signal[np.isnan(close)] = NAN
    return signal, panel_of(close, start="2024-01-01"), np.ones(shape[0])


def yearly(weights, panel, row, window):
    recent = panel.returns[max(0, row + 1 - window) : row + 1]
    recent = recent[np.isfinite(recent).all(axis=1)]
    return np.sqrt(252 * weights @ np.cov(recent, rowvar=False) @ weights)


@pytest.mark.parametrize("portfolio", [EVERYTHING[0], EVERYTHING[3]], ids=lambda p: p.name)
def test_each_decision_has_the_volatility_asked_for(portfolio):
    signal, panel, exposure = market()
    got = decide_all(portfolio, signal, panel, exposure)
    rows = np.flatnonzero(np.isfinite(got).any(axis=1))
    assert rows[0] == 20  # half of the window's returns
    for row in rows:
        assert yearly(got[row], panel, row, 40) == pytest.approx(portfolio.vol_target, rel=1e-9)


def test_leverage_is_limited():
    signal, panel, exposure = market()
    made = QuantileLongShort(vol_target=9.0, max_leverage=1.5, **DAILY)
    got = decide_all(made, signal, panel, exposure)
    np.testing.assert_allclose(np.abs(got[20:]).sum(axis=1), 1.5)


def test_no_target_changes_nothing():
    signal, panel, exposure = market()
    plain = decide_all(QuantileLongShort(rebalance="daily"), signal, panel, exposure)
    np.testing.assert_allclose(np.abs(plain).sum(axis=1), 1.0)


def test_a_long_only_portfolio_borrows_nothing():
    signal, panel, exposure = market()
    got = decide_all(
        LongOnlyTop(vol_target=9.0, max_leverage=3.0, **DAILY), signal, panel, exposure
    )
    np.testing.assert_allclose(got[20:].sum(axis=1), 1.0)


def test_the_exposure_comes_on_top():
    signal, panel, exposure = market()
    made = QuantileLongShort(vol_target=0.1, **DAILY)
    full = decide_all(made, signal, panel, exposure)
    half = decide_all(made, signal, panel, 0.5 * exposure)
    np.testing.assert_allclose(half, 0.5 * full)


def test_a_name_without_a_volatility_is_not_held():
    signal, panel, exposure = market(1)
    close = np.array(panel["close"])
    close[:105, 0] = NAN
    signal[105:, 0] = 99.0
    got = decide_all(
        QuantileLongShort(vol_target=0.1, **DAILY),
        signal,
        panel.with_fields({"close": close}),
        exposure,
    )
    assert (got[105:, 0] == 0.0).all()


@pytest.mark.parametrize("portfolio", EVERYTHING, ids=range(len(EVERYTHING)))
class TestAnyTarget:
    def test_a_cut_panel_gives_the_cut_weights(self, portfolio):
        assert_the_same_when_cut(portfolio, market(gaps=0.03), (50, 97))

    def test_what_comes_later_changes_nothing_before(self, portfolio):
        assert_the_same_before(portfolio, market(gaps=0.03), 80)

    def test_the_order_of_symbols_does_not_matter(self, portfolio):
        assert_the_same_in_any_order(portfolio, market(gaps=0.03), 1e-10)


def test_it_keeps_the_contract():
    check_portfolio(QuantileLongShort(vol_target=0.1, vol_window=20))
    check_portfolio(LongOnlyTop(vol_target=0.1, vol_window=20))
