"""Operators that plugins bring: looked up when the table lacks a name, admitted by trial."""

from __future__ import annotations

from functools import cache

from engine.errors import PluginError
from engine.expr.ops import NAMES, TABLE, Op
from engine.kinds import Operator


def op_of(name: str) -> Op:
    """The operator of a parsed node."""
    return TABLE[name] if name in TABLE else guests()[name]


@cache
def guests() -> dict[str, Op]:
    """Operators of the installed plugins, by name; plugins are loaded here, if they were not."""
    from engine.registry import installed

    found = {}
    for name, entry in installed().entries("operator").items():
        if name in NAMES:
            raise PluginError(
                f"operator {name!r} of {entry.origin} has the name of a built-in one: rename it"
            )
        cls = entry.cls
        assert issubclass(cls, Operator)
        room = "sections" if cls.cross else "kernels"
        found[name] = Op(name, cls.args, room, cls.reach, entry.line, kernel=cls().kernel)
    return found


@cache
def admit(name: str) -> None:
    """Try a guest once, before its first use; PluginError says what it fails at."""
    from engine.registry import installed
    from engine.testing import check_operator

    cls = installed().entries("operator")[name].cls
    assert issubclass(cls, Operator)
    check_operator(cls())
