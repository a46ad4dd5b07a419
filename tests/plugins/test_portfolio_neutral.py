"""factor_neutral: the residual of the signal, neutral to beta and sectors."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from builders import NAN, panel_of
from orders import (
    assert_the_same_before,
    assert_the_same_in_any_order,
    assert_the_same_when_cut,
    assert_whole_rows,
)

import engine
from engine.account.simulation import decide_all
from engine.plugins.portfolios import FactorNeutral
from engine.testing import check_portfolio

DAILY = {"rebalance": "daily", "beta_window": 40}
EVERYTHING = [
    FactorNeutral(**DAILY),
    FactorNeutral(sector=False, rebalance="weekly", beta_window=30, gross=1.6),
    FactorNeutral(beta=False, vol_target=0.1, vol_window=20, rebalance="daily"),
    FactorNeutral(max_weight=0.1, max_turnover=0.4, no_trade_band=0.01, **DAILY),
]


def market(seed=0, shape=(120, 12)):
    rng = np.random.default_rng(seed)
    rows, count = shape
    common = rng.normal(0.0, 0.01, (rows, 1)) * np.linspace(0.4, 1.8, count)
    close = 100.0 * np.exp(np.cumsum(common + rng.normal(0.0, 0.01, shape), axis=0))
    close[rng.random(shape) < 0.03] = NAN
    panel = panel_of(close, start="2024-01-01", sectors=["xyz"[i % 3] for i in range(count)])
    signal = rng.normal(size=shape)
    signal[np.isnan(close) | (rng.random(shape) < 0.05)] = NAN
    return signal, panel, rng.choice([0.5, 1.0], rows)


def betas(panel, row, window):
    """By pandas: covariance with the market over its variance, where both are known."""
    returns = panel.wide(panel.returns).iloc[max(0, row + 1 - window) : row + 1]
    of = pd.Series(panel.market, index=panel.dates).reindex(returns.index)
    pairs = {name: of[returns[name].notna() & of.notna()] for name in returns}
    return np.array([returns[n].cov(of) / pair.var() for n, pair in pairs.items()])


def flat(sectors, rows=1):
    return panel_of(np.ones((rows, len(sectors))), start="2024-01-01", sectors=sectors)


def test_without_beta_the_weights_are_distances_from_the_sectors_mean():
    got = decide_all(
        FactorNeutral(beta=False),
        np.array([[1.0, 3.0, 10.0, 12.0, 17.0]]),
        flat("xxyyy"),
        np.ones(1),
    )
    np.testing.assert_allclose(got[0], np.array([-1.0, 1.0, -3.0, -1.0, 4.0]) / 10.0, atol=1e-12)


def test_without_sectors_either_they_are_distances_from_the_mean():
    got = decide_all(
        FactorNeutral(beta=False, sector=False, gross=2.0),
        np.array([[1.0, 2.0, 6.0]]),
        flat("xyz"),
        np.ones(1),
    )
    np.testing.assert_allclose(got[0], np.array([-2.0, -1.0, 3.0]) / 3.0, atol=1e-12)


def test_no_beta_no_sector_no_net():
    signal, panel, exposure = market()
    got = decide_all(FactorNeutral(**DAILY), signal, panel, exposure)
    assert_whole_rows(got, panel, signal)
    decided = np.flatnonzero(np.isfinite(got).any(axis=1))
    assert len(decided) > 80
    whole = [row for row in decided if np.isfinite(got[row]).all()]  # nothing held is frozen
    assert len(whole) > 30
    sectors = np.array(panel.groups["sector"])
    for row in whole:
        weights = got[row]
        assert np.abs(weights).sum() == pytest.approx(exposure[row], abs=1e-12)
        held = weights != 0.0
        assert abs(weights[held] @ betas(panel, row, 40)[held]) < 1e-10
        for sector in "xyz":
            assert abs(weights[sectors == sector].sum()) < 1e-10


def test_it_is_the_least_squares_residual():
    signal, panel, _ = market(1)
    signal[:-1] = NAN  # nothing is held yet
    got = decide_all(FactorNeutral(**DAILY), signal, panel, np.ones(120))[-1]
    ok = np.isfinite(signal[-1])
    dummies = pd.get_dummies(pd.Series(panel.groups["sector"]))[ok].to_numpy(float)
    design = np.column_stack([dummies, betas(panel, 119, 40)[ok]])
    left = signal[-1, ok] - design @ np.linalg.lstsq(design, signal[-1, ok])[0]
    np.testing.assert_allclose(got[ok], left / np.abs(left).sum(), atol=1e-10)
    np.testing.assert_array_equal(got[~ok], 0.0)


def test_a_signal_that_sectors_explain_decides_nothing():
    signal = np.array([[1.0, 1.0, 3.0, 3.0], [1.0, 2.0, 3.0, 5.0], [1.0, 1.0, 3.0, 3.0]])
    got = decide_all(
        FactorNeutral(beta=False, rebalance="daily"), signal, flat("xxyy", rows=3), np.ones(3)
    )
    assert np.isnan(got[[0, 2]]).all()
    assert np.isfinite(got[1]).all()


def test_a_name_that_is_its_own_sector_is_not_held():
    got = decide_all(
        FactorNeutral(beta=False), np.array([[1.0, 5.0, 9.0]]), flat("xxy"), np.ones(1)
    )
    np.testing.assert_allclose(got[0], [-0.5, 0.5, 0.0], atol=1e-12)


def test_beta_needs_half_its_window():
    signal, panel, _ = market(2)
    close = np.array(panel["close"])
    close[:105, 0] = NAN
    got = decide_all(
        FactorNeutral(**DAILY),
        np.nan_to_num(signal),
        panel.with_fields({"close": close}),
        np.ones(120),
    )
    assert got[119, 0] == 0.0
    assert np.isnan(got[:20]).all()  # 20 returns need 21 rows
    assert np.isfinite(got[20:]).any()


def test_sectors_that_are_not_there_are_refused():
    signal, panel, exposure = market()
    with pytest.raises(engine.ConfigError, match=r"portfolio\.sector: .*universe\.tags\.sector"):
        decide_all(FactorNeutral(**DAILY), signal, replace(panel, groups={}), exposure)


def test_too_little_history_is_refused_with_the_window():
    signal, panel, exposure = market(shape=(50, 12))
    with pytest.raises(engine.ConfigError, match=r"at most 0 names .*beta_window=252"):
        decide_all(FactorNeutral(), signal, panel, exposure)


@pytest.mark.parametrize("portfolio", EVERYTHING, ids=range(len(EVERYTHING)))
class TestAnyNeutral:
    def test_a_cut_panel_gives_the_cut_weights(self, portfolio):
        assert_the_same_when_cut(portfolio, market(), (60, 97))

    def test_what_comes_later_changes_nothing_before(self, portfolio):
        assert_the_same_before(portfolio, market(), 80)

    def test_the_order_of_symbols_does_not_matter(self, portfolio):
        assert_the_same_in_any_order(portfolio, market(), 1e-10)


def test_it_keeps_the_contract():
    check_portfolio(FactorNeutral(beta_window=60))
    check_portfolio(FactorNeutral(beta=False, vol_target=0.1, vol_window=20))
