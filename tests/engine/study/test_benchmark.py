"""The equal-weighted market that an account is compared with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from builders import NAN, panel_of

import engine
from engine.account import simulate
from engine.account.options import Backtest
from engine.bars.delisting import Delisting, outcomes
from engine.study.market import benchmark


def random_panel(seed=3, length=90, count=7):
    """Suspensions, missing opens, delistings, and members that come and go."""
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.03, (length, count)), axis=0))
    open_ = close * np.exp(rng.normal(0.0, 0.01, close.shape))
    missing = rng.random(close.shape) < 0.05
    missing[40:, 1] = missing[70:, 4] = True
    close[missing] = NAN
    open_[missing | (rng.random(close.shape) < 0.1)] = NAN
    member = np.repeat(rng.random((9, count)) < 0.8, 10, axis=0)
    return panel_of(close, member=member, open=open_)


def by_hand(panel, delisting, first, fill):
    """Name by name, from prices."""
    close, made = panel["close"], []
    ended = outcomes(panel, delisting)
    for t in range(len(close)):
        found = []
        for i in range(close.shape[1]):
            bars = [s for s in range(len(close)) if math.isfinite(close[s, i])]
            before = [s for s in bars if s < t]
            if t == first and fill == "open":
                if t in bars and panel.member[t, i] and math.isfinite(panel["open"][t, i]):
                    found.append(close[t, i] / panel["open"][t, i] - 1.0)
            elif t in bars and before and panel.member[t, i]:
                found.append(close[t, i] / close[before[-1], i] - 1.0)
            elif bars[-1] == t - delisting.after and panel.member[bars[-1], i]:
                found.append(ended.long[i])
        earns = t >= first if fill == "open" else t > first
        made.append(sum(found) / len(found) if earns and found else 0.0)
    return made


@pytest.mark.parametrize("fill", ["close", "open"])
def test_it_earns_nothing_until_the_account_has_bought(fill):
    """Bought on row 2: at its close, or at its open of 12 and 40."""
    panel = panel_of(
        [[10, 40], [11, 40], [15, 44], [15, 55]], open=[[9, 9], [9, 9], [12, 40], [15, 44]]
    )
    made = benchmark(panel, outcomes(panel, Delisting()), 2, fill)
    day = (15 / 12 - 1 + 44 / 40 - 1) / 2 if fill == "open" else 0.0
    np.testing.assert_allclose(made, [0.0, 0.0, day, 0.125])


def test_an_account_that_never_buys_is_compared_with_nothing():
    panel = panel_of([[10.0], [11.0], [12.0]])
    made = benchmark(panel, outcomes(panel, Delisting()), None, "close")
    assert made.tolist() == [0.0, 0.0, 0.0]


def test_a_member_that_ends_earns_its_delisting_return_once_that_is_known():
    """A falls to 4 of 10 and ends, B gains a tenth a row, C ends but was no member, nor is D.

    Two rows after its last bar a name is known to have gone; until then it earns nothing.
    """
    close = [[10, 10, 9, 1], [4, 11, 1, 1], [NAN, 12.1, NAN, 1], [NAN, 13.31, NAN, 1]]
    panel = panel_of(close, member=[[True, True, False, False]] * 4)
    made = benchmark(panel, outcomes(panel, Delisting(after=2)), 0, "close")
    np.testing.assert_allclose(made, [0.0, (-0.6 + 0.1) / 2, 0.1, (-0.3 + 0.1) / 2])


def test_a_list_of_members_that_ends_with_the_name_spares_no_loss():
    close = [[10, 10], [4, 10], [NAN, 10], [NAN, 10]]
    panel = panel_of(close, member=[[True, True], [True, True], [False, True], [False, True]])
    made = benchmark(panel, outcomes(panel, Delisting(after=2)), 0, "close")
    np.testing.assert_allclose(made, [0.0, -0.3, 0.0, -0.15])


@pytest.mark.parametrize("fill", ["close", "open"])
@pytest.mark.parametrize("first", [0, 12, 41, 89])
def test_it_agrees_with_a_market_kept_by_hand(first, fill):
    panel, delisting = random_panel(), Delisting(long_return=-0.4)
    made = benchmark(panel, outcomes(panel, delisting), first, fill)
    np.testing.assert_allclose(made, by_hand(panel, delisting, first, fill), atol=1e-14)
    assert outcomes(panel, delisting).paid.sum() == 2


def test_later_data_change_nothing_before_a_delisting_is_known():
    """Data that go on to row 60 or to the end: the same until the rows that end undecided."""
    panel, delisting = random_panel(), Delisting()
    whole = benchmark(panel, outcomes(panel, delisting), 5, "close")
    cut = panel.cut(60)
    part = benchmark(cut, outcomes(cut, delisting), 5, "close")
    np.testing.assert_array_equal(part[: 60 - delisting.after], whole[: 60 - delisting.after])


@dataclass(frozen=True)
class Nothing(engine.Cost):
    """Costs nothing."""

    name: ClassVar[str] = "nothing"

    def trading(self, panel, orders) -> Mapping[str, engine.FloatArray]:
        return {}

    def carry(self, weights, days) -> Mapping[str, engine.FloatArray]:
        return {}


def test_an_account_of_all_members_in_equal_parts_earns_the_same_without_costs():
    """Daily, filled at the close; two of seven are delisted, one with a loss, one stated.

    That is known, and paid, on the row after the last bar. What a delisting pays lies idle for
    a row: the decision before it did not know of it.
    """
    rng = np.random.default_rng(8)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (80, 7)), axis=0))
    close[20:30, 2] *= np.linspace(1.0, 0.2, 10)
    close[30:, 2] = close[50:, 5] = NAN
    stated = np.full(close.shape, NAN)
    stated[49, 5] = 0.25
    panel, delisting = panel_of(close, delisting_return=stated), Delisting(after=1)
    weights = np.where(panel.present, 1.0 / panel.present.sum(axis=1, keepdims=True), NAN)
    account = simulate(weights, panel, Nothing(), Backtest(), delisting)
    ended = outcomes(panel, delisting)
    assert sorted(ended.long) == [-0.3, 0.0, 0.0, 0.0, 0.0, 0.0, 0.25]
    market = benchmark(panel, ended, 1, "close")
    market[31] *= 6 / 7
    market[51] *= 5 / 6
    np.testing.assert_allclose(account.net, market, atol=1e-9)


@pytest.mark.parametrize("spell", [1, 3])
def test_a_negative_price_is_held_through_as_the_account_holds_it(spell):
    """As crude oil closed on 2020-04-17, 20 and 21: who held it lost three times what it cost."""
    rng = np.random.default_rng(8)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (40, 8)), axis=0))
    oil = [18.27, *[-37.63, -5.0, 0.0][:spell], 10.01]
    close[9 : 9 + len(oil), 3] = oil
    panel = panel_of(close)
    account = simulate(np.full(close.shape, 0.125), panel, Nothing(), Backtest(), Delisting())
    market = benchmark(panel, outcomes(panel, Delisting()), 1, "close")
    np.testing.assert_allclose(account.net, market, atol=1e-9)
    others = np.delete(close, 3, axis=1)
    day = (others[10] / others[9] - 1.0).sum() / 8 + (-37.63 / 18.27 - 1.0) / 8
    assert market[10] == pytest.approx(day)


def test_a_price_that_could_never_be_paid_earns_nothing():
    panel = panel_of([[10.0, -5.0], [10.0, -4.0], [11.0, 2.0], [11.0, 3.0]])
    market = benchmark(panel, outcomes(panel, Delisting()), 0, "close")
    np.testing.assert_allclose(market, [0.0, 0.0, 0.1, 0.25])


def test_the_market_that_decisions_read_knows_of_no_delisting():
    close = [[10, 10], [4, 11], [NAN, 12.1], [NAN, 13.31]]
    np.testing.assert_allclose(panel_of(close).market[1:], [-0.25, 0.1, 0.1])
