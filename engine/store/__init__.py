"""What was computed, on disk: the files of a run, read back, and values of factors, kept."""

from __future__ import annotations

from engine.store.artifacts import Artifacts, refuse_unfinished
from engine.store.data import Data, Finding
from engine.store.layout import Kept
from engine.store.local import Block, Damage, LocalStore
from engine.store.manifest import Manifest, Training
from engine.store.metrics import TOTAL, Decisions, Evidence, Fills, Metrics, Performance, Regime

__all__ = [
    "TOTAL",
    "Artifacts",
    "Block",
    "Damage",
    "Data",
    "Decisions",
    "Evidence",
    "Fills",
    "Finding",
    "Kept",
    "LocalStore",
    "Manifest",
    "Metrics",
    "Performance",
    "Regime",
    "Training",
    "refuse_unfinished",
]
