"""YAML of a class whose fields are options: complete, with what each value means beside it.

The files of ``conf/`` are written so: their first lines say how to choose them, the rest is the
class. A file may set other values than the class has; each of these says the class's default.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

import yaml

from engine.core.fields import REQUIRED, default
from engine.core.nesting import find_nests, get_option

WIDTH = 100  # columns of a line
NO_BREAK = "\xa0"  # a unit stays on one line
NARROW = 28  # columns of a key and its value, before the remark; longer ones stand out


def sort_fields(cls: type) -> list[dataclasses.Field[Any]]:
    """The fields in the order of their YAML.

    What must be given comes first, as an empty text must; then the class's own fields, then
    those of its bases, the nearest first. Fields that hold plugins are no lines of it
    (`defaults_lines`).
    """
    nests = find_nests(cls)
    nearest = [base for base in cls.__mro__ if "__dataclass_fields__" in vars(base)]

    def rank(field: dataclasses.Field[Any]) -> tuple[bool, int]:
        first = default(field) in ("", REQUIRED)
        home = [i for i, base in enumerate(nearest) if field.name in inspect.get_annotations(base)]
        return not first, home[0]

    return sorted((f for f in dataclasses.fields(cls) if f.name not in nests), key=rank)


def yaml_lines(cls: type, values: Mapping[str, Any] | None = None) -> list[str]:
    """Return a line ``key: value  # what it means`` for each field, long remarks continued.

    Parameters
    ----------
    cls : type
        A dataclass.
    values : mapping, optional
        Values in place of the defaults; the remark of one that differs begins with the default.
    """
    values = values or {}
    rows = []
    for field in sort_fields(cls):
        own = default(field)
        value = values.get(field.name, own)
        other = "" if value == own else f"by default {to_yaml(own)}; "
        rows.append((f"{field.name}: {to_yaml(value)}", other + _remark(field), _each(cls, field)))
    widths = [len(pair) for pair, _, _ in rows if len(pair) <= NARROW]
    column = max(widths, default=0) + 2
    return [
        line
        for pair, remark, each in rows
        for line in (*_line(pair, remark, column), *(f"#   {inner}" for inner in each))
    ]


def defaults_lines(cls: type) -> list[str]:
    """Return the list of defaults that a class's file begins with: the plugins inside it.

    Each is a node of its own, so that Hydra composes it from its group and each option can be
    overridden. Empty for a class that holds none.
    """
    rows = []
    for name, nest in find_nests(cls).items():
        chosen = get_option(cls, name, "plugins")
        inside = {f"{name}.{key}": each for key, each in chosen.items()} if nest.many else None
        group = getattr(nest.kind, "config_key")  # noqa: B009
        rows += [f"  - /{group}@{key}: {each}" for key, each in (inside or {name: chosen}).items()]
    return ["defaults:", *rows, "  - _self_"] if rows else []


def to_yaml(value: Any) -> str:
    """A plain value as YAML on one line."""
    if value == REQUIRED:
        return REQUIRED
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False)
    text = text.removesuffix("\n").removesuffix("\n...")
    return json.dumps(value, ensure_ascii=False) if text.startswith(("'", '"')) else text


def _remark(field: dataclasses.Field[Any]) -> str:
    choices, unit = field.metadata.get("choices", ()), field.metadata.get("unit", "")
    parts = [" | ".join(map(to_yaml, choices)), field.metadata.get("help", "")]
    return ": ".join(filter(None, parts)) + (f" [{unit}]".replace(" ", NO_BREAK) if unit else "")


def _each(cls: type, field: dataclasses.Field[Any]) -> list[str]:
    """The lines of what each entry is, where a field maps names to instances of a dataclass."""
    kind = get_type_hints(cls)[field.name]
    inner = get_args(kind)[-1] if get_origin(kind) is dict else None
    return yaml_lines(inner) if isinstance(inner, type) and is_dataclass(inner) else []


def _line(pair: str, remark: str, column: int) -> Iterator[str]:
    start = max(column, len(pair) + 2)
    room = max(WIDTH - start - 2, 40)
    lines = [line.replace(NO_BREAK, " ").strip() for line in textwrap.wrap(remark, room)]
    first, *more = lines or [""]
    yield f"{pair:{start}}# {first}" if first else pair
    yield from (f"{'':{start}}# {line}" for line in more)
