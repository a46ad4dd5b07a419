"""What came in: from the rows of a source, or of a frame handed over, to a clean panel."""

from __future__ import annotations

from engine.bars.clock import DAILY, oddities, rows_a_session
from engine.bars.delisting import (
    STATED,
    USUAL,
    Delisting,
    Outcomes,
    hide_stated,
    judge_so_far,
    outcomes,
)
from engine.bars.dirt import DIRT, IntArray, Rows, calendar_sessions
from engine.bars.findings import Findings, Policy, decisions
from engine.bars.handed import Handed
from engine.bars.layout import build, lay, read
from engine.bars.membership import resolve_members

__all__ = [
    "DAILY",
    "DIRT",
    "STATED",
    "USUAL",
    "Delisting",
    "Findings",
    "Handed",
    "IntArray",
    "Outcomes",
    "Policy",
    "Rows",
    "build",
    "calendar_sessions",
    "decisions",
    "hide_stated",
    "judge_so_far",
    "lay",
    "oddities",
    "outcomes",
    "read",
    "resolve_members",
    "rows_a_session",
]
