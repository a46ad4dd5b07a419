"""What was computed, on disk: the folders of runs and sweeps, and the files in them."""

from __future__ import annotations

from engine.store.artifacts import Artifacts, refuse_unfinished
from engine.store.data import Data, Finding
from engine.store.folders import MARKER, check_name, refuse_foreign, settle, taken, tell_left
from engine.store.manifest import Manifest, Training
from engine.store.metrics import TOTAL, Decisions, Evidence, Fills, Metrics, Performance, Regime

__all__ = [
    "MARKER",
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
    "check_name",
    "refuse_foreign",
    "refuse_unfinished",
    "settle",
    "taken",
    "tell_left",
]
