"""Where an audit comes from: a configuration that was typed, or a run that is at its end."""

from __future__ import annotations

import copy
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine.audit.auditing import Audit, Request, compare_all
from engine.audit.record import to_plain
from engine.audit.verdicts import CLEAN, LATER, LEAK, find_worst
from engine.config import Hidden, compose_config, find_secrets
from engine.core.folders import take
from engine.core.plain import write_json
from engine.expr import using
from engine.pipeline import (
    Running,
    Variant,
    Workshop,
    choose_plugins,
    describe_origin,
    job,
    read,
)
from engine.plugin import HOME, Registry, installed, record_audit
from engine.report import draw_audit

FOLDER = "hydra.run.dir='outputs/audits/${oc.select:bundle.name,run}/${now:%Y-%m-%dT%H-%M-%S}'"
FILE = "audit.json"
Announce = Callable[[str, int, int], None]


def conduct(
    words: Sequence[str],
    request: Request,
    announce: Announce = lambda stage, done, total: None,
    switches: Sequence[str] = (),
) -> tuple[dict[str, Any], Path]:
    """Audit what ``engine run`` with these words would run; return what is told, and its folder.

    Raises
    ------
    EngineError
        When the configuration, the data or a plugin does not allow the run, or a date is none.
    """
    chosen = any(word.lstrip("+~").startswith("hydra.run.dir=") for word in words)
    config = compose_config([*words] if chosen else [*words, FOLDER])
    plain = job(config)
    raw, secrets = copy.deepcopy(plain), find_secrets(plain)  # before it is resolved
    raw.pop("store", None)
    registry = choose_plugins(plain, installed())
    with using(registry):
        read(plain, registry)  # a mistake in it is told before a folder is taken
    path, lock = take(config, "run")
    try:
        workshop = Workshop(
            plain,
            registry,
            path,
            secrets,
            lambda: describe_origin(copy.deepcopy(raw), registry),
            announce=announce,
        )
        made = workshop.make(Variant(), must=True)
        audit = compare_all(workshop, made, request)
        command = shlex.join(["engine", "audit", *words, *switches])
        told = _write(to_plain(audit, command), path, secrets)
        _keep(audit, registry)
        draw_audit(told, path)
    finally:
        lock.release()
    return told, path


def finish(running: Running) -> None:
    """Cut the rows of a run that is at its end, and leave what that shows in its folder."""
    handed = running.settings.source if running.origin is None else None
    workshop = Workshop(
        running.config, running.registry, running.path, running.secrets, running.origin, handed
    )
    request = Request(cuts=running.settings.audit.cuts, all=False)
    audit = compare_all(workshop, workshop.read(running.path), request)
    _write(to_plain(audit, "audit=quick"), running.path, running.secrets)
    _keep(audit, running.registry)


def _keep(audit: Audit, registry: Registry) -> None:
    """Keep what was found of other distributions' code, for the manifests of later runs."""
    judged = [each for each in audit.verdicts if each.verdict in (LEAK, LATER, CLEAN)]
    for plugin in sorted({each.plugin for each in judged if each.plugin}):
        kind, _, named = plugin.partition(" ")
        entry = registry.find(kind, named, "audit")
        if entry.dist != HOME:
            worst = find_worst(each for each in judged if each.plugin == plugin)
            record_audit(entry.cls, worst, LEAK)


def _write(told: dict[str, Any], folder: Path, secrets: Hidden) -> dict[str, Any]:
    """Write what is told, without the secrets; return that."""
    shown: dict[str, Any] = secrets.everywhere(told)
    write_json(folder / FILE, shown)
    return shown
