"""Tables of the page: cells are text."""

from __future__ import annotations

from typing import Any

import numpy as np

CRITICAL = 1.96  # two-sided 5% of a normal distribution
DASH = "–"


def table(title: str, artifact: str, head: list[str], rows: list[list[str]]) -> dict[str, Any]:
    """One table and the file that it was read from."""
    return {"title": title, "artifact": artifact, "head": head, "rows": rows}


def spell_count(bars: int) -> str:
    """How many bars, in words."""
    return f"{bars} bar" if bars == 1 else f"{bars} bars"


def number(value: float | None, form: str) -> str:
    """A number in print; a dash where there is none."""
    return DASH if value is None or not np.isfinite(value) else format(value, form)
