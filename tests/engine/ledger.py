"""An account kept by hand, one order at a time: the oracle of engine.backtest.

Plain loops over days, symbols and orders; it shares no code with the engine and does not
know vectorbt.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import median, stdev

import numpy as np


@dataclass
class Terms:
    """What the account is charged and how it is filled."""

    flat: dict[str, float]
    impact: float = 0.0
    window: int = 20
    participation: float | None = None
    borrow: float = 0.0
    interest: float = 0.0
    delisting: float = 0.0
    capital: float = 1e6
    fill: str = "close"
    delist_after: int = 5


@dataclass
class Day:
    """One day of the account."""

    value: float
    held: list[float]
    traded: list[float]
    paid: dict[str, float] = field(default_factory=dict)
    net: float = 0.0


def bar(x: float) -> bool:
    return math.isfinite(x)


class Ledger:
    """The books of one run; `close`, `open` and `volume` are (T, N) with NaN for no bar."""

    def __init__(self, weights, close, open_, volume, days, terms):
        self.weights, self.close, self.open, self.volume = weights, close, open_, volume
        self.days, self.terms = days, terms
        self.length, self.count = close.shape
        self.last = [
            max((t for t in range(self.length) if bar(close[t, i])), default=-1)
            for i in range(self.count)
        ]

    def gone(self, t: int, i: int) -> bool:
        last = self.last[i]
        return 0 <= last < t and self.length - 1 - last >= self.terms.delist_after

    def closing(self, t: int, i: int) -> float:
        """The last close known at the close of t, or what a delisting paid."""
        if self.gone(t, i):
            return self.close[self.last[i], i] * (1.0 + self.terms.delisting)
        for s in range(t, -1, -1):
            if bar(self.close[s, i]):
                return self.close[s, i]
        return 1.0

    def fill_price(self, t: int, i: int) -> float:
        if self.gone(t, i):
            return self.closing(t, i)
        prices = self.open if self.terms.fill == "open" else self.close
        if bar(prices[t, i]):
            return prices[t, i]
        if self.terms.fill == "close":
            return self.closing(t, i)
        return self.closing(t - 1, i) if t else 1.0

    def tradable(self, t: int, i: int) -> bool:
        prices = self.open if self.terms.fill == "open" else self.close
        return bar(self.close[t, i]) and bar(prices[t, i]) and self.cap(t, i) > 0.0

    def usual_volume(self, t: int, i: int) -> float | None:
        seen = [
            self.close[s, i] * self.volume[s, i]
            for s in range(max(0, t - self.terms.window), t)
            if bar(self.close[s, i]) and bar(self.volume[s, i])
        ]
        return median(seen) if seen else None

    def volatility(self, t: int, i: int) -> float:
        seen = []
        for s in range(max(1, t - self.terms.window), t):
            before = [self.close[u, i] for u in range(s) if bar(self.close[u, i])]
            if before and bar(self.close[s, i]):
                seen.append(self.close[s, i] / before[-1] - 1.0)
        return stdev(seen) if len(seen) > 1 else 0.0

    def cap(self, t: int, i: int) -> float:
        """Largest order in shares."""
        volume = self.usual_volume(t, i)
        if self.terms.participation is None or volume is None or t == 0:
            return math.inf
        return self.terms.participation * volume / self.closing(t - 1, i)

    def rates(self, t: int, i: int, size: float) -> dict[str, float]:
        rates = dict(self.terms.flat)
        volume = self.usual_volume(t, i)
        share = size / volume if volume else 0.0
        rates["impact"] = self.terms.impact * self.volatility(t, i) * math.sqrt(share)
        return rates

    def run(self) -> list[Day]:
        """Trade twice: impact is priced at the order sizes of the first time."""
        first = self.trade(np.zeros((self.length, self.count)))
        book = self.trade(np.array([day.traded for day in first]))
        before = self.terms.capital
        held = [0.0] * self.count
        for t, day in enumerate(book):
            year = self.days[t] / 360.0
            shorts = sum(-w for w in held if w < 0.0)
            day.paid = {name: paid / before for name, paid in day.paid.items()}
            day.paid["borrow"] = self.terms.borrow * shorts * year
            day.paid["cash"] = -self.terms.interest * (1.0 - sum(held)) * year
            day.net = day.value / before - 1.0 - day.paid["borrow"] - day.paid["cash"]
            before, held = day.value, day.held
        return book

    def trade(self, sizes) -> list[Day]:
        cash, shares = self.terms.capital, [0.0] * self.count
        waiting: dict[int, float] = {}
        book = []
        for t in range(self.length):
            for i in range(self.count):
                if t and bar(self.weights[t - 1, i]):
                    waiting[i] = self.weights[t - 1, i]
                if self.gone(t, i):
                    waiting[i] = 0.0
            price = [self.fill_price(t, i) for i in range(self.count)]
            value = cash + sum(s * p for s, p in zip(shares, price, strict=True))
            due = [i for i in waiting if self.gone(t, i) or self.tradable(t, i)]
            todo = [(waiting.pop(i) * value - shares[i] * price[i], i) for i in due]
            traded, paid = [0.0] * self.count, {}
            for wanted, i in sorted(todo):  # sales come first
                amount, rates = self.fill(t, i, wanted, sizes[t, i], cash)
                cash -= amount + abs(amount) * sum(rates.values())
                shares[i] += amount / price[i]
                if not self.gone(t, i):
                    traded[i] = abs(amount)
                for name, part in rates.items():
                    paid[name] = paid.get(name, 0.0) + abs(amount) * part
            worth = [shares[i] * self.closing(t, i) for i in range(self.count)]
            total = cash + sum(worth)
            book.append(Day(total, [w / total for w in worth], traded, paid))
        return book

    def fill(self, t: int, i: int, wanted: float, size: float, cash: float):
        """Value that is traded, and the rates that it pays; a delisting pays none."""
        rates = self.rates(t, i, size)
        most = self.cap(t, i) * self.fill_price(t, i)
        if self.gone(t, i):
            rates, most = dict.fromkeys(rates, 0.0), math.inf
        amount = max(-most, min(most, wanted))
        return min(amount, max(cash, 0.0) / (1.0 + sum(rates.values()))), rates
