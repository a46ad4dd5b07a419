"""What a run warns of: what was decided and not filled, why, and which key to change."""

import logging
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from builders import NAN, panel_of
from markets import THOUSAND, Free

import engine
from engine.account import simulate
from engine.account.plan import Plan
from engine.plugins.costs.standard import Standard
from engine.plugins.portfolios import LongOnlyTop, QuantileLongShort

FLAT = panel_of(np.full((4, 2), 10.0))


@dataclass(frozen=True)
class Sticky(Free):
    """A may be bought, and then only 10 shares of it a day may be sold."""

    name: ClassVar[str] = "sticky"

    def max_order(self, panel: engine.Panel) -> engine.FloatArray | None:
        cap = np.full(panel.shape, np.inf)
        cap[2:, 0] = 10.0
        return cap


@dataclass(frozen=True)
class StickyStandard(Standard):
    """The same, with an option for it."""

    name: ClassVar[str] = "sticky_standard"
    max_order = Sticky.max_order


def told(caplog: pytest.LogCaptureFixture, plan: Any, cost: engine.Cost, panel: Any = FLAT) -> str:
    with caplog.at_level(logging.WARNING):
        simulate(plan, panel, cost, THOUSAND)
    return "\n".join(m for m in caplog.messages if "volume: impact" not in m)


def test_an_account_that_is_filled_is_told_nothing(caplog):
    weights = np.array([[0.5, 0.5], [NAN, NAN], [0.0, 0.3], [NAN, NAN]])
    assert told(caplog, weights, Free(fee=0.001)) == ""


def test_weights_that_are_more_than_the_cash_are_to_be_less(caplog):
    weights = np.tile([0.75, 0.75], (4, 1))
    assert told(caplog, weights, Free()) == (
        "cash ran short on 3 of 4 dates; at worst 50.0% of equity was not bought, on 2020-01-02: "
        "more is to be bought than sales and cash pay for; ask for less"
    )


def test_a_portfolio_is_told_the_keys_that_it_has(caplog):
    """Long 1.5 and nothing short; a portfolio of longs alone has no net."""
    portfolio = QuantileLongShort(quantile=0.5, net=1.0, rebalance="daily")
    plan = Plan(portfolio, np.tile([1.0, 2.0, 3.0, 4.0], (4, 1)), np.full(4, 1.5))
    panel = panel_of(np.full((4, 4), 10.0))
    assert told(caplog, plan, Free(), panel).endswith("; lower portfolio.gross or portfolio.net")
    dear = Plan(LongOnlyTop(top_n=1), np.tile([1.0, 2.0], (4, 1)), np.ones(4))
    caplog.clear()
    assert told(caplog, dear, Free(fee=0.05)).endswith("; lower portfolio.gross")


ROTATION = np.array([[1.0, 0.0], [0.0, 1.0], [NAN, NAN], [NAN, NAN]])


@pytest.mark.parametrize(
    ("cost", "keys"),
    [
        (Sticky(), "lower backtest.initial_capital"),
        (
            StickyStandard(0.0, 0.0, 0.0),
            "lower backtest.initial_capital, or raise costs.max_participation",
        ),
    ],
)
def test_cash_that_a_sale_would_have_paid_names_the_sale(cost, keys, caplog):
    """900 of B are not bought, for 900 of A are not sold: no weight is too large."""
    assert told(caplog, ROTATION, cost) == (
        "cash ran short on 1 of 4 dates; at worst 90.0% of equity was not bought, on 2020-01-03: "
        f"sales were held back by the cap or a missing bar; {keys}\n"
        f"the cap on the size of orders cut 30% of the weight decided: {keys}"
    )


def test_a_sale_that_waits_for_a_bar_is_named_too(caplog):
    close = np.full((4, 2), 10.0)
    close[2:, 0] = NAN
    text = told(caplog, ROTATION, Free(), panel_of(close))
    assert "at worst 100.0% of equity was not bought, on 2020-01-03: sales were held back" in text
    assert "33% of the weight decided waited for a bar to trade on and never met one" in text


def test_names_that_never_traded_are_named_and_counted(caplog):
    close = np.full((4, 9), 10.0)
    close[1:, 1:8] = NAN
    weights = np.full(close.shape, NAN)
    weights[0] = 0.1
    assert (
        "7 of the names decided to be held never traded (B, C, D, E, F and 2 more): they have no "
        "volume to trade in, no bar after a decision, or orders under 1e-8 shares"
    ) in told(caplog, weights, Free(), panel_of(close))
