"""The account: from decisions to what became of the money.

options    capital and fills
rows       what the ledger trades against: prices, caps, delistings; what it charges
charges    from a cost plugin to rates
kernel     the compiled loop
ledger     the state of an account, and `advance`
plan       a portfolio, asked at each close; tally counts what it decided by
carry      a cost model's own `carry`, asked row by row
simulate   portfolio, panel and costs → account
account    the journal, read as returns
advice     what was decided and never filled, and what to change
second     vectorbt books the same orders
"""

from __future__ import annotations

from engine.account.account import CAUSES, Account
from engine.account.kernel import load_loop
from engine.account.ledger import State, advance
from engine.account.options import Backtest
from engine.account.plan import Plan
from engine.account.simulation import decide_all, simulate

__all__ = [
    "CAUSES",
    "Account",
    "Backtest",
    "Plan",
    "State",
    "advance",
    "decide_all",
    "load_loop",
    "simulate",
]
