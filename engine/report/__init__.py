"""A finished run, read back: its page and pictures, its summary, and runs side by side."""

from __future__ import annotations

from engine.report.audit import audit_text, draw_audit
from engine.report.comparison import Comparison
from engine.report.drawing import draw
from engine.report.finished import Report
from engine.report.overlay import comparison_text, draw_comparison
from engine.report.summary import sweep

__all__ = [
    "Comparison",
    "Report",
    "audit_text",
    "comparison_text",
    "draw",
    "draw_audit",
    "draw_comparison",
    "sweep",
]
