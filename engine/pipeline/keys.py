"""The key of a stage: the same for the same result, another for what may be another one.

A key is made of the configuration that the stage's row reads, the files that this names, the keys
of the stages that it is made of, the code and the libraries that work it out, and, of the source,
the data. Nothing else changes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from llvmlite.binding import get_host_cpu_name
from omegaconf import DictConfig, OmegaConf

from engine.bars import Policy
from engine.config import Hidden
from engine.core.nesting import find_nests
from engine.core.universe import Universe
from engine.expr import guest_names
from engine.pipeline.stage import Stage
from engine.plugin import (
    Entry,
    Registry,
    engine_identity,
    find_file_options,
    identity,
    list_places,
    tree,
)

PROCESSOR = "processor"  # of libraries whose sums depend on the width of its vectors


class Keys:
    """The keys of the stages, once the fingerprint of the data is known.

    Parameters
    ----------
    stages : sequence of Stage
    config : DictConfig
        Composed and resolved.
    registry : Registry
        Where the plugins that it names come from.
    absent : set of str
        Stages that these settings do not ask for; their key is "".
    secrets : Hidden, optional
        What no key is made of: a password may change, and the data are the same.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        config: DictConfig,
        registry: Registry,
        absent: Set[str] = frozenset(),
        secrets: Hidden | None = None,
    ) -> None:
        self.stages, self.config, self.registry = stages, config, registry
        hidden = secrets or Hidden()
        self._parts = {
            stage.name: {
                "stage": stage.name,
                "reads": hidden.everywhere(_read(stage, config)),
                "libraries": {name: _version(name) for name in stage.libraries},
                **self._find_code(stage),
            }
            for stage in stages
            if stage.name not in absent
        }

    def _find_code(self, stage: Stage) -> dict[str, list[str]]:
        return {
            "files": [*_read_named_files(stage, self.config)],
            "code": [engine_identity(), *_code(stage, self.config, self.registry)],
        }

    def of(self, data: str) -> dict[str, str]:
        """Return the key of each stage for the fingerprint of what came in from outside."""
        made: dict[str, str] = {}
        for stage in self.stages:
            if stage.name not in self._parts:
                made[stage.name] = ""
                continue
            parts = self._parts[stage.name] | {
                "of": {name: made[name] for name in stage.of},
                "data": data if stage.data is not None else "",
            }
            made[stage.name] = sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
        return made

    def make_job_key(self, shown: Any) -> str:
        """Return the key of a whole job: of its configuration as it is shown, and of all code."""
        parts = {"config": shown, "keys": self.of("")}
        return sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]

    def list_libraries(self, stage: Stage) -> list[str]:
        """The engine's code, and the libraries that work a stage out."""
        return [engine_identity(), *(f"{name} {_version(name)}" for name in stage.libraries)]

    def list_used(self, stage: Stage) -> list[Used]:
        """The plugins that a stage uses."""
        return [*list_used(stage, self.config, self.registry)]

    def is_current(self, stage: Stage) -> bool:
        """Whether the files that a stage reads are still those that its key is made of."""
        now = self._find_code(stage)
        return all(self._parts[stage.name][name] == each for name, each in now.items())


def read_plain(config: DictConfig, key: str) -> Any:
    """Return what stands below a key, as plain values."""
    value = OmegaConf.select(config, key)
    if OmegaConf.is_config(value):
        value = OmegaConf.to_container(value, resolve=True)
    return json.loads(json.dumps(value, sort_keys=True, default=str))


def _read(stage: Stage, config: DictConfig) -> dict[str, Any]:
    return {key: read_plain(config, key) for key in sorted({*stage.reads.values()})}


def _read_named_files(stage: Stage, config: DictConfig) -> Iterator[str]:
    """What stands in the files that the engine's own nodes name."""
    for node, cls in {"universe": Universe, "bars": Policy}.items():
        for option in find_file_options(cls):
            for key in {*stage.reads.values()} & {node, f"{node}.{option}"}:
                found = OmegaConf.select(config, f"{node}.{option}")
                yield from (f"{key}.{option} {each}" for each in _contents(found))


@dataclass(frozen=True)
class Used:
    """A plugin that a stage uses.

    Parameters
    ----------
    label : str
        What the configuration calls it, where that is not its kind.
    entry : Entry
    node : DictConfig
        Its configuration.
    """

    label: str
    entry: Entry
    node: DictConfig

    @property
    def lines(self) -> Iterator[str]:
        """Which code it is, and what stands in the files that it reads."""
        yield f"{self.entry.kind} {self.node.name}: {identity(self.entry)}"
        yield from self.contents

    @property
    def contents(self) -> Iterator[str]:
        """What stands in the files that it reads."""
        for field in find_file_options(self.entry.cls):
            yield from (f"{field} {each}" for each in _contents(self.node.get(field)))

    @property
    def files(self) -> Iterator[Path]:
        """The files and folders that it reads."""
        for field in find_file_options(self.entry.cls):
            yield from list_places(self.node.get(field))


def list_used(stage: Stage, config: DictConfig, registry: Registry) -> Iterator[Used]:
    """The plugins that a stage uses."""
    groups = registry.groups
    for key in sorted({*stage.reads.values()}):
        if key in groups:
            yield from _list_all(registry, groups[key], config[key])
        elif key == "factors":
            yield from _list_factors(config.factors, registry)


def _code(stage: Stage, config: DictConfig, registry: Registry) -> Iterator[str]:
    """Which code the plugins are that a stage reads, and what stands in the files they read."""
    for used in list_used(stage, config, registry):
        if used.label:
            yield f"{used.label} {' '.join(used.lines)}"
        else:
            yield from used.lines


def _list_factors(node: DictConfig, registry: Registry) -> Iterator[Used]:
    operators: set[str] = set()
    for name in map(str, node):
        entry = node[name]
        if isinstance(entry, DictConfig) and entry.get("name") != "formula":
            yield _use(registry, "factor", entry, name)
        else:
            text = entry if isinstance(entry, str) else str(entry.get("formula", ""))
            operators |= guest_names(text, registry.entries("operator"))
    for name in sorted(operators):
        yield _use(registry, "operator", OmegaConf.create({"name": name}))


def _use(registry: Registry, kind: str, node: DictConfig, label: str = "") -> Used:
    return Used(label, registry.find(kind, str(node.name), kind), node)


def _list_all(registry: Registry, kind: str, node: DictConfig, label: str = "") -> Iterator[Used]:
    """A plugin, and those that it is made of."""
    used = _use(registry, kind, node, label)
    yield used
    for name, nest in find_nests(used.entry.cls).items():
        held = node[name]
        inside = {f"{name}.{key}": held[key] for key in sorted(held)} if nest.many else {name: held}
        for place, each in inside.items():
            where = f"{label}.{place}".lstrip(".")
            yield from _list_all(registry, nest.kind.kind_name, each, where)


def _contents(value: Any) -> Iterator[str]:
    """What stands in a file, or in those that a pattern or a list names."""
    return (f"{place.name} {tree(place)}" for place in list_places(value))


@cache
def _version(library: str) -> str:
    if library == PROCESSOR:
        return str(get_host_cpu_name())
    try:
        return version(library)
    except PackageNotFoundError:
        return ""
