"""Where bars come from, as a text: the same for the same bars of a longer or shorter time."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from engine.config import Hidden, find_secrets
from engine.core.text import quote
from engine.core.universe import Universe
from engine.pipeline.keys import read_plain
from engine.pipeline.settings import resolve
from engine.plugin import Registry

NODES = ("source", "universe", "bars", "time")
SPANS = ("start", "end")  # of a source: the first date is the bars' own, the last one may grow
PLACES = ("path", "root")  # options of a source that are a place of this machine


def describe_origin(config: DictConfig, registry: Registry) -> str:
    """Return what of a configuration says where its bars come from, without secrets.

    Files are named by their absolute paths and not read: the same file growing by a day is the
    normal case. Without the first and the last date that are asked for.

    Parameters
    ----------
    config : DictConfig
        Composed; it is resolved here.
    registry : Registry
        Where its source comes from.
    """
    secrets = find_secrets(config)
    resolve(config)
    return json.dumps(read_origin(config, registry, secrets), sort_keys=True)


def read_origin(config: DictConfig, registry: Registry, secrets: Hidden) -> dict[str, Any]:
    """Return the nodes that say where bars come from, without secrets and dates.

    Parameters
    ----------
    config : DictConfig
        Composed and resolved.
    registry : Registry
        Where its source comes from.
    secrets : Hidden
        What was found in it before it was resolved.
    """
    nodes = {key: read_plain(config, key) for key in NODES}
    nodes["source"] = {k: v for k, v in nodes["source"].items() if k not in SPANS}
    for key, name, path in _files(config, registry):
        nodes[key][name] = str(path)
    nodes["decision.share"] = read_plain(config, "decision.share")
    hidden: dict[str, Any] = secrets.everywhere(nodes)
    return hidden


def fix_paths(words: Sequence[str], config: DictConfig, registry: Registry) -> list[str]:
    """Return overrides with the files that they name as absolute paths."""
    fixed = {f"{key}.{name}": path for key, name, path in _files(config, registry)}
    made = []
    for word in words:
        key, sign, _ = word.partition("=")
        path = fixed.get(key.lstrip("+"))
        made.append(f"{key}={quote(str(path))}" if path is not None and sign else word)
    return made


def _files(config: DictConfig, registry: Registry) -> Iterator[tuple[str, str, Path]]:
    """The options of source and universe that are files: node, option and absolute path."""
    source = registry.find("source", str(config.source.get("name")), "source").cls
    for key, cls in {"source": source, "universe": Universe}.items():
        node: Mapping[str, Any] = config.get(key) or {}
        for field in dataclasses.fields(cls):
            value = node.get(field.name)
            named = field.metadata.get("file") or field.name in PLACES
            if named and isinstance(value, str) and value:
                yield key, field.name, Path(value).expanduser().absolute()
