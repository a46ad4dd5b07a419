"""What became of the money, per date: the ledger's journal, read as returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.account import kernel
from engine.account.carry import Carried
from engine.account.charges import total
from engine.account.ledger import Journal, State
from engine.account.rows import Charges, Market
from engine.account.tally import Tally
from engine.core.panel import FloatArray

CAUSES = ("cap", "suspension", "cash", "size")


@dataclass(frozen=True, eq=False)
class Account:
    """What became of the money, per date; every array is finite.

    Parameters
    ----------
    dates : pandas.DatetimeIndex, shape (T,)
    symbols : tuple of str, length N
    targets : float array, shape (T, N)
        Weights decided at each close; NaN holds. The one array here with NaN.
    net, gross : float array, shape (T,)
        Simple returns after, and before, trading costs, fees for holding and losses on
        delistings. Both hold the interest on cash.
    equity : float array, shape (T,)
        Currency, at the close.
    realised : float array, shape (T, N)
        Weights held at the close, after trading, as fractions of equity.
    traded : float array, shape (T, N)
        |order value| over the equity of the day before; 0 without an order.
    costs : mapping of str to float array, shape (T,)
        By component, positive when paid, as fractions of the equity of the day before.
    interest : float array, shape (T,)
        Earned on cash, negative when paid; a fraction of the equity of the day before.
    delisting : float array, shape (T,)
        Lost on names that were delisted, against their last close, >= 0; a fraction of the
        equity of the day before. A gain on one is no loss on another.
    payouts : pandas.DataFrame
        One row per holding in a name that was delisted: ``timestamp``, ``symbol``, ``shares``
        (signed), ``last_close`` and ``payout`` (per share), ``contribution`` (of the
        difference, to that day's return).
    risk_free : float array, shape (T,)
        Return of an account that was all in cash.
    asked : float array, shape (T,)
        Σ |weight decided - weight held| when the targets were issued; what an older target
        still owed is not counted again.
    unfilled : mapping of str to float array, shape (T,)
        The part of `asked` that was never filled, by cause: ``cap``, ``suspension``, ``cash`` or
        ``size`` (less than 1e-8 shares); on the row on which a newer target no longer asks for
        it, or the last.
    short_of_cash : float array, shape (T,)
        Purchases of the day that found no cash, whether they were filled later or not.
    orders : pandas.DataFrame
        One row per order that was filled: ``timestamp``, ``symbol``, ``shares`` (signed),
        ``price`` and ``rate`` (costs as a fraction of the value).
    held_back : float array, shape (T,)
        Sales that the cap or a missing bar held back; the cash of a purchase may hang on them.
    pending, dropped : int
        Targets that had to wait for a bar; targets for symbols that were gone.
    never_traded : tuple of str
        Symbols that were decided to be held and never traded.
    bankrupt_on : pandas.Timestamp, optional
        The first date with no equity left; nothing after it counts.
    round_trips : pandas.DataFrame
        vectorbt's positions (`engine.account.second`), one row from opening to closing; empty
        where it was left out.
    tally : Tally
        What the decisions went by.
    state : State
        At the close of the last row: what the account can be gone on with.
    """

    dates: pd.DatetimeIndex
    symbols: tuple[str, ...]
    targets: FloatArray
    net: FloatArray
    gross: FloatArray
    equity: FloatArray
    realised: FloatArray
    traded: FloatArray
    costs: Mapping[str, FloatArray]
    interest: FloatArray
    delisting: FloatArray
    payouts: pd.DataFrame
    risk_free: FloatArray
    asked: FloatArray
    unfilled: Mapping[str, FloatArray]
    short_of_cash: FloatArray
    held_back: FloatArray
    orders: pd.DataFrame
    pending: int
    dropped: int
    never_traded: tuple[str, ...]
    bankrupt_on: pd.Timestamp | None
    state: State
    tally: Tally = field(default_factory=Tally)
    round_trips: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def turnover(self) -> FloatArray:
        """Two-way: Σ |order value| over the equity of the day before, shape (T,)."""
        return self._sum(self.traded)

    @property
    def long(self) -> FloatArray:
        """Σ of the positive weights, shape (T,)."""
        return self._sum(np.maximum(self.realised, 0.0))

    @property
    def short(self) -> FloatArray:
        """Σ of the sizes of the negative weights, shape (T,), >= 0."""
        return self._sum(np.maximum(-self.realised, 0.0))

    @property
    def decisions(self) -> dict[str, float]:
        """What the decisions went by, for ``metrics.json``."""
        return self.tally.numbers()

    def _sum(self, array: FloatArray) -> FloatArray:
        """Σ over the symbols in the order of their names, whatever the account's."""
        order = np.argsort(self.symbols)
        if (order != np.arange(len(order))).any():
            array = array[:, order]
        added: FloatArray = np.ascontiguousarray(array).sum(axis=1)
        return added

    def frame(self) -> pd.DataFrame:
        """One row per date.

        Returns
        -------
        pandas.DataFrame
            ``timestamp`` (UTC), ``net``, ``gross``, ``equity``, ``turnover``, one
            ``cost_<component>`` each, ``delisting`` (lost), ``interest``, ``risk_free``,
            ``long``, ``short`` (>= 0) and ``cash`` (fraction of equity, with the proceeds of
            shorts).
        """
        alive, long, short = (self.equity > 0.0).astype(np.float64), self.long, self.short
        columns = {
            "timestamp": self.dates,
            "net": self.net,
            "gross": self.gross,
            "equity": self.equity,
            "turnover": self.turnover,
            **{f"cost_{name}": paid for name, paid in self.costs.items()},
            "delisting": self.delisting,
            "interest": self.interest,
            "risk_free": self.risk_free,
            "long": long,
            "short": short,
            "cash": alive * (1.0 - long + short),
        }
        return pd.DataFrame(columns)

    def reorder(self, columns: npt.NDArray[np.intp]) -> Account:
        """The account with its symbols in another order."""
        arrays = {name: getattr(self, name)[:, columns] for name in _BY_SYMBOL}
        return replace(self, symbols=tuple(self.symbols[i] for i in columns), **arrays)


_BY_SYMBOL = ("targets", "realised", "traded")


def read(
    journal: Journal,
    market: Market,
    charges: Charges,
    carried: Carried,
    state: State,
    capital: float,
) -> Account:
    """Read a journal, from the account's first row on, as returns.

    Every sum over symbols runs in their order, so that it does not hang on the panel's.
    """
    book = journal.entries
    raw = book[:, kernel.EQUITY]
    ruined = np.flatnonzero(raw <= 0.0)
    stop = int(ruined[0]) if ruined.size else len(raw)
    before = np.concatenate([[capital], raw[:-1]])
    before[stop + 1 :] = 1.0  # nothing happens there
    net = np.where(np.arange(len(raw)) < stop, raw / before - 1.0, 0.0)
    net[stop : stop + 1] = -1.0
    worth = np.cumsum(journal.flow, axis=0)
    worth *= market.mark
    costs, interest = _charge_holding(worth, book, before, capital, market, charges, carried)
    orders, traded, paid = _trades(journal.flow, before, market, charges, state.symbols)
    payouts, lost = _payouts(journal.flow, before, market, state.symbols)
    costs = {**paid, **costs}
    equity = np.where(np.arange(len(raw)) < stop, raw, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        realised = np.divide(worth, raw[:, None], out=worth)
    realised[stop:] = 0.0
    return Account(
        dates=market.dates,
        symbols=state.symbols,
        targets=journal.targets,
        net=net,
        gross=net + sum((np.maximum(c, 0.0) for c in costs.values()), lost),
        equity=equity,
        realised=realised,
        traded=traded,
        costs=costs,
        interest=interest,
        delisting=lost,
        payouts=payouts,
        risk_free=market.days * total(charges.cash, market.days.shape) + carried.risk_free,
        asked=book[:, kernel.ASKED],
        unfilled=_count_unfilled(book, state),
        short_of_cash=book[:, kernel.SHORT],
        held_back=book[:, kernel.HELD_BACK],
        orders=orders,
        pending=int(book[:, kernel.WAITED].sum()),
        dropped=int(book[:, kernel.DROPPED].sum()),
        never_traded=_never(journal.targets, traded, state.symbols),
        bankrupt_on=market.dates[stop] if stop < len(raw) else None,
        state=state,
    )


def _charge_holding(
    worth: FloatArray,
    book: FloatArray,
    before: FloatArray,
    capital: float,
    market: Market,
    charges: Charges,
    carried: Carried,
) -> tuple[dict[str, FloatArray], FloatArray]:
    """What holding cost, by component, and the interest on cash, over the equity before."""
    held = _previous(worth)
    days = market.days / before
    alive = book[:, kernel.VALUE] != 0.0
    costs = {}
    for name in sorted({*charges.long, *charges.short}):
        earned = np.zeros(len(held))
        if name in charges.long:
            earned += (np.maximum(held, 0.0) * charges.long[name]).sum(axis=1)
        if name in charges.short:
            earned += (np.maximum(-held, 0.0) * charges.short[name]).sum(axis=1)
        costs[name] = np.where(alive, -earned * days, 0.0)
    cash = np.concatenate([[capital], book[:-1, kernel.CASH]])
    interest = cash * total(charges.cash, days.shape) * days
    costs |= {name: -earned / before for name, earned in carried.paid.items()}
    return costs, np.where(alive, interest + carried.interest / before, 0.0)


def _trades(
    flow: FloatArray,
    before: FloatArray,
    market: Market,
    charges: Charges,
    symbols: tuple[str, ...],
) -> tuple[pd.DataFrame, FloatArray, dict[str, FloatArray]]:
    """The orders, |value| over equity by date and symbol, and costs by component."""
    rows, columns = np.nonzero(flow)
    here = rows < market.gone_from[columns]
    at = (rows[here], columns[here])
    price = market.price[at]
    value = np.abs(flow[at]) * price
    rates = charges.rates(value, at)
    traded = np.zeros(flow.shape)
    traded[at] = value / before[at[0]]
    paid = {name: _by_row(at[0], value * rate, len(flow)) / before for name, rate in rates.items()}
    together = sum((rates[name] for name in sorted(rates)), np.zeros(len(value)))
    columns_of = {"shares": flow[at], "price": price, "rate": together}
    return _tabulate(at, columns_of, market.dates, symbols), traded, paid


def _payouts(
    flow: FloatArray, before: FloatArray, market: Market, symbols: tuple[str, ...]
) -> tuple[pd.DataFrame, FloatArray]:
    """Holdings that were paid out on delisting, and what was lost on them by date."""
    rows, columns = np.nonzero(flow)
    gone = rows >= market.gone_from[columns]
    at = (rows[gone], columns[gone])
    shares = -flow[at]
    last = market.mark[at[0] - 1, at[1]]
    payout = np.where(shares > 0.0, market.payout_long[at[1]], market.payout_short[at[1]])
    gained = shares * (payout - last) / before[at[0]]
    lost = _by_row(at[0], np.maximum(-gained, 0.0), len(flow))
    table = {"shares": shares, "last_close": last, "payout": payout, "contribution": gained}
    return _tabulate(at, table, market.dates, symbols), lost


def _by_row(rows: npt.NDArray[np.intp], values: FloatArray, length: int) -> FloatArray:
    """The sum of the values of each row, shape (length,)."""
    added: FloatArray = np.bincount(rows, values, length).astype(np.float64)  # whole without any
    return added


def _tabulate(
    at: tuple[npt.NDArray[np.intp], ...],
    columns: Mapping[str, FloatArray],
    dates: pd.DatetimeIndex,
    symbols: tuple[str, ...],
) -> pd.DataFrame:
    """A row per place of a (T, N) array, with its date and symbol."""
    names = pd.Categorical.from_codes(at[1], dtype=pd.CategoricalDtype(list(symbols)))
    return pd.DataFrame({"timestamp": dates[at[0]], "symbol": names, **columns})


def _count_unfilled(book: FloatArray, state: State) -> dict[str, FloatArray]:
    """What was lost by row and cause, with what is still owed at the end."""
    columns = (kernel.BY_CAP, kernel.BY_SUSPENSION, kernel.BY_CASH, kernel.BY_SIZE)
    lost = {cause: book[:, column].copy() for cause, column in zip(CAUSES, columns, strict=True)}
    for cause, column in zip(CAUSES, columns, strict=True):
        lost[cause][-1:] += np.abs(state.owed[state.cause == column]).sum()
    return lost


def _never(targets: FloatArray, traded: FloatArray, symbols: tuple[str, ...]) -> tuple[str, ...]:
    """Symbols that some row before the last decided to hold, and that have no order."""
    wanted = (np.nan_to_num(targets[:-1]) != 0.0).any(axis=0)
    idle = wanted & ~(traded != 0.0).any(axis=0)
    return tuple(sorted(symbols[i] for i in np.flatnonzero(idle)))


def _previous(array: FloatArray) -> FloatArray:
    """The rows one day later; zeros come first."""
    moved = np.zeros_like(array)
    moved[1:] = array[:-1]
    return moved
