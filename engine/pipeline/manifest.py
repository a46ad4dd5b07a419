"""The manifest: what ran, on what, with which code; enough to run it again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence, Set
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from engine.core.kinds import groups
from engine.pipeline.settings import Settings
from engine.plugin import HOME, Registry, code_hash, find_audit, find_checker

PACKAGES = (
    "alpha-engine",
    "hydra-core",
    "hmmlearn",
    "lightgbm",
    "numba",
    "numpy",
    "omegaconf",
    "pandas",
    "pandera",
    "pluggy",
    "pyarrow",
    "scikit-learn",
    "scipy",
    "vectorbt",
    "vectorbt-rust",
    "xgboost-cpu",
)


DETAILS = {"fits", "told", "members"}  # of a training, in forecasts.json alone


def manifest(
    settings: Settings,
    config: Any,
    overrides: Sequence[str],
    told: Mapping[str, Mapping[str, Any]],
    registry: Registry,
    operators: Set[str],
    trainings: Sequence[Mapping[str, Any]],
    data: str,
) -> dict[str, Any]:
    """Everything but the timings, as plain values; `config` is as it is to be shown.

    `told` is what the stages tell of their results, by name; `trainings` are those of
    ``forecasts.json``, and `data` is the fingerprint of what the source gave.
    """
    source, bars = settings.source, told["bars"]
    return {
        "command": shlex.join(["engine", "run", *overrides]),
        "config": config,
        "simulated": source.simulated,
        "made_elsewhere": settings.needs_model and settings.model.made_elsewhere,
        "source": {
            "name": source.name,
            "simulated": source.simulated,
            **bars["source"],
            "sha256": data,
        },
        **told["factors"],
        "findings": bars["findings"],
        "mends": bars["mends"],
        "plugins": list_plugins(settings, registry, operators),
        "versions": versions(),
        "seed": settings.seed,
        "splits": [_leave_details(each) for each in trainings],
        **told["account"],
    }


def read_told(content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What the stages of a finished run told, from its manifest."""
    ours = ("name", "simulated", "sha256")
    source = {name: each for name, each in content["source"].items() if name not in ours}
    return {
        "bars": {"source": source, **{name: content[name] for name in ("findings", "mends")}},
        "factors": {"empty_factors": content["empty_factors"]},
        "account": {name: content[name] for name in ("account", "bankrupt_on")},
    }


def _leave_details(training: Mapping[str, Any]) -> dict[str, Any]:
    """A training without what each fit saw and each model chose: there may be very much of it."""
    return {name: value for name, value in training.items() if name not in DETAILS}


def versions() -> dict[str, str]:
    """Installed version of each package that a result depends on."""
    return dict(_versions())


@cache
def _versions() -> Mapping[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def name_unchecked(plugins: Sequence[Mapping[str, Any]]) -> str:
    """Say which of a manifest's plugins the conformance kit never found sound; "" if none."""
    names = [p for p in plugins if p["checked_by"] is None]
    if not names:
        return ""
    told = ", ".join(f"{p['kind']} {p['name']} of {p['from']}" for p in names)
    return (
        f"plugins: the conformance kit has not checked {told}: results may look ahead; "
        f"type engine plugins check {names[0]['name']}"
    )


def list_plugins(
    settings: Settings, registry: Registry, operators: Set[str]
) -> list[dict[str, Any]]:
    """Every plugin that took part: its distribution, its code, and who found it sound."""
    used = {
        *((kind, getattr(settings, group).name) for group, kind in groups().items()),
        *((registry.groups[group], guest.name) for group, guest in settings.guests.items()),
        *(("operator", name) for name in operators),
        *(("factor", factor.name) for factor in settings.factors.values()),
        *(("observer", observer.name) for observer in settings.observers),
    }
    used.discard(("store", settings.store.name))  # where results are kept changes none
    if not settings.needs_model:
        used.discard(("model", settings.model.name))
    return [
        {
            "kind": kind,
            "name": name,
            "from": entry.origin,
            "sha256": code_hash(entry.cls),
            "checked_by": entry.version if entry.dist == HOME else find_checker(entry.cls),
            "audited": None if entry.dist == HOME else find_audit(entry.cls),
        }
        for kind, name in sorted(used)
        for entry in [registry.find(kind, name, kind)]
    ]
