"""The story of a run: settings, stages, the run folder, and what is told on the way."""

from __future__ import annotations

from engine.pipeline.folder import Announce
from engine.pipeline.run import Finisher, execute, job
from engine.pipeline.settings import chosen, factor_set

__all__ = [
    "Announce",
    "Finisher",
    "chosen",
    "execute",
    "factor_set",
    "job",
]
