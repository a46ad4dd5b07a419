"""The story of a run: settings, stages, the run folder, and what is told on the way."""

from __future__ import annotations

from engine.pipeline.folder import Announce
from engine.pipeline.resume import Start
from engine.pipeline.run import Finisher, execute, job
from engine.pipeline.settings import chosen, factor_set
from engine.pipeline.stages import STAGES

__all__ = [
    "STAGES",
    "Announce",
    "Finisher",
    "Start",
    "chosen",
    "execute",
    "factor_set",
    "job",
]
