"""Findings about the times of bars; see `engine.bars.clock`."""

from __future__ import annotations

import numpy as np

from engine.bars import DAILY, oddities, rows_a_session
from engine.bars.inspect.finding import EXAMPLES, DataFinding, Example
from engine.bars.inspect.tape import Tape, day_text

WHAT = (
    "rows a session: bars below a day. What counts days counts rows: label.horizon, "
    "validation, delisting.after, windows in formulas"
)


def times(bars: Tape) -> list[DataFinding]:
    """Return what is odd about the stamps of daily bars, or that bars are below a day."""
    rows = rows_a_session(bars.days, bars.day, bars.name)
    found = [
        DataFinding(
            name=odd.name,
            count=int(np.isin(bars.day, odd.days).sum()),
            share=float(np.isin(bars.day, odd.days).mean()),
            severity="warning",
            what=odd.what,
            examples=(
                Example("", "", float(len(odd.days)), odd.note),
                *(Example(day_text(bars.days[d]), "", 1.0, "") for d in odd.days[: EXAMPLES - 1]),
            ),
            key=odd.key,
        )
        for odd in oddities(bars.days, bars.day, bars.name)
    ]
    if rows > DAILY:
        found.append(DataFinding("intraday", round(rows), 1.0, "info", WHAT, ()))
    return found
