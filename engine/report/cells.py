"""Tables of the page: cells are text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.study import FEW, adjust

LEVEL = 0.05  # above such a p-value, what was seen may be chance
CRITICAL = 1.96  # where a normal distribution has it, on both sides
DASH = "–"
LEAST = 0.0005  # smaller p-values are not told apart


Rows = list[list[str]]


def table(
    title: str, artifact: str, head: list[str], rows: Rows, *, note: str = "", folded: bool = False
) -> dict[str, Any]:
    """One table, the file that it was read from, and what to know of it; folded, only its title."""
    made = {"title": title, "artifact": artifact, "head": head, "rows": rows}
    return {**made, "note": note, "folded": folded}


def add_p(
    head: list[str], rows: Rows, values: Sequence[float | None], at: int, keys: int = 1
) -> tuple[list[str], Rows, str]:
    """A table's head and rows with a column of p-values, and a note on them.

    Of more than `FEW` tests, those adjusted for all come first, behind `keys` columns of names; the
    p-value of each alone follows as column `at`.
    """
    count = sum(p is not None and np.isfinite(p) for p in values)
    many = count > FEW
    alone = [probability(p) for p in values]
    head = [*head[:at], "p alone" if many else "p", *head[at:]]
    rows = [[*row[:at], p, *row[at:]] for row, p in zip(rows, alone, strict=True)]
    if not many:
        return head, rows, ""
    every = [probability(p) for p in adjust(values)]
    head = [*head[:keys], name_adjusted(count), *head[keys:]]
    rows = [[*row[:keys], p, *row[keys:]] for row, p in zip(rows, every, strict=True)]
    return head, rows, explain_adjusted(count)


def name_adjusted(count: int) -> str:
    """The head of a column of adjusted p-values."""
    return f"p among {count}"


def explain_adjusted(count: int) -> str:
    """What an adjusted p-value says."""
    return (
        f"{name_adjusted(count)}: adjusted for the {count} tests of this table (Holm's method). If "
        "none of them had anything to find, the smallest would be below 5% in at most 5% of cases."
    )


def probability(p: float | None) -> str:
    """A p-value in print."""
    return "<0.1%" if p is not None and p < LEAST else number(p, ".1%")


def spell_count(bars: int) -> str:
    """How many bars, in words."""
    return f"{bars} bar" if bars == 1 else f"{bars} bars"


def number(value: float | None, form: str) -> str:
    """A number in print; a dash where there is none."""
    return DASH if value is None or not np.isfinite(value) else format(value, form)
