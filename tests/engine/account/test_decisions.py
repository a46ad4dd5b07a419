"""A portfolio decides at each close with what the account really holds."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest
from builders import FREE, NAN, panel_of
from markets import THOUSAND, Free, random_panel

import engine
from engine.account import simulate
from engine.account.account import Account
from engine.account.options import Backtest
from engine.account.plan import Plan
from engine.account.simulation import decide_all
from engine.bars.delisting import Delisting
from engine.plugins.costs.standard import Standard
from engine.plugins.portfolios import LongOnlyTop, QuantileLongShort


def test_a_band_goes_on_buying_what_the_cap_left():
    """A tenth of each of ten names, at most 0.02 a day: five days, and a band of 0.01."""
    flat = np.full((8, 10), 10.0)
    panel = panel_of(flat, volume=np.full(flat.shape, 2e4))  # 2e5 a day, a tenth is 0.02 of 1e6
    signal = np.tile(np.arange(10.0), (8, 1))
    portfolio = QuantileLongShort(quantile=0.5, no_trade_band=0.01, rebalance="daily")
    account = simulate(Plan(portfolio, signal, np.ones(8)), panel, FREE, Backtest())
    gross = account.long + account.short
    np.testing.assert_allclose(gross, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 1.0])
    np.testing.assert_allclose(account.realised[-1], [-0.1] * 5 + [0.1] * 5)
    np.testing.assert_array_equal(account.targets[5:], NAN)  # within the band at last


def test_delisted_names_leave_the_book_and_eat_no_turnover():
    """A ends after row 2 and is paid two rows later; from then on B may be bought for all of 0.5.

    While A might be suspended, its half is taken, and nothing is left for B.
    """
    close = np.full((9, 3), 10.0)
    close[3:, 0] = NAN
    signal = np.tile([3.0, 2.0, 1.0], (9, 1))
    portfolio = LongOnlyTop(top_n=1, gross=0.5, max_turnover=0.5, rebalance="daily")
    plan = Plan(portfolio, signal, np.ones(9))
    account = simulate(plan, panel_of(close), Free(), Backtest(), Delisting(after=2))
    a, b = [0.5, 0.0, 0.0], [0.0, 0.5, 0.0]
    waits = [NAN, 0.0, 0.0]
    np.testing.assert_allclose(account.targets, [a, a, a, waits, b, b, b, b, b])
    np.testing.assert_allclose(account.realised, [[0.0] * 3, a, a, a, [0.0] * 3, b, b, b, b])
    assert account.payouts["timestamp"].tolist() == [account.dates[4]]
    assert account.dropped == 0


def test_what_drifts_is_what_the_band_compares():
    """A and B at a half each; A's rise makes it 0.55, within 0.06, and then 0.75."""
    close = [[9.0, 9.0], [9.0, 9.0], [11.0, 9.0], [27.0, 9.0]]
    portfolio = LongOnlyTop(quantile=1.0, no_trade_band=0.06, rebalance="daily")
    plan = Plan(portfolio, np.ones((4, 2)), np.ones(4))
    account = simulate(plan, panel_of(close), Free(), Backtest())
    np.testing.assert_allclose(account.targets, [[0.5, 0.5], [NAN, NAN], [NAN, NAN], [0.5, 0.5]])
    np.testing.assert_allclose(account.realised[2:], [[0.55, 0.45], [0.75, 0.25]])


@dataclass(frozen=True)
class Spy(engine.Portfolio):
    """Keeps what it was shown; decides what it is told to."""

    name: ClassVar[str] = "spy"
    targets: Any = None
    seen: list[engine.Book] = field(default_factory=list)
    scores: list[engine.FloatArray] = field(default_factory=list)

    def decide(self, score: engine.FloatArray, book: engine.Book) -> engine.FloatArray | None:
        self.seen.append(book)
        self.scores.append(score)
        book.memory["decisions"] = book.memory.get("decisions", 0.0) + 1.0
        row: engine.FloatArray = self.targets[book.row].copy()
        return row if np.isfinite(row).any() else None


def spied(panel: engine.Panel, targets: Any, cost: engine.Cost) -> tuple[Spy, Account]:
    spy = Spy(targets)
    plan = Plan(spy, np.nan_to_num(targets), np.linspace(0.0, 1.0, len(panel.dates)))
    return spy, simulate(plan, panel, cost, Backtest(engine="fast"))


def test_a_book_shows_what_the_account_holds_and_nothing_later():
    """At each close: weights, equity and cash of the account; bars up to the row; its memory."""
    panel = random_panel(3)
    targets = np.full(panel.shape, NAN)
    targets[5::4] = np.random.default_rng(0).normal(0.0, 0.15, panel.shape)[5::4]
    spy, account = spied(panel, targets, Standard(cash_rate=0.02, max_participation=0.3))
    assert [book.row for book in spy.seen] == list(range(len(panel.dates)))
    for t, book in enumerate(spy.seen):
        np.testing.assert_allclose(book.held, account.realised[t], rtol=1e-9, atol=1e-12)
        assert book.equity == account.equity[t]
        assert book.cash == pytest.approx(book.equity * (1.0 - book.held.sum()))
        assert book.panel.shape == (t + 1, panel.shape[1])
        assert (book.now, book.date) == (panel.dates[t], str(panel.dates[t].date()))
        assert book.before == (panel.dates[t - 1] if t else None)
        assert book.exposure == pytest.approx(t / (len(panel.dates) - 1))
        assert len(book.recent(20)) == len(book.market(20)) == min(t + 1, 20)
        np.testing.assert_array_equal(book.recent(1)[-1], panel.returns[t])
        np.testing.assert_array_equal(book.frozen, np.where(panel.present[t], 0.0, book.held))
        np.testing.assert_array_equal(spy.scores[t], np.nan_to_num(targets[t]))
    assert account.state.memory == {"decisions": float(len(panel.dates))}
    np.testing.assert_array_equal(account.targets, targets)


def test_a_book_shows_the_orders_that_wait():
    close = [[10.0, 10.0], [10.0, NAN], [10.0, NAN], [10.0, 10.0]]
    targets = np.array([[0.2, 0.3], [NAN] * 2, [NAN] * 2, [NAN] * 2])
    spy, _ = spied(panel_of(close), targets, Free())
    waiting = [book.waiting for book in spy.seen]
    np.testing.assert_array_equal(waiting, [[NAN] * 2, [NAN, 0.3], [NAN, 0.3], [NAN] * 2])


def test_deciding_row_by_row_is_the_same_as_giving_all_weights_at_once():
    panel = random_panel(8)
    targets = np.full(panel.shape, NAN)
    targets[3::5] = np.random.default_rng(1).normal(0.0, 0.2, panel.shape)[3::5]
    _, account = spied(panel, targets, Standard())
    whole = simulate(targets, panel, Standard(), Backtest(engine="fast"))
    assert account.equity.tobytes() == whole.equity.tobytes()
    assert account.realised.tobytes() == whole.realised.tobytes()


def test_nobody_is_asked_after_a_ruin():
    targets = np.array([[-1.0], [NAN], [NAN], [NAN]])
    spy, account = spied(panel_of([[10.0], [10.0], [30.0], [10.0]]), targets, Free())
    assert account.bankrupt_on == account.dates[2]
    assert [book.row for book in spy.seen] == [0, 1]


@dataclass(frozen=True)
class Answers(engine.Portfolio):
    """Decides whatever it is given."""

    name: ClassVar[str] = "answers"
    answer: Callable[[engine.Book], Any] = lambda book: None

    def decide(self, score: engine.FloatArray, book: engine.Book) -> engine.FloatArray | None:
        answer: engine.FloatArray | None = self.answer(book)
        return answer


@dataclass(frozen=True)
class AllAtOnce(Answers):
    """Gives whatever it is given, for all rows."""

    name: ClassVar[str] = "answers"
    decide = engine.Portfolio.decide

    def weights(
        self, signal: engine.FloatArray, panel: engine.Panel, exposure: engine.FloatArray
    ) -> engine.FloatArray:
        answer: engine.FloatArray = self.answer(panel)
        return answer


def asked(portfolio: engine.Portfolio, rows: int = 3) -> Account:
    plan = Plan(portfolio, np.ones((rows, 2)), np.ones(rows))
    return simulate(plan, panel_of(np.full((rows, 2), 10.0)), Free(), THOUSAND)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda book: np.zeros(3), r"portfolio 'answers' returned shape \(3,\), not \(2,\)"),
        (lambda book: np.zeros((1, 2)), r"portfolio 'answers' returned shape \(1, 2\), not \(2,\)"),
        (lambda book: np.zeros(2, np.float32), r"portfolio 'answers' returned float32, not a"),
        (lambda book: [0.5, 0.5], r"portfolio 'answers' returned list, not a float64 array"),
        (lambda book: np.array([np.inf, 0.0]), r"portfolio 'answers' returned infinite values"),
        (lambda book: 1 / 0, r"portfolio 'answers' failed: ZeroDivisionError: division by zero"),
    ],
)
def test_a_decision_that_is_none_is_refused_naming_the_portfolio(answer, message):
    with pytest.raises(engine.PluginError, match=message):
        asked(Answers(answer))


def test_weights_of_another_shape_are_refused_naming_the_portfolio():
    with pytest.raises(engine.PluginError, match=r"'answers' returned shape \(2,\), not \(3, 2\)"):
        asked(AllAtOnce(lambda panel: np.zeros(2)))


def test_a_portfolio_that_never_decides_is_refused():
    with pytest.raises(engine.ConfigError, match=r"name=answers: decided nothing on any date"):
        asked(Answers(lambda book: None))


def test_a_portfolio_needs_a_way_to_decide():
    @dataclass(frozen=True)
    class Neither(engine.Portfolio):
        name: ClassVar[str] = "neither"

    with pytest.raises(engine.PluginError, match="'neither' has neither decide nor weights"):
        asked(Neither())


def test_what_a_decision_writes_into_its_book_changes_no_account():
    """Only what it returns is an order."""

    def meddles(book: engine.Book) -> engine.FloatArray:
        book.held[:] = 9.0
        book.waiting[:] = 1.0
        book.equity = book.cash = 1e9
        return np.array([0.5, 0.0])

    account = asked(Answers(meddles), rows=4)
    np.testing.assert_array_equal(account.equity, 1000.0)
    np.testing.assert_array_equal(account.realised, [[0.0, 0.0]] + [[0.5, 0.0]] * 3)


def test_decisions_that_took_a_fallback_are_counted_among_all(caplog):
    """Three closes decide: one with a note and weights, one with a note alone, one without."""

    def falls_back(book: engine.Book) -> engine.FloatArray | None:
        if book.row == 3:
            return None  # none to decide on
        if book.row in {1, 2}:
            book.notes += [f"no weights on row {book.row}", "and more of it"]
        return None if book.row == 2 else np.array([0.5, 0.0])

    with caplog.at_level(logging.WARNING):
        asked(Answers(falls_back), rows=4)
    assert caplog.messages == [
        "portfolio answers: 2 of 3 decisions took the fallback; the first: no weights on row 1"
    ]


def test_decide_all_trades_for_nothing_and_delists_nobody():
    """A stays held at its last price: nothing says that it will not be back."""
    close = np.full((12, 2), 10.0)
    close[3:, 0] = NAN
    signal = np.tile([2.0, 1.0], (12, 1))
    portfolio = LongOnlyTop(top_n=1, rebalance="daily")
    got = decide_all(portfolio, signal, panel_of(close), np.ones(12))
    np.testing.assert_array_equal(got[:3], [[1.0, 0.0]] * 3)
    np.testing.assert_array_equal(got[3:], [[NAN, 0.0]] * 9)


@pytest.mark.parametrize("kept", [[1.0], "text", np.array(["a"]), None])
def test_what_cannot_be_saved_is_not_remembered(kept):
    """Arrays of numbers and numbers are; anything else is refused where it is written."""

    @dataclass(frozen=True)
    class Hoarder(engine.Portfolio):
        name: ClassVar[str] = "hoarder"

        def decide(self, score, book):
            book.memory["mine"] = kept
            return np.zeros(len(score))

    panel = panel_of([[10.0], [10.0]])
    with pytest.raises(engine.PluginError, match=r"hoarder.*book\.memory\['mine'\]"):
        decide_all(Hoarder(), np.ones((2, 1)), panel, np.ones(2))
