"""Findings of single rows: those that the policy under ``bars`` decides.

The checks are those of a run. Here each is counted by itself, whatever the policy does; only
rows that are no bars at all, infinite or there twice are left out of what follows.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from engine.bars import DIRT, IntArray, Policy, Rows
from engine.bars.inspect.finding import DataFinding, Example, worst
from engine.bars.inspect.tape import day_text
from engine.core.panel import BoolArray
from engine.core.universe import Universe
from engine.reading import twins

WHAT = {
    "missing_close": "rows without a close: no bars, always left out",
    "nonfinite": "rows with an infinite number",
    "nonpositive": "rows with a price <= 0 or a volume < 0",
    "ohlc": "rows with open or close outside [low, high]",
    "off_calendar": "rows on a day when universe.calendar is closed",
    "unsorted": "rows before the same symbol's row above",
    "duplicates": "rows of a (date, symbol) pair seen before",
    "thin": "rows on a day when few symbols trade of those that did in the 20 dates before: "
    "a holiday? Name universe.calendar",
    "absurd": "rows with a price far off the median of the 20 closes before",
}
# What those after it must not see, whatever the policy does.
UNUSABLE = ("missing_close", "nonfinite", "duplicates")

DAYS = ("off_calendar", "thin")  # about whole days: an example of each is enough


def of_rows(rows: Rows, universe: Universe, policy: Policy) -> tuple[list[DataFinding], BoolArray]:
    """Return the findings of single rows, and which rows are usable."""
    alive, closed = np.ones(len(rows), bool), np.zeros(len(rows), bool)
    findings = []
    for name, dirt in DIRT.items():
        judged = alive & ~closed if name == "thin" else alive  # the calendar knows better
        badness = dirt.badness(rows, judged, universe, policy.limits)
        found = np.flatnonzero(judged & (badness > 0))
        closed |= (badness > 0) & (name == "off_calendar")
        shown = found if name not in DAYS else _one_a_day(rows, found)
        examples = worst(shown, badness[shown], partial(_example, rows, name))
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


def find_twins(rows: Rows) -> DataFinding:
    """Symbols that differ in case alone."""
    found = twins(rows.names)
    examples = tuple(Example("", " ".join(names), 1.0, "") for names in found[:5])
    count = sum(map(len, found))
    share = count / max(len(rows.names), 1)
    what = "symbols that differ in case alone: one company twice? Rename or drop one"
    return DataFinding("case_twins", count, share, "warning", what, examples)


def _one_a_day(rows: Rows, found: IntArray) -> IntArray:
    first = np.unique(rows.day[found], return_index=True)[1]
    return found[np.sort(first)]


def _example(rows: Rows, name: str, row: int, value: float) -> Example:
    if name == "thin":
        note = f"{value:.0%} of the symbols do not trade"
        return Example(day_text(rows.days[rows.day[row]]), "", value, note)
    shown = [key for key in rows.columns() if not np.isnan(rows.numbers[key][row])]
    note = " ".join(f"{key}={rows.numbers[key][row]:g}" for key in shown) or "empty"
    if name == "absurd":
        note += f", {value:,.0f} times off"
    return Example(day_text(rows.days[rows.day[row]]), rows.names[rows.name[row]], value, note)
