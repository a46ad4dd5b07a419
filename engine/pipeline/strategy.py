"""The key of a strategy: the same for the same way from bars to an account, whatever the bars are.

It is made of the configuration that the stages up to the account read, less where bars come from,
of the files that their plugins read, and of the code of plugins that are not the engine's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256

from omegaconf import DictConfig

from engine.config import Hidden
from engine.pipeline.keys import Used, list_used, read_plain
from engine.pipeline.settings import Settings
from engine.pipeline.stages import list_deciding
from engine.plugin import HOME, Registry

SOURCE = "source"  # where bars come from, and their dates
IDLE = {"bundle": "name", "universe": "name", "backtest": "engine"}  # options without effect


def make_strategy_key(
    config: DictConfig, settings: Settings, registry: Registry, secrets: Hidden
) -> str:
    """Return the key of a run's strategy.

    Parameters
    ----------
    config : DictConfig
        Composed and resolved.
    settings : Settings
    registry : Registry
        Where its plugins come from.
    secrets : Hidden
        What no key is made of.
    """
    stages = list_deciding(settings)
    keys = {key for stage in stages for key in stage.reads.values()} - {SOURCE}
    nodes = {key: read_plain(config, key) for key in sorted(keys)}
    for key, option in IDLE.items():
        nodes[key].pop(option, None)
    used = [each for stage in stages for each in list_used(stage, config, registry)]
    code = {line for each in used if each.entry.kind != SOURCE for line in _describe(each)}
    parts = {"nodes": secrets.everywhere(nodes), "code": sorted(code)}
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _describe(used: Used) -> Iterator[str]:
    """Which code a plugin is, where it is not the engine's, and what stands in its files."""
    lines = used.contents if used.entry.dist == HOME else used.lines
    return (f"{used.label} {line}" for line in lines)
