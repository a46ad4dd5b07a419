"""Plugins whose fields are plugins: a model that is made of models.

Such a field is annotated with a kind, ``final: engine.Model``, or with a mapping to one, ``models:
dict[str, engine.Model]``. In a configuration each stands as a node with a name and options of its
own, at any depth, so that each option can be overridden by its key.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from engine.core.kind import Kind


@dataclasses.dataclass(frozen=True)
class Nest:
    """A field that holds a plugin of a kind, or, by name, many."""

    kind: type[Kind]
    many: bool


@cache
def find_nests(cls: type) -> Mapping[str, Nest]:
    """Return the fields of a plugin's class that hold plugins: their options name `plugins`."""
    names = [field.name for field in dataclasses.fields(cls) if "plugins" in field.metadata]
    hints = get_type_hints(cls) if names else {}  # slow, and each start asks all classes
    found = {name: _read(hints[name]) for name in names}
    return {name: nest for name, nest in found.items() if nest is not None}


def _read(hint: Any) -> Nest | None:
    many = get_origin(hint) is dict
    inner = get_args(hint)[-1] if many else hint
    return Nest(inner, many) if isinstance(inner, type) and issubclass(inner, Kind) else None


def get_option(cls: type, name: str, what: str) -> Any:
    """Return what `engine.option` was told of a field, such as its ``plugins``."""
    field = next(each for each in dataclasses.fields(cls) if each.name == name)
    return field.metadata[what]


@cache
def take_plain(cls: type) -> type:
    """Return a dataclass with the fields that hold no plugins; the class itself without any."""
    nests = find_nests(cls)
    if not nests:
        return cls
    hints = get_type_hints(cls)
    kept = [
        (f.name, hints[f.name], _copy(f)) for f in dataclasses.fields(cls) if f.name not in nests
    ]
    return dataclasses.make_dataclass(cls.__name__, kept, frozen=True)


def _copy(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return dataclasses.field(default_factory=field.default_factory, metadata=field.metadata)
    return dataclasses.field(default=field.default, metadata=field.metadata)


def list_nested(plugin: Kind) -> Iterator[tuple[str, Kind]]:
    """Each plugin that a plugin is made of, with its key: ``models.ridge``; not those inside."""
    for name, nest in find_nests(type(plugin)).items():
        held = getattr(plugin, name)
        if nest.many:
            yield from ((f"{name}.{key}", held[key]) for key in sorted(held))
        elif held is not None:
            yield name, held


def describe(plugin: Kind) -> dict[str, Any]:
    """Return a plugin's name and options as plain values, those of plugins inside as well."""
    nests = find_nests(type(plugin))
    plain = dataclasses.asdict(plugin)  # type: ignore[call-overload]  # every plugin is one
    made: dict[str, Any] = {"name": plugin.name}
    for name, value in plain.items():
        held = getattr(plugin, name)
        if name not in nests:
            made[name] = value
        elif nests[name].many:
            made[name] = {key: describe(each) for key, each in held.items()}
        else:
            made[name] = None if held is None else describe(held)
    return made
