"""An account kept by hand, one row and one name at a time: the oracle of engine.account.

It is written from the ledger's rules alone and shares no code with the engine. numpy only reads
the inputs and draws random cases. Sums are `math.fsum`, so the order of the symbols moves no bit.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

SMALLEST = 1e-8  # shares: a smaller order is no order, a smaller holding is none
Targets = Sequence[float | None]
Decide = Callable[[int, list[float], float], Targets | None]


class Refused(Exception):  # noqa: N818 - as it is spoken of
    """A cost rate of 1 or more: its largest component, the row and the column."""

    def __init__(self, component: str, row: int, name: int) -> None:
        super().__init__(f"{component}: a rate of 1 or more on row {row}, column {name}")
        self.component, self.row, self.name = component, row, name


@dataclass
class Setting:
    """What an account is run on: (T, N) arrays or lists, T of them, or N of them, as noted."""

    close: Any  # (T, N), NaN = no bar
    open: Any  # (T, N), NaN = missing
    cap: Any  # (T, N) shares; inf = none, 0 = the bar cannot be traded on
    fixed: dict[str, Any]  # component -> (T, N) share of the traded value
    coefficient: dict[str, Any]  # component -> (T, N), times value ** exponent
    exponent: dict[str, float]
    carry_long: Any  # (T, N) per calendar day, + earned, - paid
    carry_short: Any  # (T, N)
    carry_cash: Any  # (T,)
    days: Any  # (T,) calendar days since the row before; 0 on the first
    capital: float
    fill: str  # "close" or "open"
    after: int  # rows without a bar, up to the last, that make a name delisted
    r_long: Any  # (N,) return on the last close of who is long at a delisting
    r_short: Any  # (N,) the same of who is short

    def plain(self) -> "Setting":
        """The same in Python lists and floats."""
        return Setting(**{one.name: _plain(getattr(self, one.name)) for one in fields(self)})


@dataclass
class Day:
    """One row of the account at its close; `flow` and `price` hold delisting payouts too."""

    equity: float
    cash: float
    shares: list[float]
    flow: list[float]  # signed shares
    price: list[float]  # 0 where there is no flow
    paid: dict[str, float]  # component -> currency
    carry: float  # currency, + earned
    ruined: bool = False  # on the row of the ruin and on all after it


def run(setting: Setting, decide: Decide) -> list[Day]:
    """The account, row by row; a rate of 1 or more raises `Refused`."""
    book = _Book(setting.plain())
    out: list[Day] = []
    targets: Targets | None = None
    for t in range(len(book.s.close)):
        out.append(book.live(t, targets))
        if out[-1].ruined:
            targets = None
        else:
            day = out[-1]
            held = [n * m / day.equity for n, m in zip(day.shares, book.mark, strict=True)]
            targets = decide(t, held, day.equity)
    return out


def returns(days: list[Day], capital: float) -> list[float]:
    """Net simple returns by row: -1 on the row of the ruin, 0 after it."""
    before = [capital, *(day.equity for day in days)]
    return [d.equity / b - 1.0 if b > 0 else 0.0 for d, b in zip(days, before, strict=False)]


class _Book:
    """Cash, shares and waiting orders, and the steps of one row."""

    def __init__(self, s: Setting) -> None:
        self.s, self.names = s, range(len(s.close[0]))
        self.entries, self.ruined = [s.capital], False  # the cash account since the row began
        self.shares = [0.0 for _ in self.names]
        self.mark = [1.0 for _ in self.names]
        self.waiting: list[float | None] = [None for _ in self.names]
        self.gone_from = [_gone_from([row[i] for row in s.close], s.after) for i in self.names]
        self.fees: dict[str, list[float]] = {}  # the row's, by component
        self.day = self.blank()

    @property
    def cash(self) -> float:
        return math.fsum(self.entries)

    def blank(self) -> Day:
        none = [0.0 for _ in self.names]
        return Day(0.0, 0.0, none, none[:], none[:], dict.fromkeys(self.s.fixed, 0.0), 0.0)

    def live(self, t: int, targets: Targets | None) -> Day:
        self.day = self.blank()
        self.day.ruined = self.ruined
        if self.ruined:
            return self.day
        self.entries, self.fees = [self.cash], {k: [] for k in self.s.fixed}
        self.earn(t)
        self.pay_out(t)
        for i in self.names:
            target = None if targets is None else targets[i]
            if target is not None and math.isfinite(target) and t < self.gone_from[i]:
                self.waiting[i] = float(target)
        before, close = self.mark, self.s.close[t]
        self.mark = [c if math.isfinite(c) else m for c, m in zip(close, before, strict=True)]
        price = close if self.s.fill == "close" else self.s.open[t]
        fair = [math.isfinite(close[i]) and math.isfinite(p) and p > 0 for i, p in enumerate(price)]
        otherwise = self.mark if self.s.fill == "close" else before
        value = self.worth([price[i] if fair[i] else otherwise[i] for i in self.names])
        if value > 0:
            self.trade(t, self.due(t, price, fair, value), price)
            value = self.worth(self.mark)
        self.day.paid = {k: math.fsum(parts) for k, parts in self.fees.items()}
        if value > 0:
            self.day.equity, self.day.cash, self.day.shares = value, self.cash, self.shares[:]
        else:
            self.ruined = self.day.ruined = True
        return self.day

    def worth(self, marks: list[float]) -> float:
        return math.fsum([*self.entries, *(n * m for n, m in zip(self.shares, marks, strict=True))])

    def earn(self, t: int) -> None:
        parts = [self.cash * self.s.carry_cash[t]]  # what it was at the close before
        for i, n in enumerate(self.shares):
            rate = self.s.carry_long[t][i] if n > 0 else self.s.carry_short[t][i]
            parts.append(abs(n * self.mark[i]) * rate if n != 0 else 0.0)
        self.day.carry = self.s.days[t] * math.fsum(parts)
        self.entries.append(self.day.carry)

    def pay_out(self, t: int) -> None:
        for i, n in enumerate(self.shares):
            if t >= self.gone_from[i]:
                self.waiting[i] = None
                if n != 0:
                    r, last = (self.s.r_long if n > 0 else self.s.r_short)[i], self.mark[i]
                    self.book(i, -n, max(last * (1.0 + r), 1e-9 * abs(last)))
                    self.shares[i] = 0.0

    def book(self, i: int, q: float, price: float) -> None:
        self.entries.append(-q * price)
        self.shares[i] += q
        self.day.flow[i], self.day.price[i] = q, price

    def due(self, t: int, price: list[float], fair: list[bool], value: float) -> dict[int, float]:
        """Signed shares wanted by the orders that the row can fill, which no longer wait."""
        wanted = {}
        for i, target in enumerate(self.waiting):
            cap = self.s.cap[t][i]
            if target is None or not fair[i] or not cap > 0 or t >= self.gone_from[i]:
                continue
            self.waiting[i] = None
            q = target * value / price[i] - self.shares[i]
            wanted[i] = self.rounded(i, math.copysign(min(abs(q), cap), q))
        return {i: q for i, q in wanted.items() if q != 0}

    def rounded(self, i: int, q: float) -> float:
        if abs(q) < SMALLEST:
            return 0.0
        return -self.shares[i] if abs(self.shares[i] + q) < SMALLEST else q

    def trade(self, t: int, wanted: dict[int, float], price: list[float]) -> None:
        for i in [i for i, q in wanted.items() if q < 0]:
            self.fill(t, i, wanted[i], price[i])
        buys = {i: q for i, q in wanted.items() if q > 0}
        part = self.affordable(t, {i: q * price[i] for i, q in buys.items()})
        for i, q in buys.items():
            bought = q if part == 1.0 else self.rounded(i, part * q)
            if bought != 0:
                self.fill(t, i, bought, price[i])

    def fill(self, t: int, i: int, q: float, price: float) -> None:
        rates = self.rates(t, i, abs(q) * price)
        if math.fsum(rates.values()) >= 1:
            raise Refused(max(rates, key=lambda name: rates[name]), t, i)
        for name, rate in rates.items():
            self.fees[name].append(abs(q) * price * rate)
            self.entries.append(-abs(q) * price * rate)
        closed = q == -self.shares[i]
        self.book(i, q, price)
        self.shares[i] = 0.0 if closed else self.shares[i]

    def rates(self, t: int, i: int, v: float) -> dict[str, float]:
        s = self.s
        return {k: s.fixed[k][t][i] + s.coefficient[k][t][i] * v ** s.exponent[k] for k in s.fixed}

    def affordable(self, t: int, values: dict[int, float]) -> float:
        """The part of all purchases that the cash pays for, by Newton's steps down from 1.

        What purchases need is rising and convex in the part, so steps from above never overshoot.
        """
        s, budget = self.s, max(self.cash, 0.0)

        def need(x: float) -> float:
            parts = (x * v * (1 + math.fsum(self.rates(t, i, x * v).values())) for i, v in pairs)
            return math.fsum(parts)

        def slope(x: float) -> float:
            grown = [
                v * s.coefficient[k][t][i] * s.exponent[k] * (x * v) ** s.exponent[k]
                for i, v in pairs
                for k in s.fixed
            ]
            return need(x) / x + math.fsum(grown)

        pairs = list(values.items())
        if need(1.0) <= self.cash or not pairs:
            return 1.0
        if budget == 0:
            return 0.0
        x = 1.0
        for _ in range(500):
            step = (need(x) - budget) / slope(x)
            x -= step
            if x < 1e-14:
                return 0.0
            if abs(step) <= 1e-15 * x:
                break
        return x


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, str | int | float):
        return value
    return np.asarray(value, dtype=float).tolist()


def _gone_from(closes: list[float], after: int) -> int:
    """The row on which a delisting is known and paid; the number of rows where there is none."""
    bars = [t for t, close in enumerate(closes) if math.isfinite(close)]
    ended = bool(bars) and len(closes) - 1 - bars[-1] >= after
    return bars[-1] + after if ended else len(closes)


def fixed_targets(weights: Any) -> Decide:
    """A decision that looks up the row of `weights` (T, N); NaN is no order."""
    rows = _plain(weights)
    return lambda t, held, equity: [w if math.isfinite(w) else None for w in rows[t]]
