"""Findings of single rows: those that the policy under ``bars`` decides.

The checks are those of a run. Here each is counted by itself, whatever the policy does; only
rows that are no bars at all, infinite or there twice are left out of what follows.
"""

from __future__ import annotations

import numpy as np

from engine.data.finding import DataFinding, Example, worst
from engine.data.tape import day_text
from engine.findings import _CHECKS, Policy, Rows
from engine.panel import BoolArray
from engine.universe import Universe
from schemas.bars import PRICES

WHAT = {
    "missing_close": "rows without a close: no bars",
    "nonfinite": "rows with an infinite number",
    "nonpositive": "rows with a price <= 0 or a volume < 0",
    "ohlc": "rows with open or close outside [low, high]",
    "off_calendar": "rows on a day when universe.calendar is closed",
    "unsorted": "rows before the same symbol's row above",
    "duplicates": "rows of a (date, symbol) pair seen before",
}
UNUSABLE = ("missing_close", "nonfinite", "duplicates")


def of_rows(rows: Rows, universe: Universe, policy: Policy) -> tuple[list[DataFinding], BoolArray]:
    """Return the findings of single rows, and which rows are usable."""
    alive = np.ones(len(rows), bool)
    findings = []
    for name, check in _CHECKS.items():
        badness = check(rows, alive, universe)
        found = np.flatnonzero(alive & (badness > 0))
        examples = worst(found, badness[found], lambda row, value: _example(rows, row, value))
        action = getattr(policy, name, "")
        findings.append(
            DataFinding(
                name=name,
                count=len(found),
                share=len(found) / max(len(rows), 1),
                severity="error" if action == "raise" else "warning",
                what=WHAT[name],
                examples=examples,
                key=f"bars.{name}" if action else "",
            )
        )
        if name in UNUSABLE:
            alive[found] = False
    return findings, alive


def absent(rows: Rows, universe: Universe) -> DataFinding:
    """Symbols of the universe without a row."""
    wanted = set(universe.symbols or ())
    missing = sorted(wanted - set(rows.names))
    examples = tuple(Example("", name, 0.0, "") for name in missing[:5])
    share = len(missing) / max(len(wanted), 1)
    what = "symbols of the universe that the source lacks"
    return DataFinding("absent", len(missing), share, "warning", what, examples, "universe.symbols")


def _example(rows: Rows, row: int, value: float) -> Example:
    shown = [name for name in (*PRICES, "volume") if name in rows.numbers]
    note = " ".join(f"{name}={rows.numbers[name][row]:g}" for name in shown)
    return Example(day_text(rows.days[rows.day[row]]), rows.names[rows.name[row]], value, note)
