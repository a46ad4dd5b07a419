"""Words of a dialect: what stands for them in this language, written as its formulas.

A table's row reads ``"ts_scale(x, d, constant=0)": "(x - ts_min(x, d)) / … + constant"``. Names
before ``|`` are other names; of rows with one name the first that takes the arguments counts;
``*x`` takes several. Where constants decide what stands for a word, a function of the arguments
returns the formula, or raises ValueError with what is wrong.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from engine.core.errors import FormulaError
from engine.expr.builder import Builder
from engine.expr.grammars import syntax
from engine.expr.nodes import Call, Field, Node, Number
from engine.expr.ops import MAX_WINDOW, UNGROUPED, Op

Argument = Node | str
Arguments = Mapping[str, Argument]
Meaning = str | Callable[[Arguments], str]
FOLDED: dict[str, Callable[[float, float], float]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
}


@dataclass(frozen=True)
class Word:
    """One row of a dialect's table.

    Parameters
    ----------
    parameters : tuple of (str, str or None)
        Names, with the text of a default.
    meaning : str or callable
        A formula of the parameters.
    many : bool
        Whether the first parameter takes two arguments or more, which an operator joins.
    """

    parameters: tuple[tuple[str, str | None], ...]
    meaning: Meaning
    many: bool = False

    @property
    def names(self) -> list[str]:
        """The parameters' names."""
        return [name for name, _ in self.parameters]

    def bind(self, given: Sequence[Argument], named: Mapping[str, Argument]) -> Arguments | None:
        """The arguments by their parameters' names; None where they do not fit."""
        if self.many:
            rest = {name: value_of(default or "") for name, default in self.parameters[1:]}
            return {**rest, **named} if len(given) > 1 and {*named} <= {*rest} else None
        if len(given) > len(self.parameters) or not {*named} <= {*self.names[len(given) :]}:
            return None
        filled = dict(zip(self.names, given, strict=False)) | dict(named)
        for name, default in self.parameters:
            if name not in filled and default is None:
                return None
            filled.setdefault(name, value_of(default or ""))
        return filled


def table(rows: Mapping[str, Meaning]) -> dict[str, tuple[Word, ...]]:
    """Return the words of a table by their names."""
    found: dict[str, tuple[Word, ...]] = {}
    for head, meaning in rows.items():
        names, _, rest = head.partition("(")
        inner = [part.strip() for part in rest.rstrip(")").split(",") if part.strip()]
        pairs = [(name.lstrip("*"), default) for name, default in map(_pair, inner)]
        word = Word(tuple(pairs), meaning, bool(inner) and inner[0].startswith("*"))
        for name in names.split("|"):
            found[name] = (*found.get(name, ()), word)
    return found


def _pair(text: str) -> tuple[str, str | None]:
    name, equals, default = text.partition("=")
    return name, default if equals else None


def value_of(text: str) -> Argument:
    """A default, or a word that stands for a value, as an argument."""
    truths = {"true": 1.0, "false": 0.0}
    if text.lower() in truths:
        return Number(truths[text.lower()])
    return Number(float(text)) if re.fullmatch(r"-?[\d.]+(e-?\d+)?", text) else text


def number(arguments: Arguments, name: str) -> float:
    """A constant among the arguments; ValueError where it is none."""
    found = arguments[name]
    folded = fold(found) if not isinstance(found, str) else found
    if not isinstance(folded, Number):
        raise ValueError(f"{name} must be a number")
    return folded.value


def text_of(argument: Argument) -> str:
    """A name or a text in quotes among the arguments, in small letters."""
    if isinstance(argument, Field):
        return argument.name.lower()
    return argument.lower() if isinstance(argument, str) else ""


def fold(node: Node) -> Node:
    """A number in the place of sums and products of numbers."""
    if not isinstance(node, Call):
        return node
    args = [fold(arg) for arg in node.args]
    values = [arg.value for arg in args if isinstance(arg, Number)]
    if len(values) < len(args):
        return node
    if node.op == "neg":
        return Number(-values[0])
    if node.op in FOLDED and not (node.op == "div" and values[1] == 0.0):
        made = FOLDED[node.op](*values)
        return Number(made) if math.isfinite(made) else node
    return node


def expand(
    word: Word, arguments: Arguments, zero: bool = False, several: Sequence[Argument] = ()
) -> Node:
    """Return what a word with its arguments stands for.

    Parameters
    ----------
    word : Word
    arguments : mapping of str to Node or str
    zero : bool
        Whether a window of 0 rows is all rows so far.
    several : sequence of Node
        What a word of many joins, two and two.

    Raises
    ------
    MisfitError
        An argument is not what the formula needs.
    """
    try:
        meaning = word.meaning if isinstance(word.meaning, str) else word.meaning(arguments)
    except ValueError as error:
        name = next((name for name in arguments if str(error).startswith(name)), "")
        raise MisfitError(str(error), name) from None
    if word.many:
        nodes = [node for node in several if not isinstance(node, str)]
        return reduce(lambda x, y: substitute(meaning, {"x": x, "y": y}), nodes)
    return substitute(meaning, arguments, zero)


def substitute(formula: str, arguments: Arguments, zero: bool = False) -> Node:
    """A formula of this language, with arguments in place of their names."""
    return _Template(formula, arguments, zero).node(syntax("paper", formula))


class MisfitError(FormulaError):
    """An argument is not what a word needs; `parameter` names it."""

    def __init__(self, message: str, parameter: str) -> None:
        super().__init__(message)
        self.parameter = parameter


class _Template(Builder):
    """Makes nodes of a table's formula."""

    def __init__(self, text: str, arguments: Arguments, zero: bool) -> None:
        super().__init__(text)
        self.arguments, self.zero = arguments, zero

    def node(self, tree: Any) -> Node:
        try:
            return super().node(tree)
        except MisfitError:
            raise
        except FormulaError as error:
            message = str(error).split("\n")[0]
            found = re.match(r"-?\w+", self.text[error.column :])
            raise MisfitError(message, found[0].lstrip("-") if found else "") from None

    def _name(self, token: Any) -> Node:
        argument = self.arguments.get(str(token))
        if isinstance(argument, str):
            raise FormulaError(f"{token} must be a number, not {argument!r}", self.text)
        return Field(str(token).lower()) if argument is None else argument

    def _fold(self, arg: Node) -> Node:
        return fold(arg)

    def _window(self, op: Op, given: Number, at: int) -> Number:
        if self.zero and given.value == 0 and op.reach == "window":
            return Number(float(MAX_WINDOW))
        return super()._window(op, given, at)

    def _meaning(self, call: Call) -> Node:
        """All symbols are the group that BRAIN calls market."""
        if call.op in UNGROUPED and call.args[1] == Field("market"):
            return Call(UNGROUPED[call.op], call.args[:1])
        return call


def signature(name: str, words: Iterable[Word]) -> str:
    """How a word is written, such as ``SMA(x, d, m)``."""
    heads = []
    for word in words:
        parts = [
            name if default is None else f"{name}={default}" for name, default in word.parameters
        ]
        heads.append(f"{name}({', '.join(parts)}{', …' * word.many})")
    return " or ".join(dict.fromkeys(heads))
