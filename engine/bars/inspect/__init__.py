"""``engine data check``: what is odd about bars, before the policy decides and anything is run.

finding    what a finding is, and the thresholds that make one
tape       the usable bars, sorted by symbol and date: what the statistics run on
shape      findings of single rows, which the policy under ``bars`` decides
prices     jumps, missed splits, bad ticks, stale runs, volume
lives      when symbols begin, pause and end
tables     tables that are no bars: known-at dates and time zones
inspection all of it together; `report` writes it as text, `command` runs it

Statistics here look at the whole sample. Nothing of it feeds a decision of a backtest.
"""

from __future__ import annotations

from engine.bars.inspect.finding import DataFinding, Thresholds, by_severity
from engine.bars.inspect.inspection import Inspection, examine, look
from engine.bars.inspect.tables import hint, inspect_dates, inspect_known_at, inspect_table
from engine.bars.inspect.wording import line, list_findings, record, text, write_json

__all__ = [
    "DataFinding",
    "Inspection",
    "Thresholds",
    "by_severity",
    "examine",
    "hint",
    "inspect_dates",
    "inspect_known_at",
    "inspect_table",
    "line",
    "list_findings",
    "look",
    "record",
    "text",
    "write_json",
]
