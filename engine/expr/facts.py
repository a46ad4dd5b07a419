"""What is known of a formula before it runs: its lookback, its fields, and its text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from engine.expr.annual import ANNUAL
from engine.expr.guests import op_of
from engine.expr.nodes import Call, Field, Node, Number, walk
from engine.expr.ops import MAX_WINDOW

NONE: Mapping[str, int | None] = {}


def lookback(node: Node, given: Mapping[str, int | None] = NONE) -> int | None:
    """Rows before t that row t of the result reads; None when it reads all of them.

    Fields are taken as known at t, except ``adv{d}`` (d-1) and ``returns``/``market`` (all:
    a return after a suspension reaches back to the last bar before it), and except those that
    are `given` with rows of their own: fields that are computed, or that the bars have.
    """
    if isinstance(node, Number):
        return 0
    if isinstance(node, Field):
        return given[node.name] if node.name in given else _field_lookback(node.name)
    op = op_of(node.op)
    own = op.lookback([int(a.value) for a, k in zip(node.args, op.args, strict=True)
                       if k == "d" and isinstance(a, Number)])  # fmt: skip
    inner = [lookback(arg, given) for arg in node.args]
    known = [rows for rows in inner if rows is not None]
    if own is None or len(known) < len(inner):
        return None
    return own + max(known, default=0)


def _field_lookback(name: str) -> int | None:
    if name in {"returns", "market"}:
        return None
    days = adv_days(name)
    return days - 1 if days else 0


def adv_days(name: str) -> int | None:
    """The d of ``adv{d}``, the mean dollar volume over d rows; None for other names."""
    found = re.fullmatch(r"adv([1-9]\d{0,3})", name)
    return int(found[1]) if found else None


def windows(node: Node, bars: Collection[str] = ()) -> Iterator[tuple[Node, int]]:
    """Parts of a formula that ask for a number of rows, and how many; not those that take all.

    ``adv{d}`` is such a part, unless it is among the fields of the `bars`.
    """
    for part in walk(node):
        if isinstance(part, Call):
            for arg, kind in zip(part.args, op_of(part.op).args, strict=True):
                if kind == "d" and isinstance(arg, Number) and arg.value < MAX_WINDOW:
                    yield part, int(arg.value)
        elif isinstance(part, Field) and part.name not in bars:
            days = adv_days(part.name)
            if days:
                yield part, days


def fields(node: Node) -> frozenset[str]:
    """Names of the fields that the formula reads; groupings and ``annual`` are not among them."""
    groups = {
        id(arg)
        for part in walk(node)
        if isinstance(part, Call)
        for arg, kind in zip(part.args, op_of(part.op).args, strict=True)
        if kind == "g"
    }
    read = {p.name for p in walk(node) if isinstance(p, Field) and id(p) not in groups}
    return frozenset(read - {ANNUAL})


def to_text(node: Node) -> str:
    """The formula in canonical form: canonical names, every bracket written."""
    if isinstance(node, Number):
        return repr(node.value).removesuffix(".0")
    if isinstance(node, Field):
        return node.name
    return write(node.op, [to_text(arg) for arg in node.args])


def write(op: str, parts: list[str]) -> str:
    """The text of an operator, from the texts of its arguments."""
    sign = op_of(op).infix
    if not sign:
        return f"{op}({', '.join(parts)})"
    base = parts[0]
    if sign == "^" and base.startswith("-"):
        base = f"({base})"  # a sign binds less than a power
    return f"({base} {sign} {parts[1]})"
