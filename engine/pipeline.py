"""The story of a run: from bars to report, one stage a line.

    bars → factors → label → regimes → forecasts → signal → account → metrics → report

Each stage takes what the stages before it made, hands over through a contract, and leaves
an artifact in the run folder. Nothing flows backwards.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence, Set
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig, OmegaConf

from engine import stages
from engine.artifacts import Announce, Report, RunFolder
from engine.delisting import undisclosed
from engine.errors import ConfigError
from engine.expr.guests import using
from engine.folders import taken
from engine.guard import Guard, guarding, seconds
from engine.handed import Handed
from engine.hidden import hidden
from engine.lock import Lock
from engine.manifest import manifest, unchecked
from engine.panel import Panel
from engine.reading import Reading
from engine.registry import Registry, installed
from engine.settings import Settings, chosen, read
from engine.unread import unread
from engine.watch import Watch, identity

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)
__all__ = ["Report", "execute", "run"]

HANDED = f"source={Handed.name}"  # what the manifest's command says of handed bars


def run(
    overrides: Sequence[str], *, path: str | Path | None = None, bars: pd.DataFrame | None = None
) -> Report:
    """Run a bundle, as ``engine run`` does, and return its report.

    Parameters
    ----------
    overrides : sequence of str
        What one would type after ``engine run``, such as ``["+bundle=ai_tech_core_ml"]``.
    path : path, optional
        The run folder; by default that of the configuration (``hydra.run.dir``).
    bars : pandas.DataFrame, optional
        The bars, instead of a source's: a row per bar with ``timestamp`` (or ``date``),
        ``symbol``, ``close`` and more, or closes as dates × symbols. They are checked like
        any source's (``bars.*``), and not changed. ``source.date_format=…`` and the other keys of
        ``conf/source/panel.yaml`` say how they are read; the manifest calls their source ``panel``.

    Raises
    ------
    EngineError
        When the configuration, the data or a plugin does not allow the run.
    """
    from engine.config import composed

    words = list(overrides) if bars is None else _handing(overrides)
    config = composed(words)
    plain = job(config)
    if bars is not None:  # a bundle's values are those of the source that it names
        known = ("name", *(field.name for field in fields(Reading)))
        plain.source = {key: plain.source[key] for key in known if key in plain.source}
    if path is not None:
        return execute(plain, Path(path), words, bars=bars)
    folder, lock = taken(config, "run")
    return execute(plain, folder, words, bars=bars, lock=lock)


def _handing(overrides: Sequence[str]) -> list[str]:
    """The overrides with the handed bars as the source; its options say how they are read."""
    words = [word for word in overrides if word != HANDED]
    known = {f"source.{field.name}" for field in fields(Reading)}
    for word in words:
        key = word.lstrip("+~").split("=")[0]
        if key.split(".")[0] == "source" and not known & {key, ".".join(key.split(".")[:2])}:
            raise ConfigError(f"{word}: the bars are handed over: leave out {key}, or bars")
    return [*words, HANDED]


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
) -> Report:
    """Run a composed configuration into a folder; `bars` stand in place of its source's.

    Who has taken the folder already hands over the `lock`; it is released in any case.
    """
    folder = RunFolder(path, announce, lock=lock, secrets=hidden(config))
    try:
        registry = chosen(config, installed())
        with using(registry) as operators:
            return _execute(config, folder, overrides, registry, operators, bars)
    finally:
        folder.release()


def _execute(
    config: DictConfig,
    folder: RunFolder,
    overrides: Sequence[str],
    registry: Registry,
    operators: Set[str],
    bars: pd.DataFrame | None,
) -> Report:
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
            if settings.report.figures:
                folder.stage("report", lambda: stages.report(folder))
                folder.note("manifest", {**facts, "timings": folder.timings})
    except BaseException as error:  # whatever ended it, the folder says so and is let go
        folder.fail(f"{type(error).__name__}: {error}")
        raise
    folder.finish()
    return Report(folder.path)  # while the folder is still ours


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
