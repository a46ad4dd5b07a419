"""The ledger's loop, compiled: one row after another, from what is held to what is held.

Each row t, in this order:

1. Carry: what was held overnight, at the marks of t-1, and the cash earn or pay; into cash.
2. Delistings: who holds a name that has gone is paid out, free of cost; its orders lapse.
3. The fill: shares are marked at the price that orders are filled at (or at the last known
   price, where a name has none). No equity left: ruin, and nothing is traded.
4. Targets decided at t-1 replace the orders that wait. An order whose bar can be traded on
   becomes shares: target × equity / price less what is held, cut to the cap. The rest wait.
5. Sales and shorts are filled, and pay their costs at the size traded.
6. Purchases, covers too, follow. Where cash binds they are scaled by one λ, which solves
   Σ λv (1 + fixed + Σ coefficient × (λv) ^ exponent) = cash. The sums of v (1 + fixed) and
   of coefficient × v ^ (1 + exponent) do not hold λ, so that bisection costs nothing.
7. The close: shares are marked at the last known close. No equity left: ruin.

Market data have a row per date. The state is changed in place; `entries` gets one row of numbers
per date, `flow` the signed shares that were traded or paid out.

```
 row     prices, caps, rates, targets (T, N)    entries (T, COLUMNS)    flow (T, N)
 t-1     · · · ·
  t      · · · ·  ──▶ state (N,), `money` ──▶   · · · · · · ·           · · · ·
```
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.core.panel import FloatArray
from engine.kernels.cache import njit

IntArray = npt.NDArray[np.int64]

DUST = 1e-8  # shares: a smaller order is none, and a smaller rest goes with its order
CLOSE_ENOUGH = 1e-12  # of λ

# columns of `entries`
CARRY, VALUE, CASH, EQUITY = range(4)  # currency: earned; at the fill; at the close
ASKED = 4  # fraction of equity that was decided
BY_CAP, BY_SUSPENSION, BY_CASH, BY_SIZE = range(5, 9)  # of it: never filled, and why
SHORT, HELD_BACK = range(9, 11)  # fractions of equity: cash missing today; sales held back today
WAITED, DROPPED = range(11, 13)  # counts
COLUMNS = 13
# places of `money`; the last one holds the value of an order that was too dear
MONEY_CASH, MONEY_EQUITY, MONEY_RUINED, MONEY_ORDER = range(4)
# how a call ends
DONE, RUINED, TOO_DEAR = range(3)


def _signature() -> Any:
    """One type per argument, whatever the layout of an array, so that it compiles once."""
    from numba import boolean, float64, int64, types

    def read(ndim: int) -> Any:
        return types.Array(float64, ndim, "A", readonly=True)

    whole = types.Array(int64, 1, "A", readonly=True)
    vector, table = float64[::1], float64[:, ::1]
    market = (read(2), read(2), boolean, read(2), whole, read(1), read(1))
    costs = (read(2), read(3), read(1), read(2), read(2), read(1), read(1), read(1))
    state = (vector, vector, vector, vector, vector, vector, vector)
    result: Any = types.UniTuple(int64, 3)  # type: ignore[no-untyped-call]
    return result(*market, *costs, read(2), *state, table, table, int64, int64)


compiled = njit(cache=True, nogil=True, error_model="numpy")


@compiled
def accrue(
    shares: FloatArray, last: FloatArray, long_rate: FloatArray, short_rate: FloatArray
) -> float:
    """What holding earns in a day, in currency."""
    earned = 0.0
    for i in range(len(shares)):
        worth = shares[i] * last[i]
        earned += worth * long_rate[i] if shares[i] > 0.0 else -worth * short_rate[i]
    return earned


@compiled
def settle(
    t: int,
    gone_from: IntArray,
    payout_long: FloatArray,
    payout_short: FloatArray,
    shares: FloatArray,
    waiting: FloatArray,
    owed: FloatArray,
    cause: FloatArray,
    issued: FloatArray,
    flow: FloatArray,
    book: FloatArray,
) -> float:
    """Pay out names that have gone, and drop their orders; return what was paid."""
    paid = 0.0
    for i in range(len(shares)):
        if t < gone_from[i]:
            continue
        if shares[i] != 0.0:
            paid += shares[i] * (payout_long[i] if shares[i] > 0.0 else payout_short[i])
            flow[i] = -shares[i]
            shares[i] = 0.0
        book[int(cause[i])] += abs(owed[i])
        owed[i], waiting[i] = 0.0, np.nan
        if not np.isnan(issued[i]):
            book[DROPPED] += issued[i] != 0.0
            issued[i] = np.nan
    return paid


@compiled
def appraise(price: FloatArray, known: FloatArray, shares: FloatArray, at: FloatArray) -> float:
    """Write the price of each name at the fill, or what is known; return what is held at it."""
    worth = 0.0
    for i in range(len(shares)):
        at[i] = known[i] if np.isnan(price[i]) else price[i]
        worth += shares[i] * at[i]
    return worth


@compiled
def drop_dust(q: float, held: float) -> float:
    """An order in shares without dust: none, or one that closes the position, or itself."""
    kept = -held if abs(held + q) < DUST else q
    return 0.0 if abs(q) < DUST else kept


@compiled
def place(
    value: float,
    price: FloatArray,
    at: FloatArray,
    cap: FloatArray,
    shares: FloatArray,
    waiting: FloatArray,
    owed: FloatArray,
    cause: FloatArray,
    issued: FloatArray,
    order: FloatArray,
    book: FloatArray,
) -> bool:
    """Let new targets wait in place of old ones; make orders of those that can be traded.

    What an older target still owes and the new one does not ask for again is lost. Returns
    whether there is any order.
    """
    part, some = 1.0 / value, False
    for i in range(len(shares)):
        order[i] = 0.0
        new = not np.isnan(issued[i])
        if not new and np.isnan(waiting[i]):
            continue
        tradable = not np.isnan(price[i]) and cap[i] > 0.0
        if new:
            asked = issued[i] - shares[i] * at[i] * part
            book[ASKED] += abs(asked)
            if owed[i] != 0.0:
                again = min(abs(asked), abs(owed[i])) if asked * owed[i] > 0.0 else 0.0
                book[int(cause[i])] += abs(owed[i]) - again
                book[ASKED] -= again
            waiting[i], owed[i], cause[i] = issued[i], asked, BY_SUSPENSION
            if not tradable and (shares[i] != 0.0 or issued[i] != 0.0):
                book[WAITED] += 1.0
                book[HELD_BACK] += max(-asked, 0.0)
        if tradable:
            q = waiting[i] * value / at[i] - shares[i]
            waiting[i], owed[i] = np.nan, 0.0
            if abs(q) > cap[i]:
                within = min(max(q, -cap[i]), cap[i])
                owed[i], cause[i] = (q - within) * at[i] * part, BY_CAP
                book[HELD_BACK] += max(-owed[i], 0.0)
                q = within
            order[i] = drop_dust(q, shares[i])
            if order[i] == 0.0 and q != 0.0:
                owed[i], cause[i] = q * at[i] * part, BY_SIZE
            some |= order[i] != 0.0
    return some


@compiled
def quote(
    order: FloatArray,
    at: FloatArray,
    fixed: FloatArray,
    coefficient: FloatArray,
    exponent: FloatArray,
    size: FloatArray,
    paid: FloatArray,
) -> None:
    """Write the values of the orders, and what they pay as fractions of them."""
    for i in range(len(order)):
        size[i] = abs(order[i]) * at[i]
        paid[i] = fixed[i]
    for m in range(len(exponent)):
        for i in range(len(order)):
            if exponent[m] == 0.5:
                paid[i] += coefficient[m, i] * np.sqrt(size[i])
            elif size[i] > 0.0:
                paid[i] += coefficient[m, i] * size[i] ** exponent[m]


@compiled
def find_affordable(
    cash: float,
    order: FloatArray,
    size: FloatArray,
    fixed: FloatArray,
    coefficient: FloatArray,
    exponent: FloatArray,
) -> float:
    """The part λ of all purchases that the cash pays for, from 0 to 1, when it binds."""
    linear = 0.0
    scale = np.zeros(len(exponent))
    for i in range(len(order)):
        if order[i] > 0.0:
            linear += size[i] * (1.0 + fixed[i])
            for m in range(len(exponent)):
                scale[m] += coefficient[m, i] * size[i] * size[i] ** exponent[m]
    low, high = 0.0, 1.0
    while high - low > CLOSE_ENOUGH:
        middle = 0.5 * (low + high)
        need = middle * linear
        for m in range(len(exponent)):
            need += scale[m] * middle ** (1.0 + exponent[m])
        if need <= cash:
            low = middle
        else:
            high = middle
    return low


@compiled
def spend(sign: float, order: FloatArray, size: FloatArray, paid: FloatArray) -> float:
    """What the orders of one sign take from the cash, their costs included."""
    spent = 0.0
    for i in range(len(order)):
        spent += size[i] * (sign + paid[i]) if order[i] * sign > 0.0 else 0.0
    return spent


@compiled
def trade(
    cash: float,
    value: float,
    order: FloatArray,
    at: FloatArray,
    fixed: FloatArray,
    coefficient: FloatArray,
    exponent: FloatArray,
    shares: FloatArray,
    owed: FloatArray,
    cause: FloatArray,
    size: FloatArray,
    paid: FloatArray,
    book: FloatArray,
) -> float:
    """Fill the orders, sales first, purchases as far as the cash goes; return the cash."""
    quote(order, at, fixed, coefficient, exponent, size, paid)
    cash -= spend(-1.0, order, size, paid)
    if spend(1.0, order, size, paid) > cash:
        share = find_affordable(cash, order, size, fixed, coefficient, exponent)
        for i in range(len(order)):
            if order[i] > 0.0:
                cut = (1.0 - share) * size[i] / value
                book[SHORT] += cut
                if cut > owed[i]:
                    cause[i] = BY_CASH
                owed[i] += cut
                order[i] = drop_dust(share * order[i], shares[i])
        quote(order, at, fixed, coefficient, exponent, size, paid)
    return cash - spend(1.0, order, size, paid)


@compiled
def find_too_dear(order: FloatArray, paid: FloatArray) -> int:
    """The first order that pays its value or more; -1 where there is none."""
    worst = 0.0
    for i in range(len(order)):
        worst = max(worst, paid[i] if order[i] != 0.0 else 0.0)
    if worst < 1.0:
        return -1
    found = 0
    while order[found] == 0.0 or paid[found] < 1.0:
        found += 1
    return found


@compiled
def close(
    order: FloatArray,
    shares: FloatArray,
    flow: FloatArray,
    mark: FloatArray,
    last: FloatArray,
    targets: FloatArray,
    issued: FloatArray,
) -> float:
    """Take the orders into what is held, and return what that is worth at the close."""
    worth = 0.0
    for i in range(len(order)):
        shares[i] += order[i]
        flow[i] += order[i]  # of a name that was paid out the order is 0
        last[i], issued[i] = mark[i], targets[i]
        worth += shares[i] * mark[i]
    return worth


@cache
def load_loop() -> Callable[..., tuple[int, int, int]]:
    """`post`, compiled: where no account is kept, nothing waits for it."""
    how = njit(_signature(), cache=True, nogil=True, error_model="numpy")
    compiled_post: Callable[..., tuple[int, int, int]] = how(post)
    return compiled_post


def post(
    price: FloatArray,  # (T, N) that orders are filled at; NaN where none can be
    mark: FloatArray,  # (T, N) last known close; finite
    at_open: bool,  # whether orders are filled at the open, when today's close is not known
    cap: FloatArray,  # (T, N) largest order, in shares; 0: the bar cannot be traded on
    gone_from: IntArray,  # (N,) first row on which a name has gone; T or more: never
    payout_long: FloatArray,  # (N,) price that a long in a name that has gone is paid
    payout_short: FloatArray,  # (N,) price that a short in it is settled at
    fixed: FloatArray,  # (T, N) rate of trading, whatever the size
    coefficient: FloatArray,  # (M, T, N) of value ^ exponent
    exponent: FloatArray,  # (M,)
    long_rate: FloatArray,  # (T, N) earned on longs, per calendar day
    short_rate: FloatArray,  # (T, N) earned on shorts, per calendar day
    cash_rate: FloatArray,  # (T,) earned on cash, per calendar day
    days: FloatArray,  # (T,) calendar days since the row before
    given: FloatArray,  # (T,) carry that somebody else has computed, in currency
    targets: FloatArray,  # (T, N) weights decided at each close; NaN holds
    shares: FloatArray,  # (N,) held
    waiting: FloatArray,  # (N,) targets of orders that wait; NaN without one
    owed: FloatArray,  # (N,) part of the last target that is not filled, as a fraction of equity
    cause: FloatArray,  # (N,) why
    issued: FloatArray,  # (N,) targets decided at the close before
    last: FloatArray,  # (N,) marks at the close before
    money: FloatArray,  # cash, equity, whether ruined
    flow: FloatArray,  # (T, N) out: signed shares
    entries: FloatArray,  # (T, COLUMNS) out
    start: int,
    stop: int,
) -> tuple[int, int, int]:
    """Keep the books from row `start` to row `stop`; return (how it ended, row, column)."""
    n = len(shares)
    at = np.zeros(n)  # price of each name at the fill
    order, size, paid = np.zeros(n), np.zeros(n), np.zeros(n)  # shares; currency; part of it
    for t in range(start, stop):
        if money[MONEY_RUINED] != 0.0:
            return RUINED, t - 1, -1
        book, cash = entries[t], money[MONEY_CASH]
        earned = accrue(shares, last, long_rate[t], short_rate[t])  # 1
        book[CARRY] = days[t] * (earned + cash * cash_rate[t]) + given[t]
        cash += book[CARRY]
        cash += settle(  # 2
            t, gone_from, payout_long, payout_short,
            shares, waiting, owed, cause, issued, flow[t], book,
        )  # fmt: skip
        known = last if at_open else mark[t]
        value = cash + appraise(price[t], known, shares, at)  # 3
        book[VALUE] = value
        if value > 0.0:
            if place(
                value, price[t], at, cap[t], shares, waiting, owed, cause, issued, order, book
            ):  # 4
                cash = trade(  # 5 and 6
                    cash, value, order, at, fixed[t], coefficient[:, t], exponent,
                    shares, owed, cause, size, paid, book,
                )  # fmt: skip
                column = find_too_dear(order, paid)
                if column >= 0:
                    money[MONEY_ORDER] = size[column]
                    return TOO_DEAR, t, column
            value = cash + close(order, shares, flow[t], mark[t], last, targets[t], issued)  # 7
        money[MONEY_CASH], money[MONEY_EQUITY] = cash, value
        book[CASH], book[EQUITY] = cash, value
        if value <= 0.0:
            money[MONEY_RUINED] = 1.0
            return RUINED, t, -1
    return DONE, stop, -1
