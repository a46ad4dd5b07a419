"""``engine plugins show``: one plugin, its fields, and YAML that builds it."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

from engine.cli.plugins.catalog import align, origin
from engine.config import defaults_lines, sort_fields, to_yaml, yaml_lines
from engine.core.fields import default
from engine.core.kinds import Operator
from engine.core.options import describe_bounds
from engine.plugin import Entry

_ARGUMENTS = {"x": "close", "d": "20", "n": "2", "g": "sector"}  # one of each, for an example


def page(entry: Entry) -> str:
    """Return the page that ``engine plugins show`` prints."""
    cls = entry.cls
    parts = [
        f"{entry.kind} {cls.name}\n  from     {origin(entry)}\n  source   {_place(cls)}",
        inspect.getdoc(cls) or "(no docstring)",
        _fields(cls),
        example(entry),
    ]
    return "\n\n".join(parts)


def type_of(field: dataclasses.Field[Any]) -> str:
    """Return a field's type as written."""
    return field.type if isinstance(field.type, str) else inspect.formatannotation(field.type)


def example(entry: Entry) -> str:
    """Return YAML that builds the plugin with its defaults; its first line says where to put it."""
    cls = entry.cls
    lines = [*defaults_lines(cls), f"name: {cls.name}", *yaml_lines(cls)]
    group = cls.config_key
    if group:
        return "\n".join([f"# conf/{group}/mine.yaml, for engine run … {group}=mine", *lines])
    if entry.kind == "factor":
        inner = [f"{cls.name}:", *(f"  {line}" for line in lines)]
        return "\n".join(["# conf/factors/mine.yaml, for engine run … factors=mine", *inner])
    if entry.kind == "observer":
        inner = ["observers:", f"  {cls.name}:", *(f"    {line}" for line in lines)]
        return "\n".join(["# in a bundle", *inner])
    assert issubclass(cls, Operator)
    call = f"{cls.name}({', '.join(_ARGUMENTS[letter] for letter in cls.args)})"
    return "\n".join(
        [
            "# conf/factors/mine.yaml, for engine run … factors=mine",
            "my_factor:",
            "  name: formula",
            f'  formula: "{call}"',
        ]
    )


def _place(cls: type) -> str:
    try:
        return f"{inspect.getsourcefile(cls)}:{inspect.getsourcelines(cls)[1]}"
    except (OSError, TypeError):  # made at run time, or shipped without its source
        return str(cls.__module__)


def _fields(cls: type) -> str:
    rows = [
        (
            field.name,
            type_of(field),
            str(field.metadata.get("unit", "")),
            to_yaml(default(field)),
            _tell_allowed(field),
            str(field.metadata.get("help", "")),
        )
        for field in sort_fields(cls)
    ]
    if not rows:
        return "no fields"
    head = ("field", "type", "unit", "default", "allowed", "what it means")
    return align([head, *rows])


def _tell_allowed(field: dataclasses.Field[Any]) -> str:
    choices = field.metadata.get("choices", ())
    return " | ".join(filter(None, [*map(str, choices), describe_bounds(field.metadata)]))
