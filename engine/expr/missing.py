"""What stands in for a field or a grouping that the data lack, for formulas that allow it."""

from __future__ import annotations

import math

from engine.core.panel import Panel
from engine.expr.facts import fields
from engine.expr.graph import derive
from engine.expr.naming import ALWAYS
from engine.expr.nodes import Call, Field, Node, Number
from engine.expr.ops import UNGROUPED

COARSER = ("subindustry", "industry", "sector")  # each may stand in for those before it


def fit(
    node: Node, panel: Panel, factors: frozenset[str] = frozenset()
) -> tuple[Node, tuple[str, ...]]:
    """Return the formula as this panel can answer it, and what had to give way.

    Parameters
    ----------
    node : Node
    panel : Panel
    factors : frozenset of str
        Names of the set's factors, in small letters: a formula may name them.

    Returns
    -------
    node : Node
        NaN, when a field is missing. A grouping of `COARSER` that is missing gives way to the
        next one that the panel has, and without any, all symbols are one group.
    reasons : tuple of str
        One line for each name that is missing; empty when the formula is as it was.
    """
    known = {name.lower() for name in panel.fields} | ALWAYS | factors
    lacking = sorted(_find_lacking(node, known))
    if lacking:
        tail = "the factor is NaN; add the column to the bars"
        return Number(math.nan), tuple(f"the bars have no field {n!r}: {tail}" for n in lacking)
    reasons: dict[str, None] = {}
    regrouped = _regroup(node, {name.lower() for name in panel.groups}, reasons)
    return regrouped, tuple(reasons)


def _find_lacking(node: Node, known: set[str] | frozenset[str]) -> set[str]:
    """Fields of a formula that are neither known nor made of known ones."""
    lacking: set[str] = set()
    for name in fields(node) - known:
        meant = derive(name, lambda n: n in known)
        lacking |= {name} if meant is None else _find_lacking(meant, known)
    return lacking


def _regroup(node: Node, groups: set[str], reasons: dict[str, None]) -> Node:
    if not isinstance(node, Call):
        return node
    args = tuple(_regroup(arg, groups, reasons) for arg in node.args)
    if node.op not in UNGROUPED:
        return Call(node.op, args)
    grouping = args[1]
    assert isinstance(grouping, Field)
    if grouping.name in groups or grouping.name not in COARSER:
        return Call(node.op, args)
    near = COARSER[COARSER.index(grouping.name) :]
    found = next((name for name in near if name in groups), None)
    instead = f"{found!r} stands in for it" if found else "all symbols are one group"
    reasons[
        f"the symbols have no grouping {grouping.name!r}: {instead}; add a text column "
        f"{grouping.name}, or universe.tags.{grouping.name}"
    ] = None
    return Call(node.op, (args[0], Field(found))) if found else Call(UNGROUPED[node.op], args[:1])
