"""What of a panel a formula reads, with what its names stand for written out."""

from __future__ import annotations

from dataclasses import dataclass

from engine.core.panel import Panel
from engine.expr.graph import Graph
from engine.expr.nodes import Node
from engine.expr.program import spell


@dataclass(frozen=True)
class Reads:
    """What a formula reads.

    Parameters
    ----------
    fields : frozenset of str
        The panel's own names; of ``returns`` and ``market`` the closes that they are made of.
    groups : frozenset of str
        Groupings.
    crosses : bool
        Whether a value depends on other symbols of its date, and on who is a member.
    """

    fields: frozenset[str]
    groups: frozenset[str]
    crosses: bool


def list_reads(formula: Node, panel: Panel) -> Reads:
    """Return what a formula, with its factors written out, reads of a panel."""
    graph = Graph.of({"": formula}, lambda name: spell(name, panel.fields) in panel)
    fields: set[str] = set()
    groups: set[str] = set()
    crosses = False
    for part in graph.parts:
        if part.op is None:
            if isinstance(part.args[0], str):
                own = spell(part.args[0], panel.fields)
                made = own not in panel and own in {"returns", "market"}
                fields.add("close" if made else own)
                crosses |= made and own == "market"
            continue
        named = zip(part.op.args, part.args, strict=True)
        groups |= {spell(str(arg), panel.groups) for kind, arg in named if kind == "g"}
        crosses |= part.op.room == "sections"
    return Reads(frozenset(fields), frozenset(groups), crosses)
