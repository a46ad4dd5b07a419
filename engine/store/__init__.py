"""What was computed, on disk: the files of a run, read back."""

from __future__ import annotations

from engine.store.artifacts import Artifacts, refuse_unfinished
from engine.store.data import Data, Finding
from engine.store.manifest import Manifest, Training
from engine.store.metrics import TOTAL, Decisions, Evidence, Fills, Metrics, Performance, Regime

__all__ = [
    "TOTAL",
    "Artifacts",
    "Data",
    "Decisions",
    "Evidence",
    "Fills",
    "Finding",
    "Manifest",
    "Metrics",
    "Performance",
    "Regime",
    "Training",
    "refuse_unfinished",
]
