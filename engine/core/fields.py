"""Typed fields from plain values: the one place where configuration becomes a dataclass."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from engine.core.errors import ConfigError, did_you_mean
from engine.core.nesting import take_plain
from engine.core.options import OptionError, in_yaml

T = TypeVar("T")
REQUIRED = "???"  # OmegaConf's mark for a value that must be given
STEP = re.compile(r"[^.\[\]]+")
KEYED = "it has keys of its own: write {key}.KEY=VALUE"
WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    list: "a list, such as [a, b]",
    dict: "a mapping, such as {a: b}",
    NoneType: "null",
}
MOVED = {  # keys of earlier versions, and those that stand in their place
    "costs.delisting_return": "delisting.long_return",
    "backtest.delist_after": "delisting.after",
}


def explain_moved(key: str) -> str:
    """Return what to say of a key that has moved, or ""."""
    return f"{key} has moved: write {MOVED[key]}" if key in MOVED else ""


def mapping(value: Any, key: str) -> Mapping[Any, Any]:
    """A node that has keys; ConfigError names one that has none, such as ``bars=null``."""
    if not isinstance(value, Mapping):
        raise ConfigError(f"{key}={in_yaml(value)}: {KEYED.format(key=key)}")
    return value


def structure(cls: type[T], values: Any, key: str, inside: Mapping[str, Any] | None = None) -> T:
    """Return a `cls` from plain values, refusing unknown keys, wrong types and bounds.

    `inside` are its fields that hold plugins, built already (`engine.core.nesting`).
    """
    known = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    for name in mapping(values, key):
        if name not in known:
            unknown = f"{key}.{name}: no such field; {did_you_mean(str(name), known)}"
            raise ConfigError(explain_moved(f"{key}.{name}") or unknown)
    try:
        plain = dict(values)
        _refuse_misread(cls, plain, key)
        _refuse_deep(cls, plain, key)
    except OmegaConfBaseException as error:  # an interpolation that leads nowhere, or ???
        raise ConfigError(about(error, key)) from error
    try:
        twin = take_plain(cls)  # type: ignore[arg-type]  # a class is hashable
        made = _object(twin, plain, key)
        if twin is not cls:
            made = cls(**vars(made), **(inside or {}))
    except OptionError as error:  # of the class's own place; this one may have another
        raise OptionError(key, error.fault) from error
    assert isinstance(made, cls)
    return made


def _object(cls: type, plain: Mapping[Any, Any], key: str) -> Any:
    """The instance; what a type checker says of a value is said in words."""
    if _is_exact(cls, plain):
        return cls(**plain)
    try:
        for name, inner in _lists(cls):
            if isinstance(plain.get(name), (list, ListConfig)):
                for i, item in enumerate(plain[name]):
                    _object(inner, mapping(item, f"{key}.{name}.{i}"), f"{key}.{name}.{i}")
        return OmegaConf.to_object(OmegaConf.merge(_blank(cls), OmegaConf.create(dict(plain))))
    except OmegaConfBaseException as error:
        path = STEP.findall(error.full_key or "")
        wanted = "" if isinstance(error, MissingMandatoryValue) else _describe_wanted(cls, path)
        if not wanted:
            raise ConfigError(about(error, key)) from error
        place, value = ".".join([key, *path]), in_yaml(_at(plain, path))
        raise ConfigError(f"{place}={value}: write {wanted}{_meaning(cls, path)}") from error
    except (OverflowError, RecursionError, TypeError) as error:
        raise ConfigError(f"{key}: {_first(error)}") from error


@cache
def _blank(cls: type) -> Any:
    """A class as OmegaConf's node, which `merge` copies."""
    base = OmegaConf.structured(cls)
    OmegaConf.set_readonly(base, False)  # frozen classes arrive read-only
    return base


def _is_exact(cls: type, plain: Mapping[Any, Any]) -> bool:
    """Whether values are what the fields' types say, so that nothing has to be converted.

    OmegaConf takes milliseconds for what this answers at once; a run reads some fifty nodes.
    """
    kinds = _scalars(cls)
    needed = [f.name for f in dataclasses.fields(cls) if default(f) == REQUIRED]
    return all(
        type(value) in kinds.get(name, ())
        and not (isinstance(value, str) and (value == REQUIRED or "${" in value))
        for name, value in plain.items()
    ) and all(name in plain for name in needed)


@cache
def _scalars(cls: type) -> dict[str, frozenset[type]]:
    """The types that each field takes, of the fields that take plain scalars alone."""
    found = {}
    for name, kind in _hints(cls).items():
        kinds = frozenset(get_args(kind) if isinstance(kind, UnionType) else (kind,))
        if kinds <= {str, int, float, bool, NoneType}:
            found[name] = kinds
    return found


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def default(field: dataclasses.Field[Any]) -> Any:
    """Return a field's default; `REQUIRED` where it has none."""
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return REQUIRED


def _lists(cls: type) -> Iterator[tuple[str, type]]:
    """The fields that are lists of dataclasses, and of which."""
    for name, kind in _hints(cls).items():
        inner = get_args(kind)[0] if get_origin(kind) is list else None
        if dataclasses.is_dataclass(inner) and isinstance(inner, type):
            yield name, inner


def about(error: OmegaConfBaseException, key: str) -> str:
    """What is wrong with a value that cannot be read, in the words of its key."""
    full = str(error.full_key or key)
    inside = full == key or full.startswith((f"{key}.", f"{key}["))
    place = full if inside else f"{key}.{full}"
    if isinstance(error, MissingMandatoryValue):
        return f"{place}: it needs a value: write {place}=…"
    return f"{place}: {_first(error)}"


def _meaning(cls: type, path: Sequence[str]) -> str:
    """What a field means, in brackets."""
    own = {field.name: field.metadata.get("help", "") for field in dataclasses.fields(cls)}
    meaning = own.get(path[0], "") if len(path) == 1 else ""
    return f" ({meaning})" if meaning else ""


def _at(value: Any, path: Sequence[str]) -> Any:
    """The value at a path into plain values, as far as there is one."""
    for step in path:
        if isinstance(value, (Mapping, DictConfig)):
            value = value.get(step)
        elif isinstance(value, (list, ListConfig)) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
    return value


def _describe_wanted(kind: Any, path: Sequence[str]) -> str:
    """What a field takes, in words; "" where its type has none."""
    for step in path:
        inner = [each for each in (kind, *get_args(kind)) if each is not type(None)]
        of = next(
            (each for each in inner if get_args(each) or dataclasses.is_dataclass(each)), None
        )
        if dataclasses.is_dataclass(of):
            kind = get_type_hints(of).get(step)
        elif of is not None:
            kind = get_args(of)[-1]
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    words = [WORDS[each] for each in dict.fromkeys(map(_base, kinds)) if each in WORDS]
    if "a number" in words and "a whole number" in words:
        words.remove("a whole number")
    return " or ".join(words)


def _base(kind: Any) -> Any:
    return get_origin(kind) or (dict if dataclasses.is_dataclass(kind) else kind)


def _first(error: object) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _refuse_misread(cls: type, values: Mapping[Any, Any], key: str) -> None:
    """Refuse what YAML read as a number or truth in a list of text: 007 would become 7."""
    for name, kind in _hints(cls).items():
        items = values.get(name)
        if list[str] not in (kind, *get_args(kind)) or not isinstance(items, (list, ListConfig)):
            continue
        for item in items:
            if not isinstance(item, str):
                read_as = type(item).__name__.removesuffix("Config").lower()
                raise ConfigError(
                    f"{key}.{name}: {item} is read as {read_as}, not as text: quote "
                    f"it as it is written, like \"{key}.{name}=['007','NA']\""
                )


def _refuse_deep(cls: type, values: Mapping[Any, Any], key: str) -> None:
    """Refuse a list or a mapping in a list of numbers: OmegaConf lets it through."""
    for name, kind in _hints(cls).items():
        numbers = {list[int], list[float]} & {kind, *get_args(kind)}
        items = values.get(name)
        if not numbers or not isinstance(items, (list, ListConfig)):
            continue
        for place, item in enumerate(items):
            if isinstance(item, (list, dict, ListConfig, DictConfig)):
                word = WORDS[get_args(numbers.pop())[0]]
                raise ConfigError(f"{key}.{name}.{place}={in_yaml(item)}: write {word}")
