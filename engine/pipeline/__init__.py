"""The story of a run: settings, stages, the run folder, and what is told on the way."""

from __future__ import annotations

from engine.pipeline.definitions import find_factors
from engine.pipeline.folder import Announce
from engine.pipeline.market import Bars, Raw
from engine.pipeline.origin import describe_origin, fix_paths, read_origin
from engine.pipeline.part import Part, read_part
from engine.pipeline.resume import Start
from engine.pipeline.run import Among, Finisher, Running, execute, job
from engine.pipeline.settings import (
    Auditing,
    Counted,
    Settings,
    choose_plugins,
    factor_set,
    read,
    resolve,
)
from engine.pipeline.stages import STAGES, list_deciding
from engine.pipeline.strategy import make_strategy_key
from engine.pipeline.variants import Remade, Variant, Workshop

__all__ = [
    "STAGES",
    "Among",
    "Announce",
    "Auditing",
    "Bars",
    "Counted",
    "Finisher",
    "Part",
    "Raw",
    "Remade",
    "Running",
    "Settings",
    "Start",
    "Variant",
    "Workshop",
    "choose_plugins",
    "describe_origin",
    "execute",
    "factor_set",
    "find_factors",
    "fix_paths",
    "job",
    "list_deciding",
    "make_strategy_key",
    "read",
    "read_origin",
    "read_part",
    "resolve",
]
