"""The account at 500 symbols × 2520 days: the ledger beside vectorbt, and a portfolio's decisions.

    python benchmarks/account.py

Milliseconds, the median of seven runs after two; the same weights, prices and costs for both,
made before the clock starts. vectorbt gets the ledger's orders, and is timed without and with
its `value()`. A copy of one array of the size of the prices says what this machine's memory does.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

import engine
from engine.account import second as vectorbt_book
from engine.account.charges import charge, limits
from engine.account.ledger import Journal, State, advance
from engine.account.options import Backtest
from engine.account.plan import Plan
from engine.account.rows import market
from engine.account.tally import Tally
from engine.bars.delisting import Delisting, outcomes
from engine.plugins.costs import Standard
from engine.plugins.portfolios import QuantileLongShort

T, N, RUNS = 2520, 500, 7
CAPITAL = 1e8
TARGETS = {"ledger, monthly": 20.0, "ledger, daily": 50.0, "2520 decisions, daily": 500.0}


def main() -> None:
    panel, signal = bars()
    cost, config = Standard(), Backtest(initial_capital=CAPITAL)
    rows = market(panel, outcomes(panel, Delisting()), config, limits(cost, panel))
    charges = charge(cost, panel)
    decided = quantiles(signal)
    print(f"{'500 x 2520':34s} {'ms':>8s} {'copies':>7s} {'target':>7s}")
    copy = timed(panel["close"].copy)
    say("copy of one array", copy, copy)
    for name, every in (("monthly", 21), ("daily", 1)):
        weights = np.full((T, N), np.nan)
        weights[::every] = decided[::every]
        journal = keep(panel, rows, charges, weights)
        say(f"ledger, {name}", timed(lambda w=weights: keep(panel, rows, charges, w)), copy)
        size, price, rate, _ = vectorbt_book._orders(journal, rows, charges, T)
        cash = vectorbt_book._find_cash(size, price, rate, CAPITAL)
        orders = lambda s=size, p=price, r=rate, c=cash: from_orders(s, p, r, rows.mark, c)  # noqa: E731
        say(f"vectorbt from_orders, {name}", timed(orders), copy)
        say(f"  with value(), {name}", timed(lambda o=orders: o().value()), copy)
    say("2520 decisions, daily", decisions(panel, signal, rows, charges), copy)


def bars() -> tuple[engine.Panel, np.ndarray]:
    """A random walk with volume, and a signal that moves slowly."""
    random = np.random.default_rng(0)
    signal = random.normal(size=(T, N))
    for t in range(1, T):
        signal[t] = 0.95 * signal[t - 1] + 0.3 * signal[t]
    panel = engine.Panel(
        dates=pd.bdate_range("2010-01-01", periods=T, tz="UTC"),
        symbols=tuple(f"S{i:03d}" for i in range(N)),
        fields={
            "close": 50 * np.exp(np.cumsum(random.normal(0, 0.02, (T, N)), axis=0)),
            "volume": random.lognormal(15, 1, (T, N)),
        },
    )
    return panel, signal


def quantiles(signal: np.ndarray) -> np.ndarray:
    """A fifth long, a fifth short, each 1/200 of equity; 0 for the others."""
    order, weights, side = signal.argsort(axis=1), np.zeros((T, N)), N // 5
    np.put_along_axis(weights, order[:, :side], -0.5 / side, axis=1)
    np.put_along_axis(weights, order[:, -side:], 0.5 / side, axis=1)
    return weights


def keep(panel: engine.Panel, rows: Any, charges: Any, weights: np.ndarray) -> Journal:
    journal = Journal.blank((T, N), weights)
    advance(State.open(panel.symbols, CAPITAL), rows, charges, journal)
    return journal


def from_orders(size: Any, price: Any, rate: Any, mark: Any, cash: float) -> Any:
    import vectorbt as vbt

    return vbt.Portfolio.from_orders(
        mark, size=size, size_type="amount", price=price, fees=rate, init_cash=cash,
        group_by=True, cash_sharing=True, max_orders=int(np.isfinite(size).sum()), freq="1D",
        engine="auto",
    )  # fmt: skip


def decisions(panel: engine.Panel, signal: np.ndarray, rows: Any, charges: Any) -> float:
    """Milliseconds inside `decide` of `quantile_long_short`, daily; the median of runs."""
    plan = Plan(QuantileLongShort(rebalance="daily"), signal, np.ones(T))

    def once() -> float:
        spent, decide = 0.0, plan.decide(panel, Tally())

        def clocked(t: int, state: State) -> Any:
            nonlocal spent
            start = time.perf_counter()
            made = decide(t, state)
            spent += time.perf_counter() - start
            return made

        journal = Journal.blank((T, N))
        advance(State.open(panel.symbols, CAPITAL), rows, charges, journal, decide=clocked)
        return spent

    return statistics.median([once() for _ in range(RUNS)]) * 1e3


def timed(work: Callable[[], Any]) -> float:
    for _ in range(2):
        work()
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) * 1e3


def say(name: str, ms: float, copy: float) -> None:
    target = TARGETS.get(name)
    verdict = "" if target is None else f"{target:7.0f}{'' if ms <= target else '  MISSED'}"
    print(f"{name:34s} {ms:8.1f} {ms / copy:7.1f} {verdict}")


if __name__ == "__main__":
    main()
