"""Weights → Returns: the account that a run would have had.

1. The symbols are put in their order, whatever the panel's: every sum runs in it.
2. The market (`rows`) and the charges (`charges`) are laid out as arrays.
3. The ledger (`ledger`, `kernel`) keeps the books; at each close the portfolio decides with
   what is really held, unless it has given all weights at once.
4. Costs that only `trading` can tell are asked at the sizes that were traded, and the books
   are kept again, until sizes and rates agree.
5. The journal is read as returns (`account`), and booked once more by vectorbt (`second`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from engine.account import account as reader
from engine.account.account import Account, Carried
from engine.account.advice import advise
from engine.account.charges import charge, check_names, limits, too_dear
from engine.account.ledger import Decide, Journal, State, TooDear, advance
from engine.account.options import Backtest
from engine.account.rows import Charges, Market, market
from engine.account.second import book, no_trips
from engine.account.tally import Tally
from engine.book import Book, Names
from engine.contracts import array, blamed
from engine.delisting import Delisting, Outcomes, outcomes, undisclosed
from engine.errors import ConfigError, PluginError
from engine.kinds import Cost, Portfolio, overrides
from engine.panel import FloatArray, Panel
from engine.terms import Holding, Terms

log = logging.getLogger(__name__)
PASSES, SETTLED = 20, 1e-10  # of costs that only `trading` tells: most passes, and how near


@dataclass(frozen=True, eq=False)
class Plan:
    """A portfolio, and what it decides by.

    Parameters
    ----------
    portfolio : Portfolio
    signal : float array, shape (T, N)
    exposure : float array, shape (T,)
    ties : {"split", "symbol"}
        Of `Book.places`.
    """

    portfolio: Portfolio
    signal: FloatArray
    exposure: FloatArray
    ties: str = "split"

    def __post_init__(self) -> None:
        if not (overrides(self.portfolio, "decide") or overrides(self.portfolio, "weights")):
            raise PluginError(f"portfolio {self.portfolio.name!r} has neither decide nor weights")

    def given(self, panel: Panel) -> FloatArray | None:
        """All weights at once, shape (T, N); None of a portfolio that decides."""
        who = f"portfolio {self.portfolio.name!r}"
        if overrides(self.portfolio, "decide", before="weights"):
            return None
        with blamed(who):
            return array(
                self.portfolio.weights(self.signal, panel, self.exposure), panel.shape, who
            )

    def decide(self, panel: Panel, tally: Tally, start: int = 0) -> Decide:
        """What asks the portfolio at a close of the panel, whose row `start` is the ledger's 0.

        A row that is not `Panel.full` decides nothing.
        """
        who = f"portfolio {self.portfolio.name!r}"

        def decide(t: int, state: State) -> FloatArray | None:
            row = start + t
            if not panel.full[row]:
                return None
            book = Book(
                row=row,
                held=state.held,
                equity=state.equity,
                cash=state.cash,
                waiting=state.waiting.copy(),
                score=self.signal[row],
                exposure=float(self.exposure[row]),
                notes=tally.notes,
                memory=state.memory,
                data=panel,
                ties=self.ties,
            )
            with blamed(who):
                targets = self.portfolio.decide(self.signal[row].copy(), book)
                if targets is not None:
                    targets = array(targets, state.shares.shape, who)
            _check_memory(state.memory, who)
            tally.count(book, targets)
            return targets

        return decide


def _check_memory(memory: Mapping[str, object], who: str) -> None:
    """Raise PluginError unless all that is remembered can be saved with the account."""
    for name, value in memory.items():
        number = isinstance(value, (int, float, np.integer, np.floating))
        if not (number or (isinstance(value, np.ndarray) and value.dtype.kind in "fiub")):
            raise PluginError(
                f"{who} keeps book.memory[{name!r}] as {type(value).__name__}: keep arrays of "
                "numbers, and numbers"
            )


def simulate(
    plan: Plan | FloatArray,
    panel: Panel,
    cost: Cost,
    config: Backtest,
    delisting: Delisting | None = None,
) -> Account:
    """Decide, trade bar by bar, and keep the account.

    Parameters
    ----------
    plan : Plan, or float array of shape (T, N)
        A portfolio that decides; or the weights decided at each close, as fractions of
        equity, traded on the next bar. 0 closes, NaN holds.
    panel : Panel
        The bars.
    cost : Cost
        What trading and holding cost.
    config : Backtest
        Capital and fills.
    delisting : Delisting, optional
        What holders of delisted names get.

    Returns
    -------
    Account

    Raises
    ------
    PluginError
        If the weights or the cost rates are not what their kinds promise, or do not settle.
    ConfigError
        If nothing is ever decided, an order costs as much as it is worth, or fills at the
        open are asked of bars that have none.
    """
    account = _kept(plan, panel, cost, config, delisting or Delisting())
    for line in advise(account, plan.portfolio if isinstance(plan, Plan) else None, cost):
        log.warning("%s", line)
    return account


def _kept(
    plan: Plan | FloatArray, panel: Panel, cost: Cost, config: Backtest, delisting: Delisting
) -> Account:
    """The account, kept with the symbols in their order whatever the panel's."""
    from threadpoolctl import threadpool_limits

    if not panel.in_order:
        order = np.argsort(panel.places)
        made = _kept(_taken(plan, order), panel.take(order), cost, config, delisting)
        return made.ordered(panel.places)
    became, seen = outcomes(panel, delisting), undisclosed(panel)
    with threadpool_limits(limits=1, user_api="blas"):  # the same bytes on any machine
        return _settled(plan, seen, cost, config, became)


def _taken(plan: Plan | FloatArray, order: Names) -> Plan | FloatArray:
    if isinstance(plan, Plan):
        return replace(plan, signal=plan.signal[:, order])
    return plan[:, order] if plan.ndim == 2 and plan.shape[1] == len(order) else plan


def _settled(
    plan: Plan | FloatArray, panel: Panel, cost: Cost, config: Backtest, became: Outcomes
) -> Account:
    """Keep the books until the costs fit the sizes, and compare the last ones with vectorbt's."""
    weights = plan.given(panel) if isinstance(plan, Plan) else _checked(plan, panel)
    bars = market(panel, became, config, limits(cost, panel))
    charges = charge(cost, panel)
    for _ in range(PASSES):
        books = _Books(plan, weights, panel, cost, config.initial_capital, bars, charges)
        account = books.account
        if overrides(cost, "terms", before="trading"):
            break
        sizes = np.abs(books.journal.flow) * np.nan_to_num(bars.price)
        sized = charge(cost, panel, sizes)
        if _difference(charges, sized) <= SETTLED:
            break
        charges = sized
    else:
        raise PluginError(
            f"costs {cost.name!r}: the rates of trading() and the sizes of the orders do not "
            f"settle in {PASSES} rounds: write {type(cost).__name__}.terms(panel) instead"
        )
    books.tell()
    trips = no_trips()
    if config.engine == "vectorbt":
        trips = book(books.journal, bars, charges, account.state, config.initial_capital)
    return replace(account, round_trips=trips)


def _checked(given: FloatArray, panel: Panel) -> FloatArray:
    weights = np.asarray(given, np.float64)
    if weights.shape != panel.shape or np.isinf(weights).any():
        raise PluginError(
            f"weights must be finite or NaN and of shape {panel.shape}, not {weights.shape}: "
            "mend the portfolio plugin"
        )
    return weights


def _difference(ours: Charges, theirs: Charges) -> float:
    """The largest one of two rates; infinite between different components."""
    if ours.fixed.keys() != theirs.fixed.keys():
        return float("inf")
    return max(
        (float(np.abs(theirs.fixed[name] - rate).max()) for name, rate in ours.fixed.items()),
        default=0.0,
    )


class _Books:
    """One pass: the journal of all rows, and the account read from it."""

    def __init__(
        self,
        plan: Plan | FloatArray,
        weights: FloatArray | None,
        panel: Panel,
        cost: Cost,
        capital: float,
        bars: Market,
        charges: Charges,
    ) -> None:
        self.plan, self.tally = plan, Tally()
        self.asked = self.noted = 0  # closes at which weights or a note came; a note
        self.journal = Journal.blank(panel.shape, weights)
        decide = None
        if isinstance(plan, Plan) and weights is None:
            decide = self._counted(plan.decide(panel, self.tally))
        carry = None
        if not overrides(cost, "holding", before="carry"):
            carry = _Carry(cost, len(panel.dates), tuple(charges.fixed))
        state = State.opened(panel.symbols, capital)
        try:
            state = advance(state, bars, charges, self.journal, decide=decide, carry=carry)
        except TooDear as order:
            raise too_dear(
                charges, cost, order.value, order.row, order.column,
                str(panel.dates[order.row].date()), panel.symbols[order.column],
            ) from None  # fmt: skip
        carried = Carried.nothing(len(panel.dates)) if carry is None else carry.carried()
        read = reader.read(self.journal, bars, charges, carried, state, capital)
        self.account = replace(read, tally=self.tally)

    def _counted(self, decide: Decide) -> Decide:
        def counted(t: int, state: State) -> FloatArray | None:
            before = len(self.tally.notes)
            targets = decide(t, state)
            noted = len(self.tally.notes) > before
            self.noted += noted
            self.asked += noted or targets is not None
            return targets

        return counted

    def tell(self) -> None:
        """Say what decisions went by but the score; refuse a portfolio that never decided."""
        if not isinstance(self.plan, Plan):
            return
        portfolio, notes = self.plan.portfolio, self.tally.notes
        if not np.isfinite(self.journal.targets).any():
            raise ConfigError(notes[0] if notes else portfolio.complaint(self.account.state.memory))
        if notes:
            log.warning(
                "portfolio %s: %d of %d decisions took the fallback; the first: %s",
                portfolio.name,
                self.noted,
                self.asked,
                notes[0],
            )
        for line in self.tally.lines():
            log.warning("%s", line)


class _Carry:
    """Asks a cost model's own `carry` row by row, and keeps what it said, in currency."""

    def __init__(self, cost: Cost, rows: int, trading: tuple[str, ...]) -> None:
        self.cost, self.rows, self.trading = cost, rows, trading
        self.paid: dict[str, FloatArray] = {}
        self.idle: dict[str, FloatArray] = {}

    def __call__(self, t: int, state: State, days: float) -> float:
        """What holding earned over the night before row t, in currency."""
        held = self._asked(state.held, days)
        idle = self._asked(np.zeros_like(state.held), days)
        for name, earned in held.items():
            self.paid.setdefault(name, np.zeros(self.rows))[t] = earned * state.equity
            self.idle.setdefault(name, np.zeros(self.rows))[t] = idle.get(name, 0.0)
        return sum(held[name] for name in sorted(held)) * state.equity

    def _asked(self, weights: FloatArray, days: float) -> dict[str, float]:
        who = f"costs {self.cost.name!r}"
        told = {}
        with blamed(who):
            made = self.cost.carry(weights[None], np.array([days]))
            check_names(self.cost, self.trading, made)
            for name in made:
                earned = np.asarray(made[name], np.float64)
                if earned.shape != (1,) or not np.isfinite(earned[0]):
                    raise PluginError(
                        f"{who}: the carry {name!r} must be finite and of shape (T,): "
                        f"mend {type(self.cost).__name__}.carry"
                    )
                told[name] = float(earned[0])
        return told

    def carried(self) -> Carried:
        """What was said: components that pay on cash alone are interest."""
        cash = sorted(name for name, earned in self.idle.items() if earned.any())
        nothing = np.zeros(self.rows)
        return Carried(
            {name: earned for name, earned in self.paid.items() if name not in cash},
            sum((self.paid[name] for name in cash), nothing),
            sum((self.idle[name] for name in cash), nothing),
        )


def decide_all(
    portfolio: Portfolio, signal: FloatArray, panel: Panel, exposure: FloatArray
) -> FloatArray:
    """Return what a portfolio decides when nothing costs anything, shape (T, N); NaN holds.

    What it holds then is what it decided, filled at the close of the next bar. Nobody is
    delisted: a name that ends is held on, as in a suspension.
    """
    plan, never = Plan(portfolio, signal, exposure), Delisting(after=len(panel.dates) + 1)
    return _kept(plan, panel, _Free(), Backtest(engine="fast"), never).targets


@dataclass(frozen=True)
class _Free(Cost):
    """Nothing costs anything."""

    name: ClassVar[str] = "free"

    def terms(self, panel: Panel) -> Mapping[str, Terms]:
        return {}

    def holding(self, panel: Panel) -> Mapping[str, Holding]:
        return {}
