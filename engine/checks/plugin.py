"""What every plugin must be, whatever its kind: its fields are its configuration."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Hashable
from functools import cached_property
from typing import Any, TypeVar

from omegaconf import OmegaConf

from engine.checks.verdict import Broken
from engine.core.fields import structure
from engine.core.kinds import Kind
from engine.core.nesting import find_nests

P = TypeVar("P", bound=Kind)
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def fresh(plugin: P) -> P:
    """A new instance with the same configuration."""
    made: P = dataclasses.replace(plugin)  # type: ignore[type-var]
    return made


def state(plugin: Kind) -> dict[str, str]:
    """What an instance holds, but for values that its class caches; to be compared."""
    cached = {k for c in type(plugin).__mro__ for k, v in vars(c).items()
              if isinstance(v, cached_property)}  # fmt: skip
    return {k: repr(v) for k, v in vars(plugin).items() if k not in cached}


def check_config(plugin: Kind) -> None:
    """Raise Broken unless the plugin is a frozen dataclass that its own fields give again."""
    cls = type(plugin)
    if not dataclasses.is_dataclass(cls) or "__dataclass_params__" not in vars(cls):
        raise Broken(f"{cls.__name__} is no dataclass: put @dataclass(frozen=True) above it")
    name = getattr(cls, "name", None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Broken(f"name={name!r}: use lower case letters, digits and _ only")
    _check_doc(cls)
    for field in dataclasses.fields(plugin):
        _check_field(cls, field)
    fields = dataclasses.fields(plugin)
    whole, nests = dataclasses.asdict(plugin), find_nests(cls)
    values = {f.name: whole[f.name] for f in fields if f.init and f.name not in nests}
    plain = OmegaConf.create(OmegaConf.to_yaml(OmegaConf.create(values)))
    inside = {name: getattr(plugin, name) for name in nests}
    again = structure(cls, {str(k): v for k, v in plain.items()}, cls.__name__, inside)
    if again != plugin:
        raise Broken(f"comes back from YAML as {again!r}, and was {plugin!r}")


def _check_doc(cls: type[Kind]) -> None:
    """A dataclass without a docstring gets its signature for one."""
    doc = vars(cls).get("__doc__") or ""
    if not doc.strip() or doc.startswith(f"{cls.__name__}("):
        raise Broken(f"{cls.__name__} has no docstring: `engine plugins` shows its first line")


def _check_field(cls: type[Kind], field: dataclasses.Field[Any]) -> None:
    inherited = (getattr(base, "__dataclass_fields__", {}).get(field.name) for base in cls.__mro__)
    if not any(known is not None and known.metadata.get("help") for known in inherited):
        raise Broken(f"field {field.name!r} has no help text: engine.option(default, 'what it is')")
    if field.default is not dataclasses.MISSING and not isinstance(field.default, Hashable):
        raise Broken(f"field {field.name!r} has a mutable default: give it by engine.option")
    make = field.default_factory
    if make is not dataclasses.MISSING:
        one, two = make(), make()
        if one is two and not isinstance(one, Hashable):
            raise Broken(f"field {field.name!r} gives all instances one and the same default")
