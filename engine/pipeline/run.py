"""The story of a run: the stages, one after another, each seeing what its row says.

A stage hands over through a contract, and leaves artifacts in the run folder. Nothing flows
backwards.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from omegaconf import DictConfig, OmegaConf

from engine.bars import Handed
from engine.config import Hidden, find_secrets
from engine.core.errors import DataError
from engine.core.folders import is_finished
from engine.core.lock import Lock
from engine.core.panel import Panel
from engine.expr import using
from engine.pipeline.folder import Announce, RunFolder
from engine.pipeline.keys import Keys
from engine.pipeline.making import Making
from engine.pipeline.manifest import list_plugins, manifest, name_unchecked
from engine.pipeline.origin import describe_origin
from engine.pipeline.resume import Start
from engine.pipeline.reuse import Fresh, Reuse, open_results
from engine.pipeline.sessions import describe
from engine.pipeline.settings import Settings, choose_plugins, read
from engine.pipeline.stages import STAGES
from engine.pipeline.unread import find_unread
from engine.pipeline.watch import Watch
from engine.plugin import Guard, Registry, guarding, installed, seconds
from engine.storage import Artifacts

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)
T = TypeVar("T")
NOTICED = "factors"  # before it, what of configuration and bars does not go together is said


@dataclass(frozen=True)
class Running:
    """A run, as those who finish it see it.

    Parameters
    ----------
    path : Path
        Its folder.
    config : DictConfig
        Composed and resolved.
    settings : Settings
    registry : Registry
        Where its plugins come from.
    overrides : tuple of str
        What was typed, without secrets.
    secrets : Hidden
        What is written nowhere.
    origin : callable, optional
        Says where its bars come from (`describe_origin`); None where they were handed over.
    """

    path: Path
    config: DictConfig
    settings: Settings
    registry: Registry
    overrides: tuple[str, ...]
    secrets: Hidden
    origin: Callable[[], str] | None


def _pass(running: Running, panel: Panel) -> None:
    """Do nothing yet."""


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
        Gets the run, when its stages have left their files.
    begin : callable
        Gets the run and its panel before anything is computed of that.
    """

    name: str
    wanted: Callable[[Settings], bool]
    work: Callable[[Running], object]
    begin: Callable[[Running, Panel], object] = _pass


@dataclass(frozen=True)
class Among:
    """How a run stands among others.

    Parameters
    ----------
    resume : bool
        Whether it is a job of a sweep: a folder in which the same job has finished is left as it
        is.
    last : bool
        Whether no other run follows in this process: nothing is held in memory for one.
    """

    resume: bool = False
    last: bool = False


MANY = Among()  # of a process that may run any number


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
    among: Among = MANY,
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
            _execute(config, folder, overrides, registry, operators, bars, finishers, start, among)
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
    among: Among,
) -> None:
    """The run itself, with the registry that its configuration leaves."""
    raw = copy.deepcopy(config)
    for key in ("store", "trials"):  # where results are kept and counted changes none
        raw.pop(key, None)
    settings = read(config, registry)
    shown = folder.secrets.config(raw)
    if bars is not None:
        settings = replace(settings, source=Handed.of(bars, settings.source))
    absent = {stage.name for stage in STAGES if not stage.wanted(settings)}
    keys = Keys(STAGES, config, registry, absent, folder.secrets)
    watch = folder.watch = Watch(
        settings.observers, settings.strict_observers, folder.path, keys.of
    )
    origin = None if bars is not None else lambda: describe_origin(copy.deepcopy(raw), registry)
    job_key = keys.make_job_key(shown)
    if among.resume and _is_done(folder.path, job_key):
        log.info("%s: this job had finished before", folder.path)
        return
    if start is not None:
        watch.learn(start.data)
        start.refuse_same(folder.path)
        start.refuse_other(STAGES, watch.keys, config, folder.secrets)
    plugins = config.get("plugins") or {}
    guard = folder.guard = Guard(timeout=seconds(plugins.get("timeout_s")))
    running = Running(
        path=folder.path,
        config=config,
        settings=settings,
        registry=registry,
        overrides=tuple(map(folder.secrets.text, overrides)),
        secrets=folder.secrets,
        origin=origin,
    )
    last = [finisher for finisher in finishers if finisher.wanted(settings)]
    folder.open()
    try:
        earlier = _open_earlier(settings, folder, watch, keys, start, origin, among)
        with folder.listening(), guarding(guard):
            noticed = partial(_notice, running, overrides, last)
            making = _make_all(settings, folder, watch, noticed, earlier, start)
            splits = _trainings(folder.path) if settings.needs_model else []
            facts = manifest(
                settings, shown, overrides, making.told, registry, operators, splits, watch.data
            )
            facts["keys"] = watch.keys
            doubt = name_unchecked(facts["plugins"])
            if doubt:
                log.warning(doubt)
            facts["warnings"] = folder.warnings
            folder.note("manifest", {**facts, "timings": folder.timings})
            folder.settle()
            for finisher in last:
                folder.stage(finisher.name, partial(finisher.work, running))
                facts["plugins"] = list_plugins(settings, registry, operators)  # one may judge them
                folder.note("manifest", {**facts, "timings": folder.timings})
            folder.note_timings(making.how, job_key)
        earlier.close()
    except BaseException as error:  # whatever ended it, the folder says so and is let go
        folder.fail(f"{type(error).__name__}: {error}")
        raise
    folder.finish()


def _is_done(path: Path, job_key: str) -> bool:
    """Whether a job has finished in a folder."""
    try:
        return is_finished(path) and Artifacts(path).read_plain("timings")["job"] == job_key
    except (DataError, KeyError):
        return False


def _open_earlier(
    settings: Settings,
    folder: RunFolder,
    watch: Watch,
    keys: Keys,
    start: Start | None,
    origin: Callable[[], str] | None,
    among: Among,
) -> Reuse | Fresh:
    """What knows of earlier runs' results; a run that goes on from one asks that one alone."""
    results = None if start is not None else open_results(settings.store)
    if results is None:
        return Fresh()
    source = keys.of("")[STAGES[0].name] if settings.source.repeatable else ""
    return Reuse(settings.store, results, folder, watch, keys, origin, source, among.last)


def _make_all(
    settings: Settings,
    folder: RunFolder,
    watch: Watch,
    notice: Callable[[Panel], None],
    earlier: Reuse | Fresh,
    start: Start | None,
) -> Making:
    """Have every stage made or found."""
    stages = {stage.name: stage for stage in STAGES if stage.wanted(settings)}
    making = Making(settings, stages, folder, watch, earlier)
    given = [] if start is None else start.find_earlier(STAGES)
    for line in () if start is None else start.doubts:
        log.warning(line)
    for name, stage in stages.items():
        if name == NOTICED:
            notice(making["bars"].panel)
        making.make(stage, start.find(stage) if start is not None and stage in given else None)
        left = [*stages.values()][[*stages].index(name) + 1 :]
        making.keep_only({each for later in left for each in later.of})
    return making


def _trainings(folder: Path) -> list[dict[str, Any]]:
    """Each training, as ``forecasts.json`` tells of it."""
    trainings: list[dict[str, Any]] = Artifacts(folder).read_plain("forecasts")["splits"]
    return trainings


def _notice(
    running: Running, overrides: Sequence[str], finishers: Sequence[Finisher], panel: Panel
) -> None:
    """Say what of the configuration and the bars does not go together, before all is computed."""
    settings = running.settings
    for line in (*describe(settings, panel), *find_unread(settings, panel, overrides)):
        log.warning(line)
    for finisher in finishers:
        finisher.begin(running, panel)
