"""``engine plugins check``: the conformance kit on one plugin."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from engine.cli.plugins.catalog import align, origin
from engine.cli.plugins.page import type_of
from engine.core.errors import ConfigError, EngineError, PluginError, did_you_mean
from engine.core.fields import REQUIRED, default
from engine.core.kinds import Kind
from engine.plugin import Entry, installed


def trial(entry: Entry, words: Sequence[str]) -> tuple[str, bool]:
    """Return the verdicts as lines, and whether all properties hold.

    Parameters
    ----------
    entry : Entry
        The plugin; built with its defaults.
    words : sequence of str
        ``key=value`` for other fields than the defaults; values are YAML, as in a run.

    Raises
    ------
    ConfigError
        A field needs a value, does not exist, or refuses its value.
    PluginError
        The plugin cannot be built.
    """
    plugin = build(entry, words)
    from engine.testing import verdicts

    found = verdicts(plugin)
    rows = [("ok" if v.ok else "FAILED", v.property, v.message) for v in found]
    held = sum(v.ok for v in found)
    head = f"{entry.kind} {entry.cls.name}, {origin(entry)}"
    count = f"{held} of {len(found)} properties hold"
    return "\n".join([head, align(rows, "  "), count]), held == len(found)


def build(entry: Entry, words: Sequence[str]) -> Kind:
    """Return the plugin with its defaults and the fields that `words` give."""
    name = entry.cls.name
    values = _values(entry.cls, words)
    fields = dataclasses.fields(entry.cls)  # type: ignore[arg-type]  # checked to be a dataclass
    wanted = [f.name for f in fields if default(f) in ("", REQUIRED) and f.name not in values]
    if wanted:
        raise ConfigError(f"{name} needs a value: add {' '.join(f'{f}=…' for f in wanted)}")
    try:
        made: Kind = installed().build_plain(entry.cls, values, name)
        return made
    except EngineError:
        raise
    except Exception as error:  # a stranger's __post_init__ may raise anything
        what = " ".join(str(error).split())
        raise PluginError(f"{name} cannot be built: {type(error).__name__}: {what}") from error


def _values(cls: type[Kind], words: Sequence[str]) -> dict[str, Any]:
    types = {f.name: type_of(f) for f in dataclasses.fields(cls)}  # type: ignore[arg-type]  # see above
    values: dict[str, Any] = {}
    for word in words:
        key, _, text = word.partition("=")
        if key not in types:
            raise ConfigError(f"{cls.name}.{key}: no such field; {did_you_mean(key, types)}")
        values[key] = text if types[key] == "str" else _plain(word, text)
    return values


def _plain(word: str, text: str) -> Any:
    try:
        return OmegaConf.create(f"value: {text}").value
    except (YAMLError, OmegaConfBaseException, ValueError) as error:
        raise ConfigError(f"{word}: the value cannot be read as YAML; quote it") from error
