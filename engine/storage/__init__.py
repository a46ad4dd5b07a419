"""What was computed, on disk: the files of a run, read back, and values of factors, kept."""

from __future__ import annotations

from engine.storage.artifacts import Artifacts, refuse_unfinished
from engine.storage.data import Data, Finding
from engine.storage.local import Damage, LocalStore
from engine.storage.manifest import Manifest, Training
from engine.storage.metrics import TOTAL, Decisions, Evidence, Fills, Metrics, Performance, Regime
from engine.storage.results import ASIDE, OF_STORE, PIECES, Result, Results, Share

__all__ = [
    "ASIDE",
    "OF_STORE",
    "PIECES",
    "TOTAL",
    "Artifacts",
    "Damage",
    "Data",
    "Decisions",
    "Evidence",
    "Fills",
    "Finding",
    "LocalStore",
    "Manifest",
    "Metrics",
    "Performance",
    "Regime",
    "Result",
    "Results",
    "Share",
    "Training",
    "refuse_unfinished",
]
