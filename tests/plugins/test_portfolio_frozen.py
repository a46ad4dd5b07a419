"""Names that are held and have no bar count, and the others share what they leave."""

from typing import Any

import numpy as np
import pytest
from builders import NAN, panel_of
from orders import assert_whole_rows

import engine
from engine.account import simulate
from engine.account.options import Backtest
from engine.account.plan import Plan
from engine.bars.delisting import Delisting
from engine.plugins.costs import Standard
from engine.plugins.portfolios import (
    HRP,
    FactorNeutral,
    LongOnlyTop,
    MaxDiversification,
    MeanVariance,
    QuantileLongShort,
    RiskParity,
    register_portfolios,
)
from engine.plugins.portfolios._weights import leave_room


def decided(portfolio: Any, score: Any, held: Any, **others: Any) -> Any:
    """The decision of one close on which A has no bar and is held."""
    close = np.ones((1, len(score)))
    close[0, 0] = NAN
    book = engine.Book(
        row=0,
        held=np.array(held),
        equity=1.0,
        cash=1.0 - sum(held),
        waiting=np.full(len(score), NAN),
        score=np.array(score, float),
        exposure=1.0,
        notes=[],
        memory={},
        data=panel_of(close, **others),
    )
    return portfolio.decide(np.array(score, float), book)


LONG = [0.2, 0.0, 0.0, 0.0, 0.0]  # A is held; its side is to weigh 0.5


def test_the_others_of_its_side_share_what_it_leaves():
    got = decided(QuantileLongShort(quantile=0.5), [9.0, 4.0, 3.0, 2.0, 1.0], LONG)
    np.testing.assert_allclose(got, [NAN, 0.15, 0.15, -0.25, -0.25])


def test_a_short_takes_room_on_the_short_side():
    short = [-0.2, 0.0, 0.0, 0.0, 0.0]
    got = decided(QuantileLongShort(quantile=0.5), [9.0, 4.0, 3.0, 2.0, 1.0], short)
    np.testing.assert_allclose(got, [NAN, 0.25, 0.25, -0.15, -0.15])


def test_more_than_its_side_leaves_nothing_to_the_others():
    heavy = [0.7, 0.0, 0.0, 0.0, 0.0]
    got = decided(QuantileLongShort(quantile=0.5), [9.0, 4.0, 3.0, 2.0, 1.0], heavy)
    np.testing.assert_allclose(got, [NAN, 0.0, 0.0, -0.25, -0.25])


def test_one_that_left_the_universe_is_to_be_closed_and_counts_until_then():
    member = np.array([[False, True, True, True, True]])
    portfolio = LongOnlyTop(top_n=2)
    got = decided(portfolio, [NAN, 4.0, 3.0, 2.0, 1.0], LONG, member=member)
    np.testing.assert_allclose(got, [0.0, 0.4, 0.4, 0.0, 0.0])


def test_turnover_is_spent_on_those_that_can_be_traded():
    """A cannot be sold: the limit of 0.4 is for B and C alone."""
    portfolio = LongOnlyTop(top_n=2, max_turnover=0.4)
    got = decided(portfolio, [NAN, 4.0, 3.0, 2.0, 1.0], LONG)
    np.testing.assert_allclose(got, [NAN, 0.2, 0.2, 0.0, 0.0])


def test_its_sector_gives_way_and_the_other_sectors_where_it_cannot():
    """Two sectors, a quarter a side in each; A of the first holds 0.2, and then 0.3."""
    portfolio = QuantileLongShort(quantile=0.34, sector_neutral=True)
    score, sectors = [9.0, 4.0, 3.0, 1.0, 8.0, 6.0, 2.0], "xxxxyyy"
    held = [0.2, *[0.0] * 6]
    got = decided(portfolio, score, held, sectors=sectors)
    np.testing.assert_allclose(got, [NAN, 0.05, 0.0, -0.25, 0.25, 0.0, -0.25])
    held[0] = 0.3
    got = decided(portfolio, score, held, sectors=sectors)
    np.testing.assert_allclose(got, [NAN, 0.0, 0.0, -0.25, 0.2, 0.0, -0.25])


@pytest.mark.parametrize("seed", range(200))
def test_what_is_frozen_and_the_others_weigh_what_was_wanted(seed):
    """Each side keeps its total, or holds what is frozen alone; nothing grows or turns over."""
    rng = np.random.default_rng(seed)
    target, frozen = rng.normal(size=(2, 12)) * rng.integers(0, 2, (2, 12))
    target[frozen != 0.0] = 0.0
    sectors = rng.choice(np.array(["x", "y", "z"]), 12) if seed % 2 else None
    got = leave_room(target, frozen, sectors)
    assert (got * target >= 0.0).all()
    assert (np.abs(got) <= np.abs(target) * (1.0 + 1e-12)).all()
    for sign in (1.0, -1.0):
        wanted, stuck, free = (np.maximum(sign * w, 0.0) for w in (target, frozen, got))
        assert free.sum() + stuck.sum() == pytest.approx(max(wanted.sum(), stuck.sum()))
        for sector in "xyz" if sectors is not None else "":
            here = sectors == sector
            most = max(wanted[here].sum(), stuck[here].sum())
            assert free[here].sum() + stuck[here].sum() <= most + 1e-12


SMALL = {"window": 40, "min_history": 0.4}
PACED = {"rebalance": "every_n", "every": 6}
EVERYTHING = [
    QuantileLongShort(quantile=0.3, net=0.2, weighting="score", **PACED),
    QuantileLongShort(quantile=0.3, sector_neutral=True, **PACED),
    LongOnlyTop(quantile=0.4, weighting="inverse_vol", vol_window=20, **PACED),
    FactorNeutral(beta_window=40, **PACED),
    MeanVariance(net=0.2, max_sector=0.3, **SMALL, **PACED),
    RiskParity(quantile=0.5, **SMALL, **PACED),
    HRP(quantile=0.5, **SMALL, **PACED),
    MaxDiversification(quantile=0.5, **SMALL, **PACED),
]


def suspended(seed: int, shape: tuple[int, int] = (110, 12)) -> engine.Panel:
    """A common factor, three sectors, and suspensions of some weeks."""
    rng = np.random.default_rng(seed)
    moves = rng.normal(0.0, 0.01, (shape[0], 1)) + rng.normal(0.0, 0.015, shape)
    close = 100.0 * np.exp(np.cumsum(moves, axis=0))
    for name in range(0, shape[1], 2):
        start = rng.integers(45, 100)
        close[start : start + rng.integers(5, 20), name] = NAN
    return panel_of(close, start="2024-01-01", sectors="xyz" * (shape[1] // 3))


def test_all_portfolios_are_here():
    assert {type(p) for p in EVERYTHING} == set(register_portfolios())


@pytest.mark.parametrize("portfolio", EVERYTHING, ids=lambda p: f"{p.name}-{p.rebalance}")
def test_any_portfolio_counts_what_is_frozen(portfolio):
    """Sides weigh what they should with it; the decision names all others, and no one of it."""
    panel, rng = suspended(5), np.random.default_rng(7)
    signal = np.where(panel.present, rng.normal(size=panel.shape), NAN)
    free = Standard(0.0, 0.0, 0.0, impact_coefficient=0.0, max_participation=None, borrow_bps=0.0)
    never = Delisting(after=len(panel.dates))
    plan = Plan(portfolio, signal, np.ones(len(panel.dates)))
    account = simulate(plan, panel, free, Backtest(engine="fast"), never)
    assert_whole_rows(account.targets, panel, signal)
    net = getattr(portfolio, "net", 1.0 if not (account.short > 0.0).any() else 0.0)
    sides = (portfolio.gross + net) / 2.0, (portfolio.gross - net) / 2.0
    stuck_rows = 0
    for t in np.flatnonzero(np.isfinite(account.targets).any(axis=1)):
        stuck = np.where(panel.present[t], 0.0, account.realised[t])
        stuck_rows += bool(stuck.any())
        for sign, side in zip((1.0, -1.0), sides, strict=True):
            frozen = np.maximum(sign * stuck, 0.0).sum()
            whole = np.maximum(sign * np.nan_to_num(account.targets[t]), 0.0).sum() + frozen
            if isinstance(portfolio, MeanVariance):  # its gross is a limit
                assert whole <= max(side, frozen) + 1e-5
            else:
                assert whole == pytest.approx(max(side, frozen), abs=1e-9)
    assert stuck_rows >= 3
