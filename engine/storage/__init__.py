"""What was computed, on disk: the files of a run, read back, and values of factors, kept."""

from __future__ import annotations

from engine.storage.artifacts import Artifacts, refuse_unfinished
from engine.storage.data import Data, Finding
from engine.storage.faults import CatalogueError
from engine.storage.forecasts import PathFacts, PointFacts, Trainings
from engine.storage.local import Damage, LocalStore
from engine.storage.manifest import Manifest, Training
from engine.storage.mending import Mended, mend_catalogue
from engine.storage.metrics import TOTAL, Decisions, Evidence, Fills, Metrics, Performance, Regime
from engine.storage.results import ASIDE, OF_STORE, PIECES, Result, Results, Share
from engine.storage.stats import Hits, Stats

__all__ = [
    "ASIDE",
    "OF_STORE",
    "PIECES",
    "TOTAL",
    "Artifacts",
    "CatalogueError",
    "Damage",
    "Data",
    "Decisions",
    "Evidence",
    "Fills",
    "Finding",
    "Hits",
    "LocalStore",
    "Manifest",
    "Mended",
    "Metrics",
    "PathFacts",
    "Performance",
    "PointFacts",
    "Regime",
    "Result",
    "Results",
    "Share",
    "Stats",
    "Training",
    "Trainings",
    "mend_catalogue",
    "refuse_unfinished",
]
