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
from engine.account.account import Account
from engine.account.advice import advise
from engine.account.carry import Carried, Carrying
from engine.account.charges import charge, explain_too_dear, limits
from engine.account.ledger import Decide, Journal, State, TooDear, advance
from engine.account.options import Backtest
from engine.account.plan import Plan
from engine.account.rows import Charges, Market, market
from engine.account.second import book, no_trips
from engine.account.tally import Tally
from engine.bars import Delisting, Outcomes, hide_stated, outcomes
from engine.core.book import Names
from engine.core.errors import ConfigError, PluginError
from engine.core.kinds import Cost, Portfolio, overrides
from engine.core.panel import FloatArray, Panel
from engine.core.terms import Holding, Terms

log = logging.getLogger(__name__)
PASSES, SETTLED = 20, 1e-10  # of costs that only `trading` tells: most passes, and how near


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
    account = _keep_account(plan, panel, cost, config, delisting or Delisting())
    for line in advise(account, plan.portfolio if isinstance(plan, Plan) else None, cost):
        log.warning("%s", line)
    return account


def _keep_account(
    plan: Plan | FloatArray, panel: Panel, cost: Cost, config: Backtest, delisting: Delisting
) -> Account:
    """The account, kept with the symbols in their order whatever the panel's."""
    from threadpoolctl import threadpool_limits

    if not panel.in_order:
        order = np.argsort(panel.places)
        made = _keep_account(_reorder(plan, order), panel.take(order), cost, config, delisting)
        return made.reorder(panel.places)
    became, seen = outcomes(panel, delisting), hide_stated(panel)
    with threadpool_limits(limits=1, user_api="blas"):  # the same bytes on any machine
        return _settle(plan, seen, cost, config, became)


def _reorder(plan: Plan | FloatArray, order: Names) -> Plan | FloatArray:
    if isinstance(plan, Plan):
        return replace(plan, signal=plan.signal[:, order])
    return plan[:, order] if plan.ndim == 2 and plan.shape[1] == len(order) else plan


def _settle(
    plan: Plan | FloatArray, panel: Panel, cost: Cost, config: Backtest, became: Outcomes
) -> Account:
    """Keep the books until the costs fit the sizes, and compare the last ones with vectorbt's."""
    weights = plan.ask_for_all(panel) if isinstance(plan, Plan) else _validate(plan, panel)
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


def _validate(given: FloatArray, panel: Panel) -> FloatArray:
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
            decide = self._count(plan.decide(panel, self.tally))
        carry = None
        if not overrides(cost, "holding", before="carry"):
            carry = Carrying(cost, len(panel.dates), tuple(charges.fixed))
        state = State.open(panel.symbols, capital)
        try:
            state = advance(state, bars, charges, self.journal, decide=decide, carry=carry)
        except TooDear as order:
            raise explain_too_dear(
                charges, cost, order.value, order.row, order.column,
                str(panel.dates[order.row].date()), panel.symbols[order.column],
            ) from None  # fmt: skip
        carried = Carried.nothing(len(panel.dates)) if carry is None else carry.sum_up()
        read = reader.read(self.journal, bars, charges, carried, state, capital)
        self.account = replace(read, tally=self.tally)

    def _count(self, decide: Decide) -> Decide:
        def decide_and_count(t: int, state: State) -> FloatArray | None:
            before = len(self.tally.notes)
            targets = decide(t, state)
            noted = len(self.tally.notes) > before
            self.noted += noted
            self.asked += noted or targets is not None
            return targets

        return decide_and_count

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


def decide_all(
    portfolio: Portfolio, signal: FloatArray, panel: Panel, exposure: FloatArray
) -> FloatArray:
    """Return what a portfolio decides when nothing costs anything, shape (T, N); NaN holds.

    What it holds then is what it decided, filled at the close of the next bar. Nobody is
    delisted: a name that ends is held on, as in a suspension.
    """
    plan, never = Plan(portfolio, signal, exposure), Delisting(after=len(panel.dates) + 1)
    return _keep_account(plan, panel, _Free(), Backtest(engine="fast"), never).targets


@dataclass(frozen=True)
class _Free(Cost):
    """Nothing costs anything."""

    name: ClassVar[str] = "free"

    def terms(self, panel: Panel) -> Mapping[str, Terms]:
        return {}

    def holding(self, panel: Panel) -> Mapping[str, Holding]:
        return {}
