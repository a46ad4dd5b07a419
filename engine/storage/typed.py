"""Plain JSON as dataclasses: one reader for every file that a run leaves.

A field's name is its key, unless ``metadata["key"]`` says another; a field with a default may be
missing. Types may be dataclasses, ``Mapping[str, X]``, ``tuple[X, ...]``, ``X | None``, ``bool``,
``int``, ``float``, ``str`` and ``Any``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from engine.core.errors import DataError

T = TypeVar("T")
PLAIN = {bool: (bool,), int: (int,), float: (float, int), str: (str,)}
OTHER = "so another version wrote it; run the bundle again"


def to_typed(cls: type[T], content: object, file: Path) -> T:
    """Return what a JSON file holds as an instance of a dataclass.

    Parameters
    ----------
    cls : type
        A dataclass. Keys that it does not know are left alone.
    content : object
        Of the file, as `json.loads` returns it. Numbers stay what they are.
    file : pathlib.Path
        Is named in an error.

    Raises
    ------
    DataError
        A key is missing, or has a value of another type.
    """
    made: T = _value(cls, content, file, "")
    return made


def _value(hint: Any, value: Any, file: Path, key: str) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any or (origin is UnionType and value is None):
        return value
    if origin is UnionType:  # X | None
        return _value(inner[0], value, file, key)
    if origin is Mapping and isinstance(value, dict):
        return {
            name: _value(inner[1], each, file, _below(key, name)) for name, each in value.items()
        }
    if origin is tuple and isinstance(value, list):
        return tuple(_value(inner[0], each, file, f"{key}.{at}") for at, each in enumerate(value))
    if is_dataclass(hint) and isinstance(value, dict):
        return _record(hint, value, file, key)
    if type(value) in PLAIN.get(hint, ()):
        return value
    raise DataError(f"{file}: {key or 'its content'} is of type {type(value).__name__}, {OTHER}")


def _record(cls: Any, content: dict[str, Any], file: Path, key: str) -> Any:
    lacking = sorted(_below(key, name) for name in _find_needed(cls) if name not in content)
    if lacking:
        raise DataError(f"{file}: lacks {', '.join(lacking)}, {OTHER}")
    hints = _hints(cls)
    values = {
        each.name: _value(hints[each.name], content[name], file, _below(key, name))
        for each in fields(cls)
        if (name := key_of(each)) in content
    }
    return cls(**values)


def _find_needed(cls: Any) -> Iterator[str]:
    for each in fields(cls):
        if each.default is MISSING and each.default_factory is MISSING:
            yield key_of(each)


def key_of(field: Field[Any]) -> str:
    """Return the key of a field in the file."""
    return str(field.metadata.get("key", field.name))


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls)


def _below(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
