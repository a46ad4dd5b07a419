"""What an account could not do, why, and what to change: the lines that a run warns with."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from engine.account.account import Account
from engine.core.kinds import Cost, Portfolio
from engine.core.panel import FloatArray

MUCH = 0.01  # of equity on one row: smaller cuts of cash are the fees of a full account
OFTEN = 0.05  # of all weight that was decided
SHOWN = 5  # names in a line


def advise(account: Account, portfolio: Portfolio | None, cost: Cost) -> Iterator[str]:
    """Say what was decided and never filled, one line a cause, with the key to change."""
    if not account.traded.any() and not account.never_traded:
        yield (
            "nothing was ever held, for every target was 0: look at portfolio.gross and at exposure"
        )
    asked = float(account.asked.sum())
    lost = {cause: float(part.sum()) for cause, part in account.unfilled.items()}
    yield from _cash(account, portfolio, cost)
    if lost["cap"] > OFTEN * asked:
        yield (
            f"the cap on the size of orders cut {lost['cap'] / asked:.0%} of the weight decided: "
            f"{_larger_cap(cost)}"
        )
    if lost["suspension"] > OFTEN * asked:
        yield (
            f"{lost['suspension'] / asked:.0%} of the weight decided waited for a bar to trade on "
            "and never met one: look for gaps with engine data check"
        )
    if account.never_traded:
        names = account.never_traded
        yield (
            f"{len(names)} of the names decided to be held never traded ({_join(names)}): they "
            "have no volume to trade in, no bar after a decision, or orders under 1e-8 shares"
        )


def _cash(account: Account, portfolio: Portfolio | None, cost: Cost) -> Iterator[str]:
    """Purchases that found no cash: for want of a sale, or because too much was asked for."""
    starved = account.short_of_cash
    rows = np.flatnonzero(starved > MUCH)
    if not rows.size:
        return
    worst = int(np.argmax(starved))
    text = (
        f"cash ran short on {len(rows)} of {len(starved)} dates; at worst {starved[worst]:.1%} of "
        f"equity was not bought, on {account.dates[worst]:%Y-%m-%d}"
    )
    if _is_explained(starved[rows], account.held_back[rows]):
        yield f"{text}: sales were held back by the cap or a missing bar; {_larger_cap(cost)}"
    else:
        yield f"{text}: more is to be bought than sales and cash pay for; {_smaller(portfolio)}"


def _is_explained(starved: FloatArray, held_back: FloatArray) -> bool:
    """Whether most of the missing cash lies in sales that were held back on the same rows."""
    return float(np.minimum(starved, held_back).sum()) > 0.5 * float(starved.sum())


def _larger_cap(cost: Cost) -> str:
    if _has(cost, "max_participation"):
        return "lower backtest.initial_capital, or raise costs.max_participation"
    return "lower backtest.initial_capital"


def _smaller(portfolio: Portfolio | None) -> str:
    keys = [key for key in ("gross", "net") if portfolio is not None and _has(portfolio, key)]
    return f"lower {' or '.join('portfolio.' + key for key in keys)}" if keys else "ask for less"


def _has(plugin: object, name: str) -> bool:
    return any(field.name == name for field in dataclasses.fields(plugin))  # type: ignore[arg-type]


def _join(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
