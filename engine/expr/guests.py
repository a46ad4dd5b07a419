"""Operators that plugins bring: looked up when the table lacks a name, admitted by trial."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.contracts import array
from engine.core.errors import PluginError
from engine.core.kinds import Operator
from engine.core.panel import FloatArray
from engine.core.sealed import seal_all
from engine.expr.ops import NAMES, OVERLOADED, TABLE, Op
from engine.plugin import calling, take_over

if TYPE_CHECKING:
    from engine.plugin import Entry, Registry

log = logging.getLogger(__name__)
_scope: ContextVar[tuple[Registry, set[str]] | None] = ContextVar("operators", default=None)


@contextmanager
def using(registry: Registry) -> Iterator[set[str]]:
    """Offer this registry's operators to formulas; yields the names of those that were used."""
    used: set[str] = set()
    token = _scope.set((registry, used))
    try:
        yield used
    finally:
        _scope.reset(token)


def op_of(name: str) -> Op:
    """The operator of a parsed node."""
    if name in TABLE:
        return TABLE[name]
    scope = _scope.get()
    if scope is not None:
        scope[1].add(name)
    return guests()[name]


def guests() -> dict[str, Op]:
    """Operators of the plugins, by name; plugins are loaded here, if they were not."""
    return _ops(_registry())


def admit(name: str) -> None:
    """Try a guest once, before its first use; PluginError says what it fails at."""
    _try(_registry().entries("operator")[name])


def code(name: str) -> str:
    """Which code a guest is: its distribution with version, and the SHA-256 of its source file.

    Without the latter where the class stands in no file, as in a notebook.
    """
    from engine.plugin import code_hash

    entry = _registry().entries("operator")[name]
    try:
        return f"{entry.origin} {code_hash(entry.cls)}"
    except (OSError, TypeError):
        return entry.origin


def _registry() -> Registry:
    from engine.plugin import installed

    scope = _scope.get()
    return installed() if scope is None else scope[0]


@lru_cache(maxsize=4)
def _ops(registry: Registry) -> dict[str, Op]:
    found = {}
    for name, entry in registry.entries("operator").items():
        if name in NAMES or name in OVERLOADED:
            log.warning(
                "operator %r of %s: a built-in has that name; rename it", name, entry.origin
            )
            continue
        cls = entry.cls
        assert issubclass(cls, Operator)
        room = "sections" if cls.cross else "kernels"
        found[name] = Op(name, cls.args, room, cls.reach, entry.line, kernel=partial(_call, entry))
    return found


@cache
def _try(entry: Entry) -> None:
    from engine.checks import judge_all, operator_checks, refuse_broken

    cls = entry.cls
    assert issubclass(cls, Operator)
    if "x" not in cls.args or not set(cls.args) <= set("xdng"):
        raise PluginError(f"{_who(entry)}: args={cls.args!r}; write x, d, n or g, one x at least")
    if cls.reach not in {"none", "window", "shift", "all"}:
        raise PluginError(f"{_who(entry)}: reach={cls.reach!r}; choose none, window, shift or all")
    if cls.reach in {"window", "shift"} and "d" not in cls.args:
        raise PluginError(f"{_who(entry)}: reach={cls.reach!r} needs a window: put d into args")
    plugin = _instance(entry)
    refuse_broken(plugin, judge_all(plugin, operator_checks(plugin)))


@cache
def _instance(entry: Entry) -> Operator:
    try:
        made = entry.cls()
    except Exception as error:
        raise PluginError(
            f"{_who(entry)} cannot be made: {error}; give each field a default"
        ) from error
    assert isinstance(made, Operator)
    return made


def _call(entry: Entry, *args: Any) -> FloatArray:
    """The kernel's result, checked; arrays that other formulas share go in read-only."""
    shape = next(arg.shape for arg in args if isinstance(arg, np.ndarray) and arg.ndim == 2)
    with calling(entry.cls, _who(entry), often=True):
        value = _instance(entry).kernel(*seal_all(args))
        return take_over(array(value, shape, _who(entry)), entry.cls)


def _who(entry: Entry) -> str:
    return f"operator {entry.cls.name!r} of {entry.origin}"


def guest_names(text: str, operators: Iterable[str]) -> set[str]:
    """Return which of these operators the text of a formula may call."""
    words = {word.lower() for word in re.findall(r"[A-Za-z_]\w*", text)}
    return {name for name in operators if name.lower() in words}
