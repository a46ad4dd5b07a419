"""The key of a stage: the same for the same result, another for what may be another one.

A key is made of the configuration that the stage's row reads, the files that this names, the keys
of the stages that it is made of, the code and the libraries that work it out, and, of the source,
the data. Nothing else changes it.
"""

from __future__ import annotations

import dataclasses
import glob
import json
from collections.abc import Iterator, Sequence, Set
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from llvmlite.binding import get_host_cpu_name
from omegaconf import DictConfig, OmegaConf

from engine.bars import Policy
from engine.config import Hidden
from engine.core.universe import Universe
from engine.expr import guest_names
from engine.pipeline.stage import Stage
from engine.plugin import Registry, engine_identity, identity, tree

PROCESSOR = "processor"  # of libraries whose sums depend on the width of its vectors


def keys(
    stages: Sequence[Stage],
    config: DictConfig,
    registry: Registry,
    data: str,
    absent: Set[str] = frozenset(),
    secrets: Hidden | None = None,
) -> dict[str, str]:
    """Return the key of each stage.

    Parameters
    ----------
    stages : sequence of Stage
    config : DictConfig
        Composed and resolved.
    registry : Registry
        Where the plugins that it names come from.
    data : str
        The fingerprint of what came in from outside.
    absent : set of str
        Stages that these settings do not ask for; their key is "".
    secrets : Hidden, optional
        What no key is made of: a password may change, and the data are the same.
    """
    made: dict[str, str] = {}
    secrets = secrets or Hidden()
    for stage in stages:
        if stage.name in absent:
            made[stage.name] = ""
            continue
        parts = {
            "stage": stage.name,
            "reads": secrets.everywhere(_read(stage, config)),
            "files": [*_read_named_files(stage, config)],
            "of": {name: made[name] for name in stage.of},
            "code": [engine_identity(), *_code(stage, config, registry)],
            "libraries": {name: _version(name) for name in stage.libraries},
            "data": data if stage.data is not None else "",
        }
        made[stage.name] = sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
    return made


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
        for option in _file_options(cls):
            for key in {*stage.reads.values()} & {node, f"{node}.{option}"}:
                found = OmegaConf.select(config, f"{node}.{option}")
                yield from (f"{key}.{option} {each}" for each in _contents(found))


def _code(stage: Stage, config: DictConfig, registry: Registry) -> Iterator[str]:
    """Which code the plugins are that a stage reads, and what stands in the files they read."""
    groups = registry.groups
    for key in sorted({*stage.reads.values()}):
        if key in groups:
            yield from _plugin(registry, groups[key], config[key])
        elif key == "factors":
            yield from _factors(config.factors, registry)


def _factors(node: DictConfig, registry: Registry) -> Iterator[str]:
    operators: set[str] = set()
    for name in map(str, node):
        entry = node[name]
        if isinstance(entry, DictConfig) and entry.get("name") != "formula":
            yield f"{name} {' '.join(_plugin(registry, 'factor', entry))}"
        else:
            text = entry if isinstance(entry, str) else str(entry.get("formula", ""))
            operators |= guest_names(text, registry.entries("operator"))
    for name in sorted(operators):
        yield from _plugin(registry, "operator", OmegaConf.create({"name": name}))


def _plugin(registry: Registry, kind: str, node: DictConfig) -> Iterator[str]:
    entry = registry.find(kind, str(node.name), kind)
    yield f"{kind} {node.name}: {identity(entry)}"
    for field in _file_options(entry.cls):
        yield from (f"{field} {each}" for each in _contents(node.get(field)))


def _file_options(cls: type) -> Iterator[str]:
    """Names of the options that are files to be read."""
    for field in dataclasses.fields(cls):
        if field.metadata.get("file"):
            yield field.name


def _contents(value: Any) -> Iterator[str]:
    """What stands in a file, or in those that a pattern or a list names."""
    if OmegaConf.is_config(value):
        for each in value.values() if OmegaConf.is_dict(value) else value:
            yield from _contents(each)
    elif isinstance(value, str) and value:
        named = Path(value).expanduser()
        places = [named] if named.exists() else map(Path, sorted(glob.glob(str(named))))
        yield from (f"{place.name} {tree(place)}" for place in places)


@cache
def _version(library: str) -> str:
    if library == PROCESSOR:
        return str(get_host_cpu_name())
    try:
        return version(library)
    except PackageNotFoundError:
        return ""
