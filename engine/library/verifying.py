"""Whether kept values are what their formulas give: computed again, and compared bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from engine.core.keeping import OpenStore
from engine.core.panel import Panel
from engine.factors import How
from engine.library.bars import differ, lay
from engine.library.computing import evaluate_whole
from engine.library.identity import Work
from engine.library.records import Registered, State
from engine.library.rows import choose_rows

Place = tuple[str, int]  # a market, and the commit as of which its bars are those of values


@dataclass(frozen=True)
class Wrong:
    """Values that are not what their formula gives: of which factor, how many, the first one.

    Where what several factors have in their formulas is kept once, it is of all of them.
    """

    factor: str
    cells: int
    first: str


def group_by_bars(
    factors: Mapping[str, Registered], states: Mapping[str, State]
) -> dict[Place, dict[str, Registered]]:
    """Return the factors by the bars that their values stand on, or those of their parts."""
    found: dict[Place, dict[str, Registered]] = {}
    for name, factor in factors.items():
        for state in (states.get(key) for key in (factor.series, *factor.parts)):
            if state is not None and state.dates:
                found.setdefault((state.market, state.bars), {})[name] = factor
    return found


def stands_on(state: State | None, at: Place) -> bool:
    """Whether there are values, and they stand on these bars."""
    return state is not None and state.dates > 0 and (state.market, state.bars) == at


def compare(store: OpenStore, works: Mapping[str, Work], panel: Panel, how: How) -> list[Wrong]:
    """Return what is kept otherwise than it is computed."""
    wrong = []
    for name, array in evaluate_whole(works, panel, how).items():
        kept = store.read([works[name].series], panel.dates[0], panel.dates[-1])
        rows = choose_rows(panel.dates, works[name].frequency)
        old = lay(kept, panel.dates, panel.symbols)[0]
        where = differ(old[rows], array[rows])
        if where.any():
            row, column = (int(k) for k in np.argwhere(where)[0])
            at = f"{panel.symbols[column]} on {panel.dates[rows][row]:%Y-%m-%d}"
            wrong.append(Wrong(name, int(where.sum()), at))
    return wrong


def name_users(wrong: Wrong, known: Mapping[str, Registered]) -> Wrong:
    """With the factors that a part belongs to in place of the part."""
    users = [name for name, each in known.items() if wrong.factor[1:] in each.parts]
    return replace(wrong, factor=" ".join(users)) if users else wrong
