"""What was computed, on disk: the files of a run, read back, and values of factors, kept."""

from __future__ import annotations

from engine.storage.artifacts import Artifacts, refuse_unfinished
from engine.storage.data import Data, Finding
from engine.storage.export import export_forecasts
from engine.storage.faults import CatalogueError
from engine.storage.forecasts import FittedTraining, PathFacts, PointFacts, Trainings
from engine.storage.local import Damage, LocalStore
from engine.storage.manifest import Manifest, Training
from engine.storage.mending import Mended, mend_catalogue
from engine.storage.metrics import TOTAL, Decisions, Evidence, Fills, Metrics, Performance, Regime
from engine.storage.results import ASIDE, OF_STORE, PIECES, Result, Results, Share
from engine.storage.stats import Hits, Stats
from engine.storage.trials import Best, Chosen, Counts, Cuts, Trials

__all__ = [
    "ASIDE",
    "OF_STORE",
    "PIECES",
    "TOTAL",
    "Artifacts",
    "Best",
    "CatalogueError",
    "Chosen",
    "Counts",
    "Cuts",
    "Damage",
    "Data",
    "Decisions",
    "Evidence",
    "Fills",
    "Finding",
    "FittedTraining",
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
    "Trials",
    "export_forecasts",
    "mend_catalogue",
    "refuse_unfinished",
]
