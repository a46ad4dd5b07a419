"""A run's stages made again, of rows that were changed: what an audit compares.

1. The stages are those that the account is made of, by the table: statistics feed no decision.
2. The rows of the source are put in the source's place; every stage after it sees what it would
   see of a source that has these rows alone. Plugins are built anew.
3. The stages are made or found as in a run, in a folder that is gone afterwards; what the store
   keeps of them is found by the fingerprint of the rows, so it is nobody else's.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from omegaconf import DictConfig

from engine.config import Hidden
from engine.core.errors import EngineError
from engine.core.kinds import Source
from engine.expr import using
from engine.kernels.threads import limiting
from engine.pipeline.folder import RunFolder
from engine.pipeline.keys import Keys
from engine.pipeline.making import Found, Making
from engine.pipeline.manifest import read_told
from engine.pipeline.market import Bars, Raw, lay_out
from engine.pipeline.reuse import Fresh, Reuse, open_results
from engine.pipeline.settings import Settings, read
from engine.pipeline.stage import Stage
from engine.pipeline.stages import STAGES, list_deciding
from engine.pipeline.watch import Watch
from engine.plugin import Guard, Registry, guarding, seconds
from engine.storage import Artifacts


@dataclass(frozen=True, eq=False)
class Variant:
    """What is another than in the run.

    Parameters
    ----------
    raw : Raw, optional
        What the source has; None asks it.
    turn : callable, optional
        What becomes of the bars once they are laid out.
    starts : sequence of str, optional
        The dates on which the forecasts of each training begin; None leaves that to the
        configuration.
    threads : int, optional
        On how many threads kernels run; by default as in a run.
    kept : bool
        Whether the store may have it, and keeps it.
    """

    raw: Raw | None = None
    turn: Callable[[Bars], Bars] | None = None
    starts: Sequence[str] | None = None
    threads: int | None = None
    kept: bool = True


@dataclass(frozen=True, eq=False)
class Remade:
    """The stages of a variant.

    Parameters
    ----------
    settings : Settings
        Its own; the plugins in it are nobody else's.
    making : Making
        Results by the names of their stages.
    stages : sequence of str
        Those that were made.
    path : pathlib.Path
        Where the files lie that they left.
    stopped : str
        Why it did not come to its last stage; "" where it did.
    """

    settings: Settings
    making: Making
    stages: Sequence[str]
    path: Path
    stopped: str = ""

    def __getitem__(self, name: str) -> Any:
        """Return the result of a stage."""
        return self.making[name]


@dataclass(frozen=True, eq=False)
class Workshop:
    """Makes the stages of one configuration as often as it is asked.

    Parameters
    ----------
    config : DictConfig
        Composed and resolved.
    registry : Registry
        What its plugins are chosen from.
    place : pathlib.Path
        In which the folders of variants lie as long as they are needed.
    secrets : Hidden
        What is written nowhere: a configuration that is resolved does not tell them apart.
    origin : callable, optional
        Says where its bars come from (`describe_origin`); None where they were handed over.
    handed : Source, optional
        Whose bars were handed over, in place of the source's.
    announce : callable
        Told of each stage.
    """

    config: DictConfig
    registry: Registry
    place: Path
    secrets: Hidden
    origin: Callable[[], str] | None
    handed: Source | None = None
    announce: Callable[[str, int, int], None] = lambda stage, done, total: None

    @contextmanager
    def make(self, variant: Variant, *, must: bool = False, label: str = "run") -> Iterator[Remade]:
        """Make the stages; their results can be read until the context ends.

        Where a stage refuses its rows, those before it are there; with `must` it is raised. What
        is announced begins with the `label`.
        """
        with ExitStack() as stack:
            stack.enter_context(using(self.registry))
            _limit_threads(stack, variant.threads)
            stack.enter_context(_muting())
            config = self._configure(variant)
            settings = self._read(config)
            folder = self._open(stack, config, label)
            watch = folder.watch = Watch((), False, folder.path)
            earlier = self._open_earlier(variant, config, settings, folder, watch)
            stack.callback(earlier.close)
            stages = _choose(settings, variant)
            made = Making(settings, stages, folder, watch, earlier)
            stack.enter_context(folder.listening())
            stack.enter_context(guarding(folder.guard))
            yield _make(made, [*stages.values()], must)
            folder.settle()

    @contextmanager
    def read(self, run: Path) -> Iterator[Remade]:
        """Read the stages of a run that has left its files in a folder."""
        with ExitStack() as stack:
            stack.enter_context(using(self.registry))
            stack.enter_context(_muting())
            config = self._configure(Variant())
            settings = self._read(config)
            folder = self._open(stack, config, "run")
            files = Artifacts(run)
            watch = folder.watch = Watch((), False, folder.path)
            watch.learn(files.manifest.source.sha256)
            stages = _choose(settings, Variant())
            made = Making(settings, stages, folder, watch, Fresh())
            stack.enter_context(guarding(folder.guard))
            told = read_told(files.read_plain("manifest"))
            for name, stage in stages.items():
                made.make(stage, _find(files, told.get(name, {})))
            yield Remade(settings, made, [*stages], run)

    def _configure(self, variant: Variant) -> DictConfig:
        """The configuration: what it changes changes no decision, but for the schedule."""
        config = copy.deepcopy(self.config)
        config.backtest.engine = "fast"  # a second book of the same account
        config.observers = {}
        if variant.starts is not None:
            config.validation.dates = [*variant.starts]
        return config

    def _read(self, config: DictConfig) -> Settings:
        settings = read(config, self.registry)
        return settings if self.handed is None else replace(settings, source=self.handed)

    def _open(self, stack: ExitStack, config: DictConfig, label: str) -> RunFolder:
        place = stack.enter_context(TemporaryDirectory(prefix=".variant-", dir=self.place))

        def announce(stage: str, done: int, total: int) -> None:
            self.announce(f"{label}: {stage}", done, total)

        folder = RunFolder(Path(place) / "run", announce, secrets=self.secrets)
        plugins = config.get("plugins") or {}
        folder.guard = Guard(timeout=seconds(plugins.get("timeout_s")))
        folder.open()
        stack.callback(folder.release)
        return folder

    def _open_earlier(
        self,
        variant: Variant,
        config: DictConfig,
        settings: Settings,
        folder: RunFolder,
        watch: Watch,
    ) -> Reuse | Fresh:
        """What knows of earlier results; the library knows the source's own bars alone."""
        results = open_results(settings.store) if variant.kept else None
        if results is None:
            return Fresh()
        absent = {stage.name for stage in STAGES if not stage.wanted(settings)}
        keys = Keys(STAGES, config, self.registry, absent, folder.secrets)
        watch.key_of = keys.of
        origin, source = None, ""
        if variant.raw is None and self.handed is None:
            origin = self.origin
            source = keys.of("")[STAGES[0].name] if settings.source.repeatable else ""
        return Reuse(settings.store, results, folder, watch, keys, origin, source, last=True)


def _limit_threads(stack: ExitStack, threads: int | None) -> None:
    if threads is not None:
        from threadpoolctl import threadpool_limits

        stack.enter_context(limiting(threads))
        stack.enter_context(threadpool_limits(limits=threads))


def _choose(settings: Settings, variant: Variant) -> Mapping[str, Stage]:
    """The rows of the table that are made, with what the variant changes of them."""
    stages = {stage.name: stage for stage in list_deciding() if stage.wanted(settings)}
    raw, turn = variant.raw, variant.turn
    if raw is not None:
        stages["source"] = replace(stages["source"], work=lambda: raw)
    if turn is not None:
        stages["bars"] = replace(stages["bars"], work=_turning(turn))
    if not variant.kept:  # what it would leave is for the store
        stages = {name: replace(stage, leaves=None) for name, stage in stages.items()}
    return stages


def _turning(turn: Callable[[Bars], Bars]) -> Callable[..., Bars]:
    def lay(source: Raw, universe: Any, policy: Any, time: Any, share: float) -> Bars:
        return turn(lay_out(source, universe, policy, time, share))

    return lay


def _make(made: Making, stages: Sequence[Stage], must: bool) -> Remade:
    done: list[str] = []
    for stage in stages:
        try:
            made.make(stage)
        except EngineError as error:
            if must:
                raise
            return Remade(made.settings, made, done, made.folder.path, f"{stage.name}: {error}")
        done.append(stage.name)
    return Remade(made.settings, made, done, made.folder.path)


def _find(files: Artifacts, told: Mapping[str, Any]) -> Found:
    return Found(
        copy=lambda folder: None,
        told=told,
        warned=(),
        files=files,
        refusal="audit: the source has other data than a moment ago: type audit=none",
    )


@contextmanager
def _muting() -> Iterator[None]:
    """Send nothing to the screen: what a run is warned of, it is warned of once."""

    def refuse(record: logging.LogRecord) -> bool:
        return False

    handlers = [*logging.getLogger().handlers]
    for handler in handlers:
        handler.addFilter(refuse)
    last, logging.lastResort = logging.lastResort, None
    try:
        yield
    finally:
        logging.lastResort = last
        for handler in handlers:
            handler.removeFilter(refuse)
