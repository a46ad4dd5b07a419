"""The story of a run: the stages, one after another, each seeing what its row says.

A stage hands over through a contract, and leaves artifacts in the run folder. Nothing flows
backwards.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from omegaconf import DictConfig, OmegaConf

from engine.bars import Handed
from engine.config import find_secrets
from engine.core.lock import Lock
from engine.core.panel import Panel
from engine.expr import using
from engine.pipeline.folder import Announce, RunFolder
from engine.pipeline.keys import keys
from engine.pipeline.manifest import manifest, name_unchecked
from engine.pipeline.resume import Start
from engine.pipeline.sessions import describe
from engine.pipeline.settings import Settings, choose_plugins, read
from engine.pipeline.stage import Stage
from engine.pipeline.stages import STAGES
from engine.pipeline.unread import find_unread
from engine.pipeline.watch import Watch
from engine.plugin import Guard, Registry, guarding, installed, seconds
from engine.store import Artifacts

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)
T = TypeVar("T")
NOTICED = "factors"  # before it, what of configuration and bars does not go together is said
KEPT = ("bars", "factors", "forecasts", "account")  # of these the manifest tells


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
    plain = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    OmegaConf.set_struct(plain, False)
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
    start: Start | None = None,
    result: Callable[[Path], T],
) -> T:
    """Run a composed configuration into a folder; `bars` stand in place of its source's.

    With a `start` it goes on from a finished run. The finished folder is read by `result` while it
    is still this run's.

    Who has taken the folder already hands over the `lock`; it is released in any case.
    """
    folder = RunFolder(path, announce, lock=lock, secrets=find_secrets(config))
    try:
        registry = choose_plugins(config, installed())
        with using(registry) as operators:
            _execute(config, folder, overrides, registry, operators, bars, finishers, start)
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
    start: Start | None,
) -> None:
    """The run itself, with the registry that its configuration leaves."""
    raw = copy.deepcopy(config)
    settings = read(config, registry)
    if bars is not None:
        settings = replace(settings, source=Handed.of(bars, settings.source))
    absent = {stage.name for stage in STAGES if not stage.wanted(settings)}
    watch = folder.watch = Watch(
        settings.observers,
        settings.strict_observers,
        folder.path,
        lambda data: keys(STAGES, config, registry, data, absent, folder.secrets),
    )
    if start is not None:
        watch.learn(start.data)
        start.refuse_same(folder.path)
        start.refuse_other(STAGES, watch.keys, config, folder.secrets)
    plugins = config.get("plugins") or {}
    guard = folder.guard = Guard(timeout=seconds(plugins.get("timeout_s")))
    folder.open()
    try:
        with folder.listening(), guarding(guard):
            made = _stages(settings, folder, watch, overrides, start)
            shown = folder.secrets.config(raw)
            splits = _trainings(folder.path) if made["forecasts"] else []
            facts = manifest(
                settings, shown, overrides, made, registry, operators, splits, watch.data
            )
            facts["keys"] = watch.keys
            doubt = name_unchecked(facts["plugins"])
            if doubt:
                log.warning(doubt)
            facts["warnings"] = folder.warnings
            folder.note("manifest", {**facts, "timings": folder.timings})
            folder.settle()
            for finisher in finishers:
                if finisher.wanted(settings):
                    folder.stage(finisher.name, partial(finisher.work, folder.path))
                    folder.note("manifest", {**facts, "timings": folder.timings})
    except BaseException as error:  # whatever ended it, the folder says so and is let go
        folder.fail(f"{type(error).__name__}: {error}")
        raise
    folder.finish()


def _stages(
    settings: Settings,
    folder: RunFolder,
    watch: Watch,
    overrides: Sequence[str],
    start: Start | None,
) -> dict[str, Any]:
    """Run every stage; what the manifest tells of is kept, the rest until its last reader."""
    made: dict[str, Any] = {}
    earlier = [] if start is None else start.find_earlier(STAGES)
    needed = set() if start is None else start.find_needed(STAGES, KEPT)
    for line in () if start is None else start.doubts:
        log.warning(line)
    for index, stage in enumerate(STAGES):
        if stage.name == NOTICED:
            _notice(settings, made["bars"].panel, folder, overrides)
        if not stage.wanted(settings):
            made[stage.name] = None
            continue
        if start is not None and stage in earlier:
            start.copy(stage, folder.path)
            if stage.name not in needed:
                continue
            work = partial(start.again, stage, settings, made)
        else:
            work = partial(_work, stage, settings, made, folder, watch)
        made[stage.name] = folder.stage(stage.name, work)
        later = {name for each in STAGES[index + 1 :] for name in each.of}
        for name in {*made} - later - {*KEPT}:
            folder.guard.drop(name)
            del made[name]
    return made


def _trainings(folder: Path) -> list[dict[str, Any]]:
    """Each training, as ``forecasts.json`` tells of it."""
    trainings: list[dict[str, Any]] = Artifacts(folder).read_plain("forecasts")["splits"]
    return trainings


def _work(
    stage: Stage, settings: Settings, made: Mapping[str, Any], folder: RunFolder, watch: Watch
) -> Any:
    result = stage.run(settings, made, folder.leave)
    if stage.data is not None:
        watch.learn(stage.data(result))
    return result


def _notice(settings: Settings, panel: Panel, folder: RunFolder, overrides: Sequence[str]) -> None:
    """Say what of the configuration and the bars does not go together."""
    folder.guard.hold("bars", panel)
    for line in (*describe(settings, panel), *find_unread(settings, panel, overrides)):
        log.warning(line)
