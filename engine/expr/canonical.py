"""One text, and one key, for all ways to write a formula.

Spaces, brackets, capitals, aliases, the dialect and left-out defaults do not count; nor do the
order of two operands that may change places without changing a bit, and ``a > b`` for ``b < a``.
Sums are not regrouped, for that would round differently.
"""

from __future__ import annotations

from hashlib import sha256

from engine.expr.facts import to_text, write
from engine.expr.guests import code
from engine.expr.nodes import Call, Node, Number, walk
from engine.expr.ops import EITHER_WAY, MIRRORED, TABLE
from engine.expr.parser import parse


def canonical(formula: str | Node) -> str:
    """Return the formula's canonical text; read again, it is the same formula."""
    return _text(parse(formula) if isinstance(formula, str) else formula)


def key(formula: str | Node) -> str:
    """Return 64 hexadecimal digits: the SHA-256 of the canonical text.

    It says which formula, not on which data. With operators of plugins, the hash is that of the
    text and a line for each of them: its name, distribution, version and source file's hash.
    """
    node = parse(formula) if isinstance(formula, str) else formula
    strangers = {part.op for part in walk(node) if isinstance(part, Call)} - {*TABLE}
    lines = [_text(node), *(f"{name} {code(name)}" for name in sorted(strangers))]
    return sha256("\n".join(lines).encode()).hexdigest()


def _text(node: Node) -> str:
    """The formula with operands in their order, and one way of each comparison."""
    if not isinstance(node, Call):
        return to_text(Number(node.value + 0.0) if isinstance(node, Number) else node)  # -0 is 0
    op, parts = node.op, [_text(arg) for arg in node.args]
    if op == "neg" and isinstance(node.args[0], Number):
        return _text(Number(-node.args[0].value))
    if op in MIRRORED:
        op, parts = MIRRORED[op], parts[::-1]
    return write(op, sorted(parts) if op in EITHER_WAY else parts)
