"""The story of a run: settings, stages, the run folder, and what is told on the way."""

from __future__ import annotations

from engine.pipeline.folder import Announce
from engine.pipeline.part import Part, read_part
from engine.pipeline.resume import Start
from engine.pipeline.run import Finisher, execute, job
from engine.pipeline.settings import choose_plugins, factor_set, resolve
from engine.pipeline.stages import STAGES

__all__ = [
    "STAGES",
    "Announce",
    "Finisher",
    "Part",
    "Start",
    "choose_plugins",
    "execute",
    "factor_set",
    "job",
    "read_part",
    "resolve",
]
