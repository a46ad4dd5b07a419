"""What the account charges: terms and holding, or what a third party says in its own way."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
from builders import NAN, panel_of
from markets import THOUSAND, Free, random_panel, random_weights

import engine
from engine.account import simulate
from engine.account.options import Backtest
from engine.plugins.costs.standard import Standard

FEE, SLOPE, BORROW, CASH = 1e-3, 2e-6, -2e-4, 1e-4
HOLD = np.array([[0.5], [NAN], [NAN], [NAN]])


@dataclass(frozen=True)
class ByTerms(engine.Cost):
    """A fee, an impact with the root of the size; fees on shorts and longs, interest on cash."""

    name: ClassVar[str] = "by_terms"

    def terms(self, panel: engine.Panel) -> Mapping[str, engine.Terms]:
        return {
            "fee": engine.Terms(fixed=FEE),
            "impact": engine.Terms(coefficient=SLOPE, exponent=0.5),
        }

    def holding(self, panel: engine.Panel) -> Mapping[str, engine.Holding]:
        return {
            "borrow": engine.Holding(long=BORROW / 10.0, short=BORROW),
            "cash": engine.Holding(cash=CASH),
        }


@dataclass(frozen=True)
class ByTrading(ByTerms):
    """The same trading costs, as a third party without terms says them."""

    name: ClassVar[str] = "by_trading"
    terms = engine.Cost.terms

    def trading(
        self, panel: engine.Panel, orders: engine.FloatArray
    ) -> Mapping[str, engine.FloatArray]:
        return {"fee": np.full(panel.shape, FEE), "impact": SLOPE * np.sqrt(orders)}


@dataclass(frozen=True)
class ByCarry(ByTerms):
    """The same costs of holding, as a third party says them."""

    name: ClassVar[str] = "by_carry"
    holding = engine.Cost.holding

    def carry(
        self, weights: engine.FloatArray, days: engine.FloatArray
    ) -> Mapping[str, engine.FloatArray]:
        assert weights.shape == (1, 9)
        long = np.maximum(weights, 0.0).sum(axis=1)
        short = np.maximum(-weights, 0.0).sum(axis=1)
        return {
            "borrow": (BORROW / 10.0 * long + BORROW * short) * days,
            "cash": CASH * (1.0 - long + short) * days,
        }


@pytest.mark.parametrize("theirs", [ByTrading(), ByCarry()])
@pytest.mark.parametrize("seed", range(3))
def test_a_third_partys_way_of_saying_it_comes_to_the_same(theirs, seed):
    """Thin cash, shorts, caps, delistings; terms and holding are the other way to say it."""
    panel = random_panel(seed)
    weights = random_weights(seed, panel.shape)
    one = simulate(weights, panel, ByTerms(), Backtest())
    two = simulate(weights, panel, theirs, Backtest())
    assert one.costs["impact"].max() > 1e-5
    assert one.interest.max() > 0.0
    assert one.costs["borrow"].max() > 0.0
    np.testing.assert_allclose(two.equity, one.equity, rtol=1e-9)
    np.testing.assert_allclose(two.realised, one.realised, atol=1e-9)
    assert sorted(two.costs) == sorted(one.costs)
    for name, paid in one.costs.items():
        np.testing.assert_allclose(two.costs[name], paid, atol=1e-9, err_msg=name)
    for name in ("gross", "interest", "risk_free"):
        np.testing.assert_allclose(getattr(two, name), getattr(one, name), atol=1e-9, err_msg=name)


@dataclass(frozen=True)
class Silent(ByTrading):
    """The same, but a component is not named before there is an order to pay it."""

    name: ClassVar[str] = "silent"

    def trading(
        self, panel: engine.Panel, orders: engine.FloatArray
    ) -> Mapping[str, engine.FloatArray]:
        rates = super().trading(panel, orders)
        return rates if orders.any() else {"fee": rates["fee"]}


def test_a_component_that_comes_with_the_first_order_is_charged():
    panel = random_panel(1)
    weights = random_weights(1, panel.shape)
    one, two = (simulate(weights, panel, cost, Backtest()) for cost in (ByTerms(), Silent()))
    np.testing.assert_allclose(two.equity, one.equity, rtol=1e-9)
    np.testing.assert_allclose(two.costs["impact"], one.costs["impact"], atol=1e-9)


@dataclass(frozen=True)
class Fickle(Free):
    """Half the value of orders above 800, nothing of others."""

    name: ClassVar[str] = "fickle"
    terms = engine.Cost.terms

    def trading(
        self, panel: engine.Panel, orders: engine.FloatArray
    ) -> Mapping[str, engine.FloatArray]:
        return {"fee": np.where(orders > 800.0, 0.5, 0.0)}


def test_a_rate_that_never_settles_is_refused_in_one_line():
    """1000 to spend: at no cost it buys 1000, at half its value 667, which costs nothing."""
    message = (
        r"^costs 'fickle': the rates of trading\(\) and the sizes of the orders do not settle in "
        r"20 rounds: write Fickle\.terms\(panel\) instead$"
    )
    with pytest.raises(engine.PluginError, match=message):
        simulate(np.ones((3, 1)), panel_of(np.full((3, 1), 10.0)), Fickle(), THOUSAND)


def test_a_rate_of_the_size_is_charged_at_the_size_that_is_traded():
    """The cap leaves 20 shares of 50: 200 pay 200 ^ 1.5 / 1e4, not 500 ^ 1.5 / 1e4."""

    @dataclass(frozen=True)
    class Capped(Free):
        def terms(self, panel: engine.Panel) -> Mapping[str, engine.Terms]:
            return {"impact": engine.Terms(coefficient=1e-4, exponent=1.5)}

    account = simulate(HOLD, panel_of(np.full((4, 1), 10.0)), Capped(cap=20.0), THOUSAND)
    rate = 1e-4 * 200.0**1.5
    assert account.orders["rate"].tolist() == pytest.approx([rate])
    np.testing.assert_allclose(account.equity, [1000.0] + [1000.0 - 200.0 * rate] * 3)
    np.testing.assert_allclose(account.costs["impact"], [0.0, 0.2 * rate, 0.0, 0.0])


def test_impact_counts_towards_what_cash_can_buy():
    """x (1 + 0.1 + 0.1 x) = 1 of 1000 in cash has the root (√1.61 - 1.1) / 0.2."""

    @dataclass(frozen=True)
    class Steep(Free):
        def terms(self, panel: engine.Panel) -> Mapping[str, engine.Terms]:
            return {"slope": engine.Terms(fixed=0.1, coefficient=1e-4, exponent=1.0)}

    account = simulate(np.ones((2, 1)), panel_of(np.full((2, 1), 10.0)), Steep(), THOUSAND)
    bought = (np.sqrt(1.61) - 1.1) / 0.2
    assert account.orders["shares"].tolist() == pytest.approx([100.0 * bought], rel=1e-11)
    np.testing.assert_allclose(account.equity, [1000.0, 1000.0 * bought])
    np.testing.assert_allclose(account.unfilled["cash"], [0.0, 1.0 - bought])


def test_a_cost_as_large_as_its_order_is_refused_naming_it_and_the_date():
    """A short of 500 would pay 120 % of itself: a fee of 20 % and 1 % for each 5 of its value."""

    @dataclass(frozen=True)
    class Dear(Free):
        name: ClassVar[str] = "dear"

        def terms(self, panel: engine.Panel) -> Mapping[str, engine.Terms]:
            return {
                "fee": engine.Terms(fixed=0.2),
                "impact": engine.Terms(coefficient=0.002, exponent=1.0),
            }

    message = (
        r"^costs 'dear': impact takes 100% of an order of 500 in A on 2020-01-02 \(120% in all\): "
        r"lower backtest\.initial_capital, or lower the rate$"
    )
    with pytest.raises(engine.ConfigError, match=message):
        simulate(-HOLD, panel_of(np.full((4, 1), 10.0)), Dear(), THOUSAND)


def test_a_cost_that_can_limit_orders_is_told_the_key():
    message = r"lower backtest\.initial_capital, limit the order by costs\.max_participation, or"
    with pytest.raises(engine.ConfigError, match=message):
        simulate(-HOLD, panel_of(np.full((4, 1), 10.0)), Standard(fees_bps=1e4), THOUSAND)


@pytest.mark.parametrize("weight", [0.5, -0.5])
def test_a_cost_of_exactly_the_order_is_refused_and_just_below_it_is_paid(weight):
    panel = panel_of(np.full((4, 1), 10.0))
    with pytest.raises(engine.ConfigError, match=r"fee takes 100% of an order .* 2020-01-02"):
        simulate(2.0 * weight * HOLD, panel, Free(fee=1.0), THOUSAND)
    account = simulate(2.0 * weight * HOLD, panel, Free(fee=0.99), THOUSAND)
    assert account.costs["fee"][1] == pytest.approx(0.5 * 0.99)


def odd(method: str, answer: Callable[[engine.Panel], Any]) -> engine.Cost:
    """A cost model of which one method answers otherwise."""
    made = type("Odd", (Free,), {"name": "odd", method: lambda self, panel, *_: answer(panel)})
    return replace(dataclass(frozen=True)(made)())


@pytest.mark.parametrize("fee", [-0.1, NAN, np.inf])
def test_rates_that_are_no_rates_are_refused(fee):
    cost = odd("terms", lambda panel: {"fee": engine.Terms(fixed=fee)})
    with pytest.raises(engine.PluginError, match="'fee' must be finite, >= 0"):
        simulate(np.zeros((2, 1)), panel_of([[1.0], [2.0]]), cost, Backtest())


@pytest.mark.parametrize(
    ("method", "answer", "message"),
    [
        (
            "terms",
            lambda panel: {"fee": engine.Terms(coefficient=-1e-9)},
            r"costs 'odd': coefficient of 'fee' must be finite, >= 0",
        ),
        (
            "terms",
            lambda panel: {"fee": engine.Terms(fixed=np.zeros((7, 3)))},
            r"costs 'odd': fixed of 'fee' must be .* of shape \(2, 1\): mend Odd",
        ),
        (
            "terms",
            lambda panel: {"fee": engine.Terms(coefficient=1.0, exponent=0.0)},
            r"costs 'odd': exponent of 'fee' is 0\.0: it must be above 0",
        ),
        (
            "terms",
            lambda panel: {"cash": engine.Terms()},
            r"costs 'odd': trading and holding both have a component 'cash': rename one",
        ),
        (
            "terms",
            lambda panel: {"fee": "much"},
            r"costs 'odd' failed: AttributeError: 'str' object has no attribute 'fixed'",
        ),
        ("terms", lambda panel: None, r"costs 'odd' failed: TypeError: 'NoneType' object"),
        ("holding", lambda panel: [0.1], r"costs 'odd' failed: TypeError: list indices"),
        (
            "holding",
            lambda panel: {"cash": engine.Holding(cash=NAN)},
            r"costs 'odd': cash of 'cash' must be finite",
        ),
        (
            "holding",
            lambda panel: {"borrow": engine.Holding(short=np.zeros(panel.shape[0] + 5))},
            r"costs 'odd': short of 'borrow' must be finite and of shape \(2, 1\)",
        ),
        (
            "max_order",
            lambda panel: np.full(panel.shape, -1.0),
            r"costs 'odd': max_order must be >= 0 .*: mend Odd",
        ),
    ],
)
def test_what_its_kind_does_not_promise_is_refused_naming_the_cost(method, answer, message):
    with pytest.raises(engine.PluginError, match=message):
        simulate(np.zeros((2, 1)), panel_of([[1.0], [2.0]]), odd(method, answer), Backtest())


@pytest.mark.parametrize(
    ("carried", "message"),
    [
        (
            {"borrow": np.zeros((1, 2))},
            r"the carry 'borrow' must be finite and of shape \(T,\): mend Wide",
        ),
        (
            {"borrow": np.array([NAN])},
            r"the carry 'borrow' must be finite and of shape \(T,\): mend Wide",
        ),
        ({"fee": np.zeros(1)}, r"trading and holding both have a component 'fee': rename one"),
    ],
)
def test_a_carry_that_is_none_is_refused_naming_it(carried, message):
    @dataclass(frozen=True)
    class Wide(Free):
        name: ClassVar[str] = "wide"
        holding = engine.Cost.holding

        def carry(
            self, weights: engine.FloatArray, days: engine.FloatArray
        ) -> Mapping[str, engine.FloatArray]:
            return carried

    with pytest.raises(engine.PluginError, match=f"^costs 'wide': {message}"):
        simulate(HOLD, panel_of(np.full((4, 1), 10.0)), Wide(), Backtest())


@pytest.mark.parametrize("why", ["no volume", "zero volume"])
def test_a_volume_that_nobody_knows_limits_nothing_and_costs_no_impact(why, caplog):
    """The volume is 0 on every bar, as of currencies, or there is none: the same account."""
    close = random_panel(2)["close"]
    zero = {"volume": np.where(np.isfinite(close), 0.0, NAN)} if why == "zero volume" else {}
    weights = random_weights(2, close.shape)
    with caplog.at_level(logging.WARNING):
        account = simulate(weights, panel_of(close, **zero), Standard(), Backtest())
    assert not account.unfilled["cap"].any()
    assert not account.costs["impact"].any()
    assert len(account.orders) > 100
    free = replace(Standard(), max_participation=None, impact_coefficient=0.0)
    same = simulate(weights, panel_of(close), free, Backtest())
    assert account.equity.tobytes() == same.equity.tobytes()
    assert "impact is zero and the size of orders is not limited" in caplog.text


def test_a_volume_that_ends_stops_trading_where_one_that_never_began_does_not():
    """A trades from the first bar on; B had volume once, and five rows without it stop it."""
    volume = np.zeros((12, 2))
    volume[0, 1] = 1e9
    weights = np.full((12, 2), NAN)
    weights[8] = 0.4
    panel = panel_of(np.full((12, 2), 10.0), volume=volume)
    account = simulate(weights, panel, Standard(impact_window=5), Backtest())
    assert account.realised[-1, 0] == pytest.approx(0.4, rel=1e-3)
    assert account.realised[-1, 1] == 0.0
    assert account.never_traded == ("B",)
