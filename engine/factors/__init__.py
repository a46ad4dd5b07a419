"""Formulas on panels and frames; sets of them, their pieces, and their file."""

from __future__ import annotations

from engine.factors.compute import How, append_to, compute_to
from engine.factors.evaluation import evaluate
from engine.factors.file import read_periods
from engine.factors.sets import Ready, keep_named, lookbacks, ready, spans

__all__ = [
    "How",
    "Ready",
    "append_to",
    "compute_to",
    "evaluate",
    "keep_named",
    "lookbacks",
    "read_periods",
    "ready",
    "spans",
]
