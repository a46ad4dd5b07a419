"""What is seldom met and must not go wrong: prices below 0, odd plugins, damaged states."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from builders import NAN, panel_of
from markets import Free, random_panel

import engine
from engine.account import simulate
from engine.account.charges import charge
from engine.account.ledger import Journal, State, advance
from engine.account.options import Backtest
from engine.account.plan import Plan
from engine.account.rows import market
from engine.account.simulation import decide_all
from engine.bars.delisting import Delisting, outcomes
from engine.plugins.costs import Standard
from engine.plugins.portfolios import LongOnlyTop, QuantileLongShort

HOLD = [NAN]
NO_LOSS = Delisting(long_return=0.0, after=2)


def test_a_price_below_zero_neither_caps_nor_is_traded_at():
    """Bars with volume around a price of -37: the trailing volume counts by size."""
    close = np.full((30, 2), 20.0)
    close[10, 0] = -37.0
    panel = panel_of(close, volume=np.full(close.shape, 1e6))
    weights = np.full(close.shape, 0.1)
    account = simulate(weights, panel, Standard(), Backtest())
    assert account.traded[10, 0] == 0.0
    assert account.realised[10, 0] < 0.0  # marked where it stands
    assert account.traded[11:, 0].any()
    assert account.bankrupt_on is None


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_delisting_below_zero_is_a_debt_and_no_gift(side):
    """Marked at -0.5 and paid out at -0.5: what ends changes nothing, in vectorbt's book too."""
    close = [[10.0], [10.0], [-0.5], [NAN], [NAN]]
    panel = panel_of(close)
    weights = np.array([[0.5 * side]] + [HOLD] * 4)
    account = simulate(weights, panel, Free(), Backtest(initial_capital=1000.0), NO_LOSS)
    np.testing.assert_allclose(account.equity[2], 1000.0 - side * 50.0 * 10.5)
    np.testing.assert_allclose(account.equity[2:], account.equity[2], rtol=1e-12)
    assert account.payouts["payout"].tolist() == [-0.5]


@dataclass(frozen=True)
class Capped(engine.Cost):
    """Free, with a cap of whatever type."""

    name: ClassVar[str] = "capped"
    most: Any = None

    def terms(self, panel: engine.Panel) -> Mapping[str, engine.Terms]:
        return {}

    def holding(self, panel: engine.Panel) -> Mapping[str, engine.Holding]:
        return {}

    def max_order(self, panel: engine.Panel) -> Any:
        return self.most


@pytest.mark.parametrize(
    "most", [np.full((4, 1), 10), np.full((4, 1), 10.0, np.float32), [[10]] * 4]
)
def test_a_cap_of_another_type_is_a_cap(most):
    panel = panel_of(np.full((4, 1), 10.0))
    account = simulate(np.full((4, 1), 0.5), panel, Capped(most), Backtest(initial_capital=1000.0))
    assert account.orders["shares"].tolist() == [10.0, 10.0, 10.0]


@pytest.mark.parametrize("most", [np.full((3, 1), 1.0), "many", [[-1.0]] * 4, [[NAN]] * 4])
def test_a_cap_that_is_none_is_refused_in_one_line(most):
    with pytest.raises(engine.PluginError, match="costs 'capped'"):
        simulate(np.full((4, 1), 0.5), panel_of(np.full((4, 1), 10.0)), Capped(most), Backtest())


def test_weights_of_whole_numbers_are_weights():
    account = simulate(np.ones((3, 1), int), panel_of([[10.0]] * 3), Free(), Backtest())
    np.testing.assert_allclose(account.realised[1:, 0], 1.0)


def test_numpys_numbers_are_remembered_and_saved(tmp_path):
    @dataclass(frozen=True)
    class Counting(engine.Portfolio):
        name: ClassVar[str] = "counting"

        def decide(self, score, book):
            best = np.argmax(np.nan_to_num(score, nan=-9.0))
            book.memory |= {"best": best, "half": np.float32(0.5), "all": np.arange(2)}
            return np.full(len(score), 0.1)

    panel = panel_of(np.full((3, 2), 10.0))
    plan = Plan(Counting(), np.tile([1.0, 2.0], (3, 1)), np.ones(3))
    simulate(plan, panel, Free(), Backtest()).state.save(tmp_path)
    memory = State.load(tmp_path).memory
    assert (memory["best"], memory["half"], memory["all"].tolist()) == (1, 0.5, [0, 1])


def test_what_a_book_shows_cannot_be_written_into():
    """Nor can the panel that others read: returns, market, bars, members."""

    @dataclass(frozen=True)
    class Vandal(engine.Portfolio):
        name: ClassVar[str] = "vandal"

        def decide(self, score, book):
            for array in (book.present, book.member, book.recent(3), book.market(3)):
                assert not array.flags.writeable
            for array in (book.panel["close"], book.panel.returns, book.panel.member):
                assert not array.flags.writeable
            return np.zeros(len(score))

    panel = random_panel(3)
    decide_all(Vandal(), np.ones(panel.shape), panel, np.ones(len(panel.dates)))


def test_an_account_goes_on_with_its_own_symbols_alone():
    panel = panel_of(np.full((3, 2), 10.0))
    bars = market(panel, outcomes(panel, Delisting()), Backtest())
    for symbols in (("A",), ("A", "C"), ("B", "A")):
        state = State.open(symbols, 1000.0)
        with pytest.raises(engine.DataError, match="cannot go on"):
            advance(state, bars, charge(Free(), panel), Journal.blank((3, 2)))


@pytest.mark.parametrize("damage", ["short", "cut", "list", "symbols"])
def test_a_damaged_state_is_refused_in_one_line(damage, tmp_path):
    State.open(("A", "B"), 1000.0).save(tmp_path)
    arrays, words = tmp_path / "state.npz", tmp_path / "state.json"
    if damage == "short":
        arrays.write_bytes(b"")
    if damage == "cut":
        arrays.write_bytes(arrays.read_bytes()[:200])
    if damage == "list":
        words.write_text("[1, 2]")
    if damage == "symbols":
        words.write_text(words.read_text().replace('"A",', ""))
    with pytest.raises(engine.DataError, match="holds no account"):
        State.load(tmp_path)


def test_orders_too_small_to_be_orders_are_told_as_that():
    panel = panel_of(np.full((4, 2), 10.0))
    account = simulate(np.full((4, 2), 0.5), panel, Free(), Backtest(initial_capital=1e-7))
    assert account.unfilled["size"].sum() == pytest.approx(account.asked.sum())
    assert account.never_traded == ("A", "B")


def test_weights_that_never_say_anything_are_refused():
    @dataclass(frozen=True)
    class Silent(engine.Portfolio):
        name: ClassVar[str] = "silent"

        def weights(self, signal, panel, exposure):
            return np.full(panel.shape, NAN)

    plan = Plan(Silent(), np.ones((3, 2)), np.ones(3))
    with pytest.raises(engine.ConfigError, match="silent: decided nothing on any date"):
        simulate(plan, panel_of(np.full((3, 2), 10.0)), Free(), Backtest())


def test_targets_of_zero_alone_are_told(caplog):
    simulate(np.zeros((3, 2)), panel_of(np.full((3, 2), 10.0)), Free(), Backtest())
    assert "nothing was ever held, for every target was 0" in caplog.text


def test_of_two_ways_to_say_a_cost_the_nearer_one_is_meant():
    """A class that writes `trading` over inherited `terms`, and one that writes `terms` again."""

    @dataclass(frozen=True)
    class Dearer(Standard):
        name: ClassVar[str] = "dearer"

        def trading(self, panel, orders):
            return {"all": np.full(panel.shape, 0.05)}

    @dataclass(frozen=True)
    class Back(Dearer):
        name: ClassVar[str] = "back"

        def terms(self, panel):
            return {"some": engine.Terms(fixed=0.01)}

    panel = panel_of(np.full((3, 1), 10.0))
    for cost, name, rate in ((Dearer(), "all", 0.05), (Back(), "some", 0.01)):
        account = simulate(np.full((3, 1), 0.5), panel, cost, Backtest())
        assert account.costs[name][1] == pytest.approx(0.5 * rate)


def test_a_name_priced_below_zero_counts_like_one_without_a_bar():
    """Held long, and worth -0.05 of 0.45: the others share what it leaves of the short side."""
    close = [[10.0, 10.0, 10.0]] * 2 + [[-1.0, 10.0, 10.0]] * 2
    panel = panel_of(close)
    signal = np.tile([3.0, 2.0, 1.0], (4, 1))
    portfolio = QuantileLongShort(quantile=0.5, rebalance="daily")
    plan = Plan(portfolio, signal, np.ones(4))
    account = simulate(plan, panel, Free(), Backtest())
    assert np.isnan(account.targets[2, 0])
    held = account.realised[2, 0]
    targets = np.nan_to_num(account.targets[2])
    assert held < 0.0
    assert targets[targets < 0.0].sum() + held == pytest.approx(-0.5, abs=1e-12)


def test_a_suspension_is_held_through_and_a_sample_that_ends_in_it_takes_it_for_a_delisting():
    """The one limit of causality: 15 rows without a bar, in data that go on and that end there."""
    close = np.full((40, 3), 10.0)
    close[20:35, 0] = NAN
    panel = panel_of(close)
    signal = np.tile([3.0, 2.0, 1.0], (40, 1))
    portfolio = LongOnlyTop(top_n=2, rebalance="daily")
    whole = Plan(portfolio, signal, np.ones(40))
    cut = Plan(portfolio, signal[:30], np.ones(30))
    full = simulate(whole, panel, Free(), Backtest())
    part = simulate(cut, panel.cut(30), Free(), Backtest())
    np.testing.assert_array_equal(part.targets[:24], full.targets[:24])  # taken for gone on row 24
    assert len(full.payouts) == 0
    assert part.payouts["symbol"].tolist() == ["A"]
    assert full.realised[30, 0] == pytest.approx(0.5)
