"""``engine plugins show``: one plugin, its fields, and YAML that builds it."""

from __future__ import annotations

import dataclasses
import inspect
import json
from typing import Any

from engine.cli.plugins.catalog import aligned, origin
from engine.core.kinds import Operator
from engine.plugin import Entry

REQUIRED = "???"  # OmegaConf's mark for a value that must be given
_GROUPS = {"source": "source", "regime": "regime", "model": "model", "portfolio": "portfolio",
           "cost": "costs"}  # fmt: skip
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


def default(field: dataclasses.Field[Any]) -> Any:
    """Return a field's default; `REQUIRED` where it has none."""
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return REQUIRED


def type_of(field: dataclasses.Field[Any]) -> str:
    """Return a field's type as written."""
    return field.type if isinstance(field.type, str) else inspect.formatannotation(field.type)


def example(entry: Entry) -> str:
    """Return YAML that builds the plugin with its defaults; its first line says where to put it."""
    cls = entry.cls
    lines = [f"name: {cls.name}", *_lines(cls)]
    if entry.kind in _GROUPS:
        group = _GROUPS[entry.kind]
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
            _value(default(field)),
            _allowed(field),
            str(field.metadata.get("help", "")),
        )
        for field in dataclasses.fields(cls)
    ]
    if not rows:
        return "no fields"
    head = ("field", "type", "unit", "default", "allowed", "what it means")
    return aligned([head, *rows])


def _allowed(field: dataclasses.Field[Any]) -> str:
    choices = field.metadata.get("choices", ())
    low, high = field.metadata.get("ge"), field.metadata.get("le")
    if choices:
        return " | ".join(map(str, choices))
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low is not None:
        return f">= {low}"
    return f"<= {high}" if high is not None else ""


def _lines(cls: type) -> list[str]:
    rows = []
    for field in dataclasses.fields(cls):
        unit, meaning = field.metadata.get("unit", ""), field.metadata.get("help", "")
        note = " ".join(f"{unit}: {meaning}".split()).strip(": ")
        rows.append((f"{field.name}: {_value(default(field))}", f"# {note}" if note else ""))
    return aligned(rows).splitlines()


def _value(value: Any) -> str:
    """A plain value as YAML on one line."""
    return REQUIRED if value == REQUIRED else json.dumps(value, ensure_ascii=False, default=str)
