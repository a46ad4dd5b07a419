"""``annual``: rows a year, a name in a formula's text and a number in what is computed.

A panel has the number, so the name gives way to it when a formula is bound to a panel. What
comes after, units, keys and kernels, sees a constant that might have been typed.
"""

from __future__ import annotations

from engine.core.errors import FormulaError
from engine.expr.guests import op_of
from engine.expr.nodes import Call, Field, Node, Number

ANNUAL = "annual"


def bind(node: Node, periods_per_year: float) -> Node:
    """Return the formula with the number in place of its name.

    Parameters
    ----------
    node : Node
    periods_per_year : float

    Raises
    ------
    FormulaError
        An operator's constant is outside its bounds.
    """
    if node == Field(ANNUAL):
        return Number(periods_per_year)
    if not isinstance(node, Call):
        return node
    op = op_of(node.op)
    args = []
    for arg, kind in zip(node.args, op.args, strict=True):
        number = arg if kind == "g" else bind(arg, periods_per_year)
        if kind == "n" and number is not arg and isinstance(number, Number):
            least, most = op.bounds
            if not least <= number.value <= most:
                given = f"the number of {op.name} is {ANNUAL}, {number.value:g}"
                raise FormulaError(f"{given}: choose from {least:g} to {most:g}")
        args.append(number)
    if node.op == "neg" and node.args[0] == Field(ANNUAL):
        return Number(-periods_per_year)  # as a typed number with a sign is read
    same = all(one is other for one, other in zip(args, node.args, strict=True))
    return node if same else Call(node.op, tuple(args))
