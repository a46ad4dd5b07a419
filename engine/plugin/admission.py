"""What a plugin class must be before it is let in; the first thing that is wrong, in words."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import re
from importlib.metadata import Distribution
from pathlib import Path

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from engine.core.kinds import KINDS, Kind, overrides
from engine.core.nesting import take_plain
from engine.core.version import VERSION

NAME = re.compile(r"[a-z][a-z0-9_]*")
EITHER = {  # of which methods a kind needs one
    "model": (("estimator", "learn"),),
    "portfolio": (("decide", "weights"),),
    "cost": (("terms", "trading"), ("holding", "carry")),
}


def no_kind(cls: type[Kind]) -> str:
    """Return why a class cannot be a kind of plugin, or ""."""
    if not (isinstance(cls, type) and Kind in cls.__bases__):
        return f"{cls!r} is no kind: derive it from engine.Kind itself"
    for key in ("kind_name", "config_key"):
        value = getattr(cls, key)
        if not (isinstance(value, str) and NAME.fullmatch(value)):
            return f"{cls.__qualname__} has the {key} {value!r}: use lower case letters, \
digits and _ only"
    return ""


def objection(kind: type[Kind], cls: type[Kind]) -> str:
    """Return why a class cannot be a plugin of a kind, or ""."""
    where = f"{getattr(cls, '__module__', '?')}.{getattr(cls, '__qualname__', cls)}"
    if not (isinstance(cls, type) and issubclass(cls, kind)):
        return f"{where} is not an {_public(kind)}: derive from it"
    if "__dataclass_params__" not in vars(cls):
        return f"{where} is no dataclass: put @dataclass(frozen=True) above it"
    name = getattr(cls, "name", None)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return f"{where} has the name {name!r}: use lower case letters, digits and _ only"
    missing = sorted(getattr(cls, "__abstractmethods__", ()))
    if missing:
        return f"{where} lacks the method {missing[0]!r}: write it"
    for first, second in EITHER.get(kind.kind_name, ()):
        if not (overrides(cls, first) or overrides(cls, second)):
            return f"{where} lacks the method {first!r} (or {second!r}): write it"
    return _fields(cls, where)


def _public(kind: type[Kind]) -> str:
    return f"{'engine' if kind in KINDS.values() else kind.__module__}.{kind.__name__}"


def _fields(cls: type[Kind], where: str) -> str:
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]  # checked to be a dataclass
        if field.name == "name":
            return f"{where} has `name` as a field: annotate it as ClassVar[str]"
    try:
        OmegaConf.structured(take_plain(cls))
    except (OmegaConfBaseException, NameError, TypeError) as error:
        first = str(error).splitlines()[0]
        return f"{where} has a field that cannot be configured ({first}): use int, float, bool, \
str, list or dict of these, Optional, a kind or dict[str, kind]"
    return ""


def advice(kind: str, cls: type[Kind]) -> str:
    """Return what the author of a plugin that is let in should change, or ""."""
    names = {*dir(cls), *(f.name for f in dataclasses.fields(cls))}  # type: ignore[arg-type]
    if kind == "cost" and "delisting_return" in names:
        return (
            f"{cls.__module__}.{cls.__qualname__} defines delisting_return, which nothing reads: "
            "take it out, and write delisting.long_return in the configuration"
        )
    return ""


def find_unmet(dist: Distribution) -> str:
    """Return which engine version a distribution wants and does not get, or ""."""
    from packaging.requirements import InvalidRequirement, Requirement

    for text in dist.requires or ():
        try:
            wish = Requirement(text)
        except InvalidRequirement:
            continue
        ours = wish.name.lower().replace("_", "-") == "alpha-engine"
        if ours and not wish.specifier.contains(VERSION, prereleases=True):
            return f"{dist.name} {dist.version} wants {text}, and alpha-engine is {VERSION}"
    return ""


def code_hash(cls: type[Kind]) -> str:
    """SHA-256 of the file that a plugin class stands in."""
    return hashlib.sha256(Path(inspect.getfile(cls)).read_bytes()).hexdigest()
