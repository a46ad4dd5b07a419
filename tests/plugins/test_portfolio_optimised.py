"""Optimised weights: closed forms, constraints, and what must hold for any of them."""

import logging
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
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

import engine
from engine.account.simulation import decide_all
from engine.plugins.portfolios import HRP, MaxDiversification, MeanVariance, RiskParity
from engine.testing import check_portfolio

EXACT = {"shrinkage": "none", "rebalance": "daily"}
SMALL = {"window": 60, "min_history": 0.5}
TOPS = [RiskParity, HRP, MaxDiversification]
EVERYTHING = [
    MeanVariance(max_weight=0.4, **SMALL),
    MeanVariance(net=0.2, max_turnover=0.8, max_sector=0.3, rebalance="weekly", **SMALL),
    RiskParity(quantile=0.6, max_weight=0.4, **SMALL),
    HRP(quantile=0.6, max_turnover=0.5, shrinkage="oas", **SMALL),
    MaxDiversification(quantile=0.6, max_sector=0.8, vol_target=0.1, **SMALL),
]


def market(seed=0, shape=(140, 12), gaps=0.02):
    """One common factor, three sectors, gaps; a signal that may be missing."""
    rng = np.random.default_rng(seed)
    rows, count = shape
    spread = np.linspace(0.008, 0.03, count)
    returns = rng.normal(0.0, 0.01, (rows, 1)) + rng.normal(size=shape) * spread
    close = 100.0 * np.exp(np.cumsum(returns, axis=0))
    close[rng.random(shape) < gaps] = NAN
    panel = panel_of(close, start="2024-01-01", sectors=["xyz"[i % 3] for i in range(count)])
    signal = rng.normal(size=shape)
    signal[np.isnan(close)] = NAN
    return signal, panel, rng.choice([0.5, 1.0], rows)


def last(portfolio, count=4, seed=0, signal=None, rows=80):
    """The weights of the last row, and the covariance of the window that they come from."""
    made, panel, _ = market(seed, (rows, count), gaps=0.0)
    made[-1] = made[-1] if signal is None else signal
    signal = np.full((rows, count), NAN)
    signal[-1] = made[-1]
    portfolio = replace(portfolio, window=60)
    weights = decide_all(portfolio, signal, panel, np.ones(rows))[-1]
    return weights, np.cov(panel.returns[-60:], rowvar=False)


def test_two_assets_of_minimal_variance():
    """Without a forecast: w = (σ₂² - σ₁₂) / (σ₁² + σ₂² - 2σ₁₂)."""
    got, cov = last(MeanVariance(ic=0.0, net=1.0, **EXACT), count=2)
    first = (cov[1, 1] - cov[0, 1]) / (cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    np.testing.assert_allclose(got, [first, 1 - first], atol=1e-6)


def test_no_constraint_that_binds_gives_markowitz():
    """Σ⁻¹(α - ν1) / λ, with α = ic × σ × z and ν such that the weights sum to 0."""
    signal = np.array([1.0, 2.0, 4.0, 5.0])
    made = MeanVariance(ic=0.002, risk_aversion=8.0, gross=9.0, **EXACT)
    got, cov = last(made, signal=signal)
    z = (signal - signal.mean()) / signal.std()
    alpha, inverse = 0.002 * np.sqrt(np.diag(cov)) * z, np.linalg.inv(cov)
    nu = (inverse @ alpha).sum() / inverse.sum()
    np.testing.assert_allclose(got, inverse @ (alpha - nu) / 8.0, atol=1e-6)


def test_only_the_ratio_of_ic_and_risk_aversion_matters():
    once, _ = last(MeanVariance(ic=0.01, risk_aversion=4.0, **EXACT), count=8)
    twice, _ = last(MeanVariance(ic=0.02, risk_aversion=8.0, **EXACT), count=8)
    np.testing.assert_allclose(once, twice, atol=1e-6)


def test_a_signal_without_differences_holds_nothing():
    got, _ = last(MeanVariance(**EXACT), signal=[1.0, 1.0, 1.0, 1.0])
    np.testing.assert_array_equal(got, 0.0)


def test_risk_contributions_are_equal():
    got, cov = last(RiskParity(quantile=1.0, **EXACT), count=8)
    part = got * (cov @ got) / (got @ cov @ got)
    np.testing.assert_allclose(part, 1 / 8, atol=1e-6)


def test_no_portfolio_is_more_diversified():
    got, cov = last(MaxDiversification(quantile=1.0, **EXACT), count=8)

    def ratio(weights):
        spread = np.sqrt(np.diag(cov))
        return weights @ spread / np.sqrt(np.einsum("...i,ij,...j", weights, cov, weights))

    others = np.random.default_rng(0).dirichlet(np.full(8, 0.5), 5000)
    assert ratio(got) >= ratio(others).max() - 1e-9


def test_hrp_bisects_the_order_of_scipys_tree():
    got, cov = last(HRP(quantile=1.0, **EXACT), count=5)
    spread = np.sqrt(np.diag(cov))
    distance = np.sqrt(np.clip((1.0 - cov / np.outer(spread, spread)) / 2.0, 0.0, None))
    np.fill_diagonal(distance, 0.0)
    condensed = squareform(distance, checks=False)
    order = leaves_list(linkage(condensed, "ward", optimal_ordering=True))
    expected, parts = np.ones(5), [order]
    while parts:
        part = parts.pop()
        if len(part) == 1:
            continue
        left, right = part[: len(part) // 2], part[len(part) // 2 :]
        risk = []
        for side in (left, right):
            inside = cov[np.ix_(side, side)]
            share = (1 / np.diag(inside)) / (1 / np.diag(inside)).sum()
            risk.append(share @ inside @ share)
        expected[left] *= risk[1] / sum(risk)
        expected[right] *= risk[0] / sum(risk)
        parts += [left, right]
    np.testing.assert_allclose(got, expected, atol=1e-9)


@pytest.mark.parametrize("cls", TOPS)
def test_the_signal_picks_names_and_does_nothing_else(cls):
    got, _ = last(cls(quantile=0.5, **EXACT), signal=[1.0, 9.0, 2.0, 3.0])
    same, _ = last(cls(quantile=0.5, **EXACT), signal=[-5.0, 0.3, -9.0, 0.2])
    assert (got > 0.0).tolist() == [False, True, False, True]
    np.testing.assert_array_equal(got, same)
    assert got.sum() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("cls", TOPS)
def test_one_name_takes_it_all(cls):
    got, _ = last(cls(quantile=0.25, gross=0.8, **EXACT), signal=[1.0, 9.0, 2.0, 3.0])
    assert got.tolist() == [0.0, 0.8, 0.0, 0.0]


@pytest.mark.parametrize("cls", TOPS)
def test_a_cap_holds(cls):
    free, _ = last(cls(quantile=1.0, **EXACT), count=8)
    got, _ = last(cls(quantile=1.0, max_weight=0.15, **EXACT), count=8)
    assert free.max() > 0.16
    assert got.max() <= 0.15 + 1e-9
    assert got.sum() == pytest.approx(1.0, abs=1e-9)


def test_mean_variance_keeps_gross_net_cap_and_sectors():
    made = MeanVariance(ic=0.2, gross=1.5, net=0.3, max_weight=0.25, max_sector=0.2, **EXACT)
    got, _ = last(made, count=12)
    sectors = got.reshape(4, 3).sum(axis=0)
    assert np.abs(got).sum() == pytest.approx(1.5, abs=1e-6)
    assert got.sum() == pytest.approx(0.3, abs=1e-6)
    assert np.abs(got).max() <= 0.25 + 1e-6
    assert np.abs(sectors).max() <= 0.2 + 1e-6
    free, _ = last(replace(made, max_sector=None), count=12)
    assert np.abs(free.reshape(4, 3).sum(axis=0)).max() > 0.21


@pytest.mark.parametrize("net", [1.0, -1.0])
def test_a_net_as_large_as_the_gross_has_one_side(net):
    got, _ = last(MeanVariance(ic=0.2, net=net, **EXACT), count=6)
    assert got.sum() == pytest.approx(net, abs=1e-6)
    assert (got * net >= 0.0).all()


def test_max_diversification_keeps_its_sectors():
    free, _ = last(MaxDiversification(quantile=1.0, **EXACT), count=6)
    got, _ = last(MaxDiversification(quantile=1.0, max_sector=0.35, **EXACT), count=6)
    assert free.reshape(2, 3).sum(axis=0).max() > 0.36
    assert got.reshape(2, 3).sum(axis=0).max() <= 0.35 + 1e-6


def test_turnover_is_measured_from_the_weights_held():
    """Prices never move between the two decisions, so what is held is what was ordered."""
    signal, panel, _ = market(3, (62, 6), gaps=0.0)
    close = np.array(panel["close"])
    close[61] = close[60]
    panel = panel.with_fields({"close": close})
    signal = np.full((62, 6), NAN)
    signal[60:] = [[1, 2, 3, 4, 5, 6], [4, 2, 9, 3, 5, 6]]
    made = MeanVariance(ic=0.05, window=60, max_turnover=0.5, **EXACT)
    got = decide_all(made, signal, panel, np.ones(62))[60:]
    assert np.abs(got[0]).sum() == pytest.approx(0.5, abs=1e-6)
    assert np.abs(got[1] - got[0]).sum() == pytest.approx(0.5, abs=1e-6)
    # the optimum within reach, not the way to the optimum cut short
    free = decide_all(replace(made, max_turnover=None), signal, panel, np.ones(62))[61]
    step = free - got[0]
    short = got[0] + step * 0.5 / np.abs(step).sum()
    assert np.abs(got[1] - short).max() > 0.01


def test_what_cannot_be_met_is_refused_with_date_limits_and_a_way_out():
    with pytest.raises(engine.ConfigError) as caught:
        last(MeanVariance(net=0.5, max_weight=0.1, **EXACT))
    text = str(caught.value)
    assert "mean_variance" in text
    assert "2024-" in text
    assert "gross=1, net=0.5, max_weight=0.1" in text
    assert "portfolio.fallback=hold" in text
    assert "\n" not in text


def test_a_turnover_that_is_too_small_is_refused_with_where_it_starts():
    message = r"net=0\.5, max_weight=1, max_turnover=0\.2 from a drifted gross of 0\.00"
    with pytest.raises(engine.ConfigError, match=message):
        last(MeanVariance(net=0.5, max_turnover=0.2, **EXACT))


@pytest.mark.parametrize("cls", TOPS)
def test_a_cap_that_leaves_cash_is_refused(cls):
    with pytest.raises(engine.ConfigError, match=r"gross=1, max_weight=0\.1.*fallback=hold"):
        last(cls(quantile=1.0, max_weight=0.1, **EXACT))


def test_sector_caps_that_leave_cash_are_refused():
    with pytest.raises(engine.ConfigError, match=r"max_sector=0\.3: relax"):
        last(MaxDiversification(quantile=1.0, max_sector=0.3, **EXACT), count=6)


def test_sector_caps_without_sectors_are_refused():
    signal, panel, exposure = market()
    bare = replace(panel, groups={})
    for cls in (MeanVariance, MaxDiversification):
        with pytest.raises(engine.ConfigError, match=r"max_sector: .*universe\.tags\.sector"):
            decide_all(cls(max_sector=0.5, window=60), signal, bare, exposure)


def half_feasible(fallback):
    """Ten names at first, four later: a cap of 0.15 × 5 can hold a net of 0.7, 0.15 × 2 can't."""
    _, panel, _ = market(1, (64, 10), gaps=0.0)
    signal = np.full((64, 10), NAN)
    signal[60:62] = np.arange(10.0)
    signal[62:, :4] = np.arange(4.0)
    made = MeanVariance(net=0.7, max_weight=0.15, window=60, fallback=fallback, **EXACT)
    return decide_all(made, signal, panel, np.ones(64))


def test_hold_keeps_what_is_held_and_says_so_once(caplog):
    with caplog.at_level(logging.WARNING):
        got = half_feasible("hold")
    assert np.isfinite(got[60:62]).all()
    assert np.isnan(got[62:]).all()
    assert len(caplog.records) == 1
    assert "mean_variance: 2 of 4 decisions took the fallback" in caplog.text


def test_equal_takes_the_same_of_each_where_the_cap_allows_it():
    """Three sectors of at most 0.01 have no net of 0.2; 0.6 long and 0.4 short is the answer."""
    _, panel, _ = market(1, (62, 4), gaps=0.0)
    signal = np.tile([1.0, 4.0, 2.0, 3.0], (62, 1))
    signal[:-1] = NAN
    made = MeanVariance(net=0.2, max_weight=0.3, max_sector=0.01, window=60, **EXACT)
    got = decide_all(replace(made, fallback="equal"), signal, panel, np.ones(62))
    np.testing.assert_allclose(got[-1], [-0.2, 0.3, -0.2, 0.3])


def test_a_cap_that_even_equal_weights_exceed_is_refused():
    with pytest.raises(engine.ConfigError, match=r"0\.1 × 4 names"):
        last(RiskParity(quantile=1.0, max_weight=0.1, fallback="equal", **EXACT))


def test_no_solution_on_any_date_is_refused_even_when_it_may_hold():
    with pytest.raises(engine.ConfigError, match="finds no weights"):
        last(RiskParity(quantile=1.0, max_weight=0.1, fallback="hold", **EXACT))


@pytest.mark.parametrize("cls", [MeanVariance, *TOPS])
def test_names_without_history_or_movement_are_left_out(cls):
    """A listed too late, B suspended too long, C never moves; all are ordered to 0."""
    signal, panel, _ = market(2, (80, 9), gaps=0.0)
    close = np.array(panel["close"])
    close[:50, 0] = NAN
    close[30:70, 1] = NAN
    close[:, 2] = 5.0
    panel = panel.with_fields({"close": close})
    made = cls(window=60, min_history=0.75, **EXACT)
    if cls is not MeanVariance:
        made = replace(made, quantile=1.0)
    signal[:-1] = NAN
    got = decide_all(made, signal, panel, np.ones(80))[-1]
    assert got[:3].tolist() == [0.0, 0.0, 0.0]
    assert (got[3:] != 0.0).any()


def test_a_gap_adds_nothing_and_leaves_the_variance_of_what_is_there():
    """Of two uncorrelated names the weights of risk parity are as 1/σ of their own returns."""
    rng = np.random.default_rng(4)
    close = 10 * np.exp(np.cumsum(rng.normal(0, [0.01, 0.02], (400, 2)), axis=0))
    close[100:150, 0] = NAN
    panel = engine.Panel(
        dates=pd.bdate_range("2024-01-01", periods=400, tz="UTC"),
        symbols=("A", "B"),
        fields={"close": close},
    )
    made = RiskParity(quantile=1.0, window=399, **EXACT)
    signal = np.where(np.arange(400)[:, None] == 399, np.ones((400, 2)), NAN)
    got = decide_all(made, signal, panel, np.ones(400))[-1]
    spread = panel.wide(panel.returns).std().to_numpy()
    np.testing.assert_allclose(got[0] / got[1], spread[1] / spread[0], rtol=1e-6)


def test_more_names_than_days_has_a_solution_without_shrinkage():
    signal, panel, _ = market(5, (20, 24), gaps=0.0)
    made = MeanVariance(window=12, max_weight=0.2, **EXACT)
    signal[:-1] = NAN
    got = decide_all(made, signal, panel, np.ones(20))[-1]
    assert np.abs(got).sum() <= 1.0 + 1e-6
    assert got.sum() == pytest.approx(0.0, abs=1e-6)


def test_shrinkage_draws_risk_parity_towards_equal_weights():
    plain, _ = last(RiskParity(quantile=1.0, rebalance="daily", shrinkage="none"), count=8)
    for shrinkage in ("ledoit_wolf", "oas"):
        made = RiskParity(quantile=1.0, rebalance="daily", shrinkage=shrinkage)
        shrunk, _ = last(made, count=8)
        assert shrunk.std() < plain.std() - 1e-4


def test_too_little_history_is_refused_with_the_window():
    signal, panel, exposure = market()
    with pytest.raises(engine.ConfigError, match=r"at most 0 names .* 80% of 252 returns"):
        decide_all(RiskParity(), signal, panel, exposure)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: MeanVariance(net=0.6, gross=0.5), r"portfolio\.net: 0\.6 is beyond"),
        (lambda: RiskParity(gross=1.2), r"portfolio\.gross: 1\.2 is above 1"),
        (lambda: HRP(quantile=0.0), r"portfolio\.quantile=0.0: choose more than 0.0, at most 1"),
        (lambda: HRP(shrinkage="lw"), r"portfolio\.shrinkage=lw: choose from: ledoit_wolf"),
        (
            lambda: MeanVariance(fallback="skip"),
            r"portfolio\.fallback=skip: choose from: equal, hold, raise",
        ),
        (
            lambda: MaxDiversification(max_weight=2.0),
            r"portfolio\.max_weight=2.0: choose more than 0",
        ),
    ],
)
def test_a_config_that_makes_no_sense_names_its_key(made, message):
    with pytest.raises(engine.ConfigError, match=message):
        made()


@pytest.mark.parametrize("portfolio", EVERYTHING, ids=lambda p: p.name)
class TestAnyOptimised:
    def test_a_cut_panel_gives_the_cut_weights(self, portfolio):
        assert_the_same_when_cut(portfolio, market(), (70, 111))

    def test_what_comes_later_changes_nothing_before(self, portfolio):
        assert_the_same_before(portfolio, market(), 110)

    def test_the_order_of_symbols_does_not_matter(self, portfolio):
        assert_the_same_in_any_order(portfolio, market(), 1e-8)

    def test_the_same_data_give_the_same_bytes(self, portfolio):
        first = decide_all(portfolio, *market())
        assert first.tobytes() == decide_all(portfolio, *market()).tobytes()

    def test_a_row_is_all_hold_or_within_the_gross(self, portfolio):
        signal, panel, exposure = market()
        got = decide_all(portfolio, signal, panel, exposure)
        assert_whole_rows(got, panel, signal)
        held = np.abs(np.nan_to_num(got)).sum(axis=1)
        assert 0.0 < held.max() <= portfolio.gross * portfolio.max_leverage + 1e-6


@pytest.mark.parametrize(
    "cls", [MeanVariance, *(pytest.param(cls, marks=pytest.mark.long) for cls in TOPS)]
)
def test_it_keeps_the_contract(cls):
    fields = {} if cls is MeanVariance else {"quantile": 0.6}
    check_portfolio(cls(window=100, rebalance="every_n", every=45, **fields))
