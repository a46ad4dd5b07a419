"""A parsed text's tree → our nodes: names looked up, arguments counted, windows bounded."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.core.errors import FormulaError, did_you_mean
from engine.expr.annual import ANNUAL
from engine.expr.guests import admit, guests
from engine.expr.nodes import Call, Field, Node, Number
from engine.expr.ops import BY_COUNT, INFIX, MAX_WINDOW, NAMES, OVERLOADED, Op

MAX_DEPTH = 200  # of the tree: what reads it may recurse
MAX_PARTS = 100_000  # of the tree: words of a dialect write their arguments more than once
SIGNS = {sign: op.name for sign, op in INFIX.items()} | {
    "&": "both",
    "|": "either",
    "and": "both",
    "or": "either",
    "**": "power",
    "=": "eq",
    "<>": "ne",
    ".*": "mul",
    "./": "div",
}


@dataclass(frozen=True)
class Hints:
    """What else is said of a name that is unknown here; who knows other dialects tells.

    Parameters
    ----------
    meant : callable
        Of an operator's name: what it may mean.
    elsewhere : callable
        Of a name and a number of arguments: which dialects have that.
    """

    meant: Callable[[str], str] = lambda name: ""
    elsewhere: Callable[[str, int], str] = lambda name, count: ""


class Builder:
    """Makes our nodes from lark's tree, arguments first, without recursion."""

    chain = "a {} b && b {} c"  # how two comparisons are written

    def __init__(self, text: str) -> None:
        self.text = text
        self.hints = Hints()
        self.part: Any = None  # of lark's tree, that is at hand

    def node(self, tree: Any) -> Node:
        """The node of a whole text's tree."""
        from lark import Tree

        if not isinstance(tree, Tree):
            raise FormulaError("a formula is expected", self.text)
        made: dict[int, Node] = {}
        for part in tree.iter_subtrees():  # bottom-up
            children = [made[id(c)] if isinstance(c, Tree) else c for c in part.children]
            self.part = part
            node = getattr(self, f"_{part.data}")(*children)
            if node.depth > MAX_DEPTH:
                message = f"the formula is nested deeper than {MAX_DEPTH}: shorten it"
                raise FormulaError(message, self.text, self.starts[0])
            if node.size > MAX_PARTS:
                message = f"the formula has more than {MAX_PARTS} parts: shorten it"
                raise FormulaError(message, self.text, self.starts[0])
            made[id(part)] = node
        return made[id(tree)]

    @property
    def starts(self) -> list[int]:
        """Where the children of the part at hand begin in the text."""
        return [
            child.meta.start_pos if hasattr(child, "meta") else child.start_pos
            for child in self.part.children
        ]

    def _number(self, token: Any) -> Node:
        if not math.isfinite(float(token)):
            raise FormulaError(f"{token} is too large a number", self.text, token.start_pos)
        return Number(float(token))

    def _days(self, token: Any) -> Node:
        return Number(float(token[:-1]))

    def _name(self, token: Any) -> Node:
        return Field(str(token).lower())

    def _negative(self, x: Node) -> Node:
        return Number(-x.value) if isinstance(x, Number) else Call("neg", (x,))

    def _infix(self, x: Node, sign: Any, y: Node) -> Node:
        return Call(SIGNS[str(sign).lower()], (x, y))

    def _neither(self, x: Node, *_: Any) -> Node:
        return Call("neither", (x,))

    def _chained(self, x: Node, sign: Any, y: Node, again: Any, *rest: Any) -> Node:
        told = self.chain.format(sign, again)
        raise FormulaError(f"two comparisons in a row: write {told}", self.text, again.start_pos)

    def _ternary(self, condition: Node, yes: Node, no: Node) -> Node:
        return Call("where", (condition, yes, no))

    def _call(self, token: Any, *args: Node) -> Node:
        name, (at, *starts) = str(token), self.starts
        op = _of_values(self._operator(name, args, at), args)
        missing = len(op.args) - len(args)
        if not 0 <= missing <= len(op.defaults):
            message = f"{token} takes {_arity(op)}, not {len(args)}"
            message += self.hints.elsewhere(name, len(args))
            raise FormulaError(message, self.text, at)
        filled = [*args, *(Number(v) for v in op.defaults[len(op.defaults) - missing :])]
        starts += [at] * missing
        checked = tuple(self._arg(op, i, arg, starts[i]) for i, arg in enumerate(filled))
        if op.name == "smooth" and checked[2].value > checked[1].value:  # type: ignore[union-attr]
            message = "the weight of smooth, m / d, is above 1: choose m from 0 to d"
            raise FormulaError(message, self.text, starts[2])
        return self._meaning(Call(op.name, checked, written=self._keep_word(name)))

    def _operator(self, name: str, args: tuple[Node, ...], at: int) -> Op:
        """The operator that a name stands for."""
        low = name.lower()
        if low in OVERLOADED:
            over_time, by_cell = OVERLOADED[low]
            last = args[1] if len(args) == 2 else None
            low = over_time if isinstance(last, Number) and last.value >= 1 else by_cell
        low = BY_COUNT.get((low, len(args)), low)
        if low in NAMES:
            return NAMES[low]
        if low in guests():
            admit(low)
            return guests()[low]
        hint = self.hints.meant(name) or did_you_mean(low, [*NAMES, *OVERLOADED, *guests()])
        raise FormulaError(f"unknown operator {name!r}; {hint}", self.text, at)

    def _keep_word(self, name: str) -> str:
        """The word of a text, where it has two meanings."""
        return name.lower() if name.lower() in OVERLOADED else ""

    def _meaning(self, call: Call) -> Node:
        """What a call stands for: itself, where the dialect means nothing else by it."""
        return call

    def _arg(self, op: Op, index: int, arg: Node, at: int) -> Node:
        kind = op.args[index]
        if kind == "g":
            if not isinstance(arg, Field):
                raise FormulaError(f"{op.name}: write a grouping such as sector", self.text, at)
            return Field(re.sub(r"^indclass\.", "", arg.name))
        limits = {"d": ("window", (1, MAX_WINDOW)), "n": ("number", op.bounds)}
        if kind not in limits:
            return arg
        if arg == Field(ANNUAL):
            if kind == "n":
                return arg
            message = f"{ANNUAL} is no window of {op.name}: write a whole number of rows"
            raise FormulaError(message, self.text, at)
        arg = self._fold(arg)
        if not isinstance(arg, Number):
            raise FormulaError(f"argument {index + 1} of {op.name} must be a number", self.text, at)
        if kind == "d":
            arg = self._window(op, arg, at)
        word, (least, most) = limits[kind]
        if not least <= arg.value <= most:
            given = f"the {word} of {op.name} is {arg.value:g}"
            raise FormulaError(f"{given}: choose from {least:g} to {most:g}", self.text, at)
        return arg

    def _fold(self, arg: Node) -> Node:
        """An argument that must be a number, as it is: the paper writes no sums there."""
        return arg

    def _window(self, op: Op, given: Number, at: int) -> Number:
        """Whole rows of a window as it was written; rows ahead are refused."""
        if given.value <= -1 and op.reach == "shift":
            raise FormulaError(
                f"{op.name} by {given.value:g} looks ahead: write the rows back, such as 1",
                self.text,
                at,
            )
        return Number(float(math.floor(given.value))) if given.value >= 1 else given


def _of_values(op: Op, args: tuple[Node, ...]) -> Op:
    """The operator's twin for groups that a formula makes, where a formula is its grouping."""
    made = any(k == "g" and isinstance(a, Call) for k, a in zip(op.args, args, strict=False))
    return NAMES.get(f"{op.name}_by", op) if made else op


def _arity(op: Op) -> str:
    most = len(op.args)
    least = f"{most - len(op.defaults)} or " if op.defaults else ""
    return f"{least}{most} argument{'s' * (most > 1)}"
