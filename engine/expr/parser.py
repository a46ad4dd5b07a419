"""Text → tree, by one LALR grammar; anything else is a FormulaError with a caret."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any

from engine.errors import FormulaError, did_you_mean
from engine.expr.guests import admit, guests
from engine.expr.nodes import Call, Field, Node, Number
from engine.expr.ops import INFIX, NAMES, OVERLOADED, Op

MAX_LENGTH = 20_000  # characters
MAX_DEPTH = 200  # of the tree: what reads it may recurse
MAX_WINDOW = 100_000  # rows

GRAMMAR = r"""
?start: choice
?choice: either | either "?" choice ":" choice -> ternary
?either: both | either OR both -> infix
?both: compare | both AND compare -> infix
?compare: sum | compare COMPARE sum -> infix
?sum: term | sum ADD term -> infix
?term: unary | term MUL unary -> infix
?unary: power | "-" unary -> negative | "+" unary
?power: atom | atom POW unary -> infix
?atom: NUMBER -> number | NAME -> name | NAME "(" [choice ("," choice)*] ")" -> call
     | "(" choice ")"

OR: "||"
AND: "&&"
COMPARE: "<=" | ">=" | "==" | "!=" | "<" | ">"
ADD: "+" | "-"
MUL: "*" | "/"
POW: "^"
NAME: /[A-Za-z_][A-Za-z0-9_.]*/
NUMBER: /([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?/
%ignore /\s+/
"""


def parse(text: str) -> Node:
    """Return the tree of a formula.

    Parameters
    ----------
    text : str
        In the style of the "101 Formulaic Alphas" (Kakushadze 2016, appendix A): names are
        case-insensitive, windows are constants, ``c ? a : b`` chooses.

    Raises
    ------
    FormulaError
        With a caret under the column, and the nearest operator's name.
    """
    from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

    if len(text) > MAX_LENGTH:
        raise FormulaError(f"the formula has {len(text)} characters: at most {MAX_LENGTH}")
    text = "".join(c if c.isprintable() else " " for c in text)  # one line: the caret needs it
    try:
        tree = _grammar().parse(text)
    except UnexpectedCharacters as error:
        at = error.pos_in_stream or 0
        raise FormulaError(f"unexpected character {text[at]!r}", text, at) from None
    except UnexpectedToken as error:
        at = error.token.start_pos
        if error.token.type == "$END" or at is None:
            raise FormulaError("the formula ends too early", text, len(text.rstrip())) from None
        raise FormulaError(f"unexpected {str(error.token)!r}", text, at) from None
    except UnexpectedInput as error:
        raise FormulaError("the formula cannot be read", text, error.pos_in_stream or 0) from None
    return _Builder(text).node(tree)


@cache
def _grammar() -> Any:
    from lark import Lark

    return Lark(GRAMMAR, parser="lalr", maybe_placeholders=False)


class _Builder:
    """Makes our nodes from lark's tree, arguments first, without recursion."""

    def __init__(self, text: str) -> None:
        self.text = text

    def node(self, tree: Any) -> Node:
        from lark import Tree

        if not isinstance(tree, Tree):
            raise FormulaError("a formula is expected", self.text)
        made: dict[int, Node] = {}
        for part in tree.iter_subtrees():  # bottom-up
            children = [made[id(c)] if isinstance(c, Tree) else c for c in part.children]
            node = getattr(self, f"_{part.data}")(*children)
            if node.depth > MAX_DEPTH:
                raise FormulaError(f"the formula is nested deeper than {MAX_DEPTH}: shorten it")
            made[id(part)] = node
        return made[id(tree)]

    def _number(self, token: Any) -> Node:
        if not math.isfinite(float(token)):
            raise FormulaError(f"{token} is too large a number", self.text, token.start_pos)
        return Number(float(token))

    def _name(self, token: Any) -> Node:
        return Field(str(token).lower())

    def _negative(self, x: Node) -> Node:
        return Number(-x.value) if isinstance(x, Number) else Call("neg", (x,))

    def _infix(self, x: Node, sign: Any, y: Node) -> Node:
        return Call(INFIX[str(sign)].name, (x, y))

    def _ternary(self, condition: Node, yes: Node, no: Node) -> Node:
        return Call("where", (condition, yes, no))

    def _call(self, token: Any, *args: Node) -> Node:
        name, at = str(token).lower(), token.start_pos
        if name in OVERLOADED:
            over_time, by_cell = OVERLOADED[name]
            last = args[1] if len(args) == 2 else None
            name = over_time if isinstance(last, Number) and last.value >= 1 else by_cell
        if name not in NAMES and name in guests():
            admit(name)
        elif name not in NAMES:
            hint = did_you_mean(name, [*NAMES, *OVERLOADED, *guests()])
            raise FormulaError(f"unknown operator {str(token)!r}; {hint}", self.text, at)
        op = NAMES[name] if name in NAMES else guests()[name]
        missing = len(op.args) - len(args)
        if not 0 <= missing <= len(op.defaults):
            raise FormulaError(f"{token} takes {_arity(op)}, not {len(args)}", self.text, at)
        filled = [*args, *(Number(v) for v in op.defaults[len(op.defaults) - missing :])]
        return Call(op.name, tuple(self._arg(op, i, arg, at) for i, arg in enumerate(filled)))

    def _arg(self, op: Op, index: int, arg: Node, at: int) -> Node:
        kind = op.args[index]
        if kind == "g":
            if not isinstance(arg, Field):
                raise FormulaError(f"{op.name}: write a grouping such as sector", self.text, at)
            return Field(re.sub(r"^indclass\.", "", arg.name))
        limits = {"d": ("window", (1, MAX_WINDOW)), "n": ("number", op.bounds)}
        if kind not in limits:
            return arg
        if not isinstance(arg, Number):
            raise FormulaError(f"argument {index + 1} of {op.name} must be a number", self.text, at)
        word, (least, most) = limits[kind]
        if not least <= arg.value <= most:
            given = f"the {word} of {op.name} is {arg.value:g}"
            raise FormulaError(f"{given}: choose from {least:g} to {most:g}", self.text, at)
        return Number(float(math.floor(arg.value))) if kind == "d" else arg


def _arity(op: Op) -> str:
    most = len(op.args)
    least = f"{most - len(op.defaults)} or " if op.defaults else ""
    return f"{least}{most} argument{'s' * (most > 1)}"
