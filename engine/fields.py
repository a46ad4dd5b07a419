"""Typed fields from plain values: the one place where configuration becomes a dataclass."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_type_hints

from omegaconf import ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from engine.errors import ConfigError, did_you_mean

T = TypeVar("T")
MOVED = {  # keys of earlier versions, and those that stand in their place
    "costs.delisting_return": "delisting.long_return",
    "backtest.delist_after": "delisting.after",
}


def moved(key: str) -> str:
    """Return what to say of a key that has moved, or ""."""
    return f"{key} has moved: write {MOVED[key]}" if key in MOVED else ""


def structured(cls: type[T], values: Mapping[Any, Any], key: str) -> T:
    """Return a `cls` from plain values, refusing unknown keys, wrong types and bounds."""
    known = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            unknown = f"{key}.{name}: no such field; {did_you_mean(str(name), known)}"
            raise ConfigError(moved(f"{key}.{name}") or unknown)
    _check_texts(cls, values, key)
    try:
        base = OmegaConf.structured(cls)
        OmegaConf.set_readonly(base, False)  # frozen classes arrive read-only
        made = OmegaConf.to_object(OmegaConf.merge(base, OmegaConf.create(dict(values))))
    except OmegaConfBaseException as error:
        place = f"{key}.{error.full_key}" if getattr(error, "full_key", None) else key
        raise ConfigError(f"{place}: {str(error).splitlines()[0]}") from error
    assert isinstance(made, cls)
    _check_options(made, key)
    return made


def _check_texts(cls: type, values: Mapping[Any, Any], key: str) -> None:
    """Refuse what YAML read as a number or truth in a list of text: 007 would become 7."""
    for name, kind in get_type_hints(cls).items():
        items = values.get(name)
        if list[str] not in (kind, *get_args(kind)) or not isinstance(items, (list, ListConfig)):
            continue
        for item in items:
            if not isinstance(item, str):
                raise ConfigError(
                    f"{key}.{name}: {item} is read as {type(item).__name__}, not as text: quote "
                    f"it as it is written, like \"{key}.{name}=['007','NA']\""
                )


def _check_options(made: object, key: str) -> None:
    for field in dataclasses.fields(made):  # type: ignore[arg-type]
        value, rules = getattr(made, field.name), field.metadata
        choices = rules.get("choices", ())
        if choices and value not in choices:
            hint = did_you_mean(str(value), map(str, choices))
            raise ConfigError(f"{key}.{field.name}={value}: {hint}")
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"{key}.{field.name}={value}: write a finite number")
        if isinstance(value, (int, float)):
            low, high = rules.get("ge"), rules.get("le")
            if (low is not None and not value >= low) or (high is not None and not value <= high):
                bounds = f"{'-inf' if low is None else low} to {'inf' if high is None else high}"
                raise ConfigError(f"{key}.{field.name}={value}: choose from {bounds}")
