"""The second book: vectorbt is given the ledger's orders, and has to come to the same account.

Only this module imports vectorbt. It gets each order as a signed amount of shares with its
price and its rate of fees, and payouts of delisted names as orders at the payout, free of
cost. It cuts purchases for which cash is missing at that moment, and takes the columns of a
row one after another, where the ledger sells first; so its cash starts higher by what the
worst row would need with all purchases first. It knows no cash flows: the carry that the
ledger has booked so far is added to its value.
"""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.account import kernel
from engine.account.ledger import Journal, State
from engine.account.rows import Charges, Market
from engine.core.errors import EngineError
from engine.core.panel import FloatArray

NEAR = 1e-9  # of equity or of the capital, whichever is larger
LEAST = 1e-12  # a price that vectorbt books
LARGE = 64_000_000  # bytes of one array: what waiting for the collector of cycles may not cost
SPARE = 1.01  # times the cash that the worst row needs
TRIPS = (  # of a position, before carry: direction 0 is long and 1 short, status 1 is closed
    "direction", "status", "size", "entry_price", "exit_price", "entry_fees", "exit_fees", "pnl",
    "return",
)  # fmt: skip


def book(
    journal: Journal, market: Market, charges: Charges, state: State, capital: float
) -> pd.DataFrame:
    """Book the journal's orders in vectorbt; raise where the two books differ.

    Shares, fees and price profit are compared row by row, and so is equity.

    Returns
    -------
    pandas.DataFrame
        vectorbt's positions, one row from opening to closing: see `TRIPS`.

    Raises
    ------
    EngineError
        Naming what differs, where, and by how much.
    """
    rows = _alive(journal)
    if not rows or not journal.flow[:rows].any():
        return no_trips()
    size, price, rate, debt = _orders(journal, market, charges, rows)
    theirs = _book_orders(
        size, price, rate, market.mark[:rows], _find_cash(size, price, rate, capital)
    )
    carry = journal.entries[:rows, kernel.CARRY] + debt
    equity = journal.entries[:rows, kernel.EQUITY]
    paid = np.nansum(np.abs(size) * price * rate, axis=1)
    profit = np.diff(equity, prepend=capital) - carry + paid
    scale = np.maximum(np.abs(equity), capital)
    dates = market.dates
    held = np.cumsum(journal.flow[:rows], axis=0)
    worth = np.abs(theirs.shares - held) * market.mark[:rows]
    _refuse_difference("shares", worth.max(axis=1), scale, dates)
    _refuse_difference("fees", np.abs(theirs.fees - paid), scale, dates)
    value = theirs.value - theirs.start + capital
    earned = np.diff(value, prepend=capital) + theirs.fees
    _refuse_difference("price profit", np.abs(earned - profit), scale, dates)
    _refuse_difference("equity", np.abs(value + np.cumsum(carry) - equity), scale, dates)
    return _trips(theirs.positions, dates, state.symbols)


def no_trips() -> pd.DataFrame:
    """The table of an account that vectorbt has not booked, or that never traded."""
    nothing = np.zeros(0, [(name, float) for name in (*TRIPS, "col", "entry_idx", "exit_idx")])
    return _trips(nothing, pd.DatetimeIndex([], tz="UTC"), ())


def _trips(
    records: npt.NDArray[Any], dates: pd.DatetimeIndex, symbols: tuple[str, ...]
) -> pd.DataFrame:
    columns = records["col"].astype(int)
    names = pd.Categorical.from_codes(columns, dtype=pd.CategoricalDtype(list(symbols)))
    numbers = {name: records[name].astype(np.float64) for name in TRIPS}
    stamps = {
        "opened": dates[records["entry_idx"].astype(int)],
        "closed": dates[records["exit_idx"].astype(int)],
    }
    return pd.DataFrame({"symbol": names, **stamps, **numbers})


@dataclass(frozen=True, eq=False)
class _Book:
    """What vectorbt made of the orders."""

    start: float  # cash
    shares: FloatArray  # (T, N)
    fees: FloatArray  # (T,)
    value: FloatArray  # (T,)
    positions: npt.NDArray[Any]  # a record each


def _alive(journal: Journal) -> int:
    """How many rows the account lived."""
    ruined = np.flatnonzero(journal.entries[:, kernel.EQUITY] <= 0.0)
    return int(ruined[0]) if ruined.size else len(journal.entries)


def _orders(
    journal: Journal, market: Market, charges: Charges, rows: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Signed shares (NaN without an order), prices and rates of fees, shape (T, N) each.

    vectorbt books no price of 0 or less: what a payout at one is short of the least price that
    it does book is the fourth, shape (T,), to be added like carry.
    """
    flow = journal.flow[:rows]
    at = np.nonzero(flow)
    size, rate = np.full(flow.shape, np.nan), np.zeros(flow.shape)
    price = market.mark[:rows].copy()
    size[at] = flow[at]
    out = at[0] >= market.gone_from[at[1]]
    paid_out = np.where(flow[at] < 0.0, market.payout_long[at[1]], market.payout_short[at[1]])
    least = np.where(out, np.maximum(paid_out, LEAST), market.price[at])
    owed = np.where(out, -flow[at] * (paid_out - least), 0.0)
    price[at] = least
    rates = charges.rates(np.abs(flow[at]) * price[at], at)
    rate[at] = np.where(out, 0.0, sum((rates[name] for name in sorted(rates)), np.zeros(len(out))))
    debt: FloatArray = np.bincount(at[0], owed, rows).astype(np.float64)
    return size, price, rate, debt


def _find_cash(size: FloatArray, price: FloatArray, rate: FloatArray, capital: float) -> float:
    """Cash to start with, so that purchases that come before the sales of a row are not cut."""
    value = np.nan_to_num(size) * price
    spent = value + np.abs(value) * rate
    bought = np.where(value > 0.0, spent, 0.0).sum(axis=1)
    before = capital - np.concatenate([[0.0], np.cumsum(spent.sum(axis=1))[:-1]])
    return capital + SPARE * max(float((bought - before).max()), 0.0)


def _book_orders(
    size: FloatArray, price: FloatArray, rate: FloatArray, mark: FloatArray, cash: float
) -> _Book:
    import vectorbt as vbt  # slow to import, needed only here

    portfolio = vbt.Portfolio.from_orders(
        mark,
        size=size,
        size_type="amount",
        price=price,
        fees=rate,
        init_cash=cash,
        group_by=True,
        cash_sharing=True,
        max_orders=max(int(np.isfinite(size).sum()), 1),
        freq="1D",
        engine="auto",
    )
    records = portfolio.order_records
    fees = np.asarray(np.bincount(records["idx"], records["fees"], len(size)), np.float64)
    shares = np.asarray(portfolio.assets(), np.float64)
    value = np.asarray(portfolio.value(), np.float64)
    positions = portfolio.positions.values
    del portfolio
    if size.nbytes > LARGE:
        gc.collect()  # it refers to itself, and to copies of all that it was given
    return _Book(cash, shares, fees, value, positions)


def _refuse_difference(
    what: str, difference: FloatArray, scale: FloatArray, dates: pd.DatetimeIndex
) -> None:
    """Raise where a difference is more than rounding."""
    excess = difference / scale
    if not (excess <= NEAR).all():
        row = int(np.flatnonzero(~(excess <= NEAR))[0])
        raise EngineError(
            f"the ledger and vectorbt differ in {what} from {dates[row]:%Y-%m-%d} on, by "
            f"{difference[row]:.6g} of {scale[row]:.6g}: this is a fault of the engine; "
            "backtest.engine=fast leaves vectorbt out"
        )
