"""The story of a run: from bars to report, one stage a line.

    bars → factors → label → regimes → forecasts → signal → account → metrics → report

Each stage takes what the stages before it made, hands over through a contract, and leaves
an artifact in the run folder. Nothing flows backwards.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from omegaconf import DictConfig, OmegaConf

from engine.bars import Handed, undisclosed
from engine.config import hidden
from engine.core.lock import Lock
from engine.core.panel import Panel
from engine.expr import using
from engine.pipeline import stages
from engine.pipeline.folder import Announce, RunFolder
from engine.pipeline.manifest import manifest, unchecked
from engine.pipeline.settings import Settings, chosen, read
from engine.pipeline.unread import unread
from engine.pipeline.watch import Watch, identity
from engine.plugin import Guard, Registry, guarding, installed, seconds

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Finisher:
    """What is made of a run's folder when all stages have left their files in it.

    Parameters
    ----------
    name : str
        Of the stage that it is told as.
    wanted : callable
        Whether the settings ask for it.
    work : callable
        Gets the folder.
    """

    name: str
    wanted: Callable[[Settings], bool]
    work: Callable[[Path], object]


def job(config: DictConfig) -> DictConfig:
    """The configuration without Hydra's own node."""
    plain = OmegaConf.create(config.copy())
    OmegaConf.set_struct(plain, False)
    plain.pop("hydra", None)
    return plain


def execute(
    config: DictConfig,
    path: Path,
    overrides: Sequence[str],
    announce: Announce = lambda stage, done, total: None,
    *,
    bars: pd.DataFrame | None = None,
    lock: Lock | None = None,
    finishers: Sequence[Finisher] = (),
    result: Callable[[Path], T],
) -> T:
    """Run a composed configuration into a folder; `bars` stand in place of its source's.

    The finished folder is read by `result` while it is still this run's.

    Who has taken the folder already hands over the `lock`; it is released in any case.
    """
    folder = RunFolder(path, announce, lock=lock, secrets=hidden(config))
    try:
        registry = chosen(config, installed())
        with using(registry) as operators:
            _execute(config, folder, overrides, registry, operators, bars, finishers)
        return result(path)
    finally:
        folder.release()


def _execute(
    config: DictConfig,
    folder: RunFolder,
    overrides: Sequence[str],
    registry: Registry,
    operators: Set[str],
    bars: pd.DataFrame | None,
    finishers: Sequence[Finisher],
) -> None:
    """The run itself, with the registry that its configuration leaves."""
    raw = copy.deepcopy(config)
    settings = read(config, registry)
    if bars is not None:
        settings = replace(settings, source=Handed.of(bars, settings.source))
    plain, shown = OmegaConf.to_container(config, resolve=True), folder.secrets.config(raw)
    folder.watch = Watch(
        settings.observers, settings.strict_observers, folder.path, identity(plain)
    )
    plugins = config.get("plugins") or {}
    guard = folder.guard = Guard(timeout=seconds(plugins.get("timeout_s")))
    folder.open()
    try:
        with folder.listening(), guarding(guard):
            panel, findings = folder.stage("bars", lambda: stages.bars(settings, folder))
            guard.hold("bars", panel)
            folder.watch.identity += panel.fingerprint
            for line in unread(settings, panel, overrides):
                log.warning(line)
            made = _stages(settings, panel, folder)
            facts = manifest(settings, shown, overrides, panel, findings, made, registry, operators)
            doubt = unchecked(facts["plugins"])
            if doubt:
                log.warning(doubt)
            facts["warnings"] = folder.warnings
            folder.note("manifest", {**facts, "timings": folder.timings})
            for finisher in finishers:
                if finisher.wanted(settings):
                    folder.stage(finisher.name, partial(finisher.work, folder.path))
                    folder.note("manifest", {**facts, "timings": folder.timings})
    except BaseException as error:  # whatever ended it, the folder says so and is let go
        folder.fail(f"{type(error).__name__}: {error}")
        raise
    folder.finish()


def _stages(settings: Settings, panel: Panel, folder: RunFolder) -> stages.Made:
    """Every stage between the bars and the report."""
    made, seen = stages.Made(), undisclosed(panel)  # what decisions are taken on
    step = folder.stage
    made.factors = step("factors", lambda: stages.factors(settings, seen, folder))
    stages.season(settings, seen, made)
    made.labels = step("label", lambda: stages.label(settings, panel))
    made.regimes = step("regimes", lambda: stages.regimes(settings, seen, folder))
    made.forecasts = step("forecasts", lambda: stages.forecasts(settings, panel, made, folder))
    made.signal = step("signal", lambda: stages.signal(settings, seen, made, folder))
    made.account = step("account", lambda: stages.account(settings, panel, made, folder))
    step("metrics", lambda: stages.metrics(settings, panel, made, folder))
    return made
