"""Texts of other dialects: their words, names, named arguments and lines.

What a dialect's tables (`engine.expr.dialects`) do not name is this language's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.core.errors import FormulaError, did_you_mean
from engine.expr.builder import Builder
from engine.expr.guests import guests
from engine.expr.nodes import Call, Field, Node, Number, walk
from engine.expr.ops import NAMES, Op
from engine.expr.words import (
    Argument,
    Arguments,
    MisfitError,
    Word,
    expand,
    fold,
    signature,
    substitute,
    value_of,
)


@dataclass(frozen=True)
class Dialect:
    """What a dialect has of its own.

    Parameters
    ----------
    name : str
    words : mapping of str to tuple of Word
        Operators, as `engine.expr.words.table` makes them.
    names : mapping of str to str
        Names of fields, and the formulas that stand for them.
    refused : mapping of str to str
        Operators that are not to be had, and why.
    cased : bool
        Whether capitals count.
    zero : bool
        Whether a window of 0 rows is all rows so far.
    markers : frozenset of str
        Words that only other words can read, such as GTJA's SEQUENCE.
    """

    name: str
    words: Mapping[str, tuple[Word, ...]]
    names: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    cased: bool = False
    zero: bool = False
    markers: frozenset[str] = frozenset()

    def key(self, name: str) -> str:
        """How the tables spell a name."""
        return name if self.cased and name in self.words else name.lower()


@dataclass(frozen=True)
class Extra:
    """An argument with its name, or a text in quotes."""

    name: str
    value: Argument
    depth: int = 1
    size: int = 1


class ForeignBuilder(Builder):
    """Makes our nodes of a text in a dialect."""

    def __init__(self, text: str, dialect: Dialect) -> None:
        super().__init__(text)
        self.dialect = dialect
        if dialect.name == "python":
            self.chain = "(a {} b) & (b {} c)"
        self.marked: dict[str, int] = {}
        self.given: dict[str, Node] = {}  # names that the text's lines have given

    def node(self, tree: Any) -> Node:
        """The node of a whole text's tree; of several lines, the last one's."""
        made = self._lines(tree) if getattr(tree, "data", "") == "lines" else super().node(tree)
        if self.marked and any(
            getattr(part, "op", "") in self.dialect.markers for part in walk(made)
        ):
            message = f"{', '.join(self.marked)} stands only where a word reads it"
            raise FormulaError(message, self.text, min(self.marked.values()))
        return made

    def _lines(self, tree: Any) -> Node:
        for line in tree.children:
            if getattr(line, "data", "") in {"assign", "output"}:
                name, *_, formula = line.children
                made = super().node(formula)
                self.given[str(name).lower()] = made
            else:
                made = super().node(line)
        return made

    def _name(self, token: Any) -> Node:
        low = str(token).lower()
        if low in self.given:
            return self.given[low]
        if low in self.dialect.names:
            return substitute(self.dialect.names[low], {})
        if low in {"true", "false"}:
            made = value_of(low)
            assert isinstance(made, Number)
            return made
        return Field(low)

    def _named(self, token: Any, value: Node) -> Extra:
        return Extra(str(token).lower(), value)

    def _words(self, token: Any) -> Extra:
        return Extra("", str(token)[1:-1])

    def _named_words(self, token: Any, words: Any) -> Extra:
        return Extra(str(token).lower(), str(words)[1:-1])

    def _conditional(self, yes: Node, condition: Node, no: Node) -> Node:
        return Call("where", (condition, yes, no))

    def _fold(self, arg: Node) -> Node:
        return fold(arg)

    def _call(self, token: Any, *args: Any) -> Node:
        name, (at, *starts) = self._strip_package(str(token)), self.starts
        key = self.dialect.key(name)
        if key in self.dialect.refused:
            raise FormulaError(f"{name}: {self.dialect.refused[key]}", self.text, at)
        if key in self.dialect.markers:
            self.marked[name] = at
            return Call(key, args)
        words = self.dialect.words.get(key)
        if words is None:
            extra = [i for i, arg in enumerate(args) if isinstance(arg, Extra)]
            if extra and (key in NAMES or key in guests()):
                message = f"{name} takes no argument by name"
                raise FormulaError(message, self.text, starts[extra[0]])
            return super()._call(token, *args)
        given = [arg.value if isinstance(arg, Extra) else arg for arg in args if not _has_name(arg)]
        word, arguments = self._bind(name, words, given, args)
        try:
            made = expand(word, arguments, self.dialect.zero, given)
        except MisfitError as error:
            where = _places(word, args, starts).get(error.parameter, at)
            raise FormulaError(f"{name}: {error}", self.text, where) from None
        read = self._keep_word(name)
        return replace(made, written=read) if read and isinstance(made, Call) else made

    def _bind(
        self, name: str, words: tuple[Word, ...], given: list[Argument], args: tuple[Any, ...]
    ) -> tuple[Word, Arguments]:
        """The first of the words that takes the arguments, and those by their names."""
        named = {arg.name: arg.value for arg in args if _has_name(arg)}
        for word in words:
            arguments = word.bind(given, named)
            if arguments is not None:
                return word, arguments
        message = f"write {signature(name, words)}, not {len(args)} arguments"
        unknown = [n for n in named if all(n not in word.names for word in words)]
        if unknown:
            message = f"{name} has no argument {unknown[0]!r}: write {signature(name, words)}"
        raise FormulaError(message, self.text, self.starts[0])

    def _strip_package(self, name: str) -> str:
        """A name without the package that it comes from."""
        return name.rpartition(".")[2] if self.dialect.name == "python" else name

    def _operator(self, name: str, args: tuple[Node, ...], at: int) -> Op:
        low = self._strip_package(name).lower()
        if low not in NAMES and low not in guests():
            hint = did_you_mean(low, [*self.dialect.words, *NAMES, *guests()])
            message = f"unknown operator {name!r} of {self.dialect.name}; {hint}"
            raise FormulaError(message, self.text, at)
        return super()._operator(low, args, at)


def _has_name(arg: object) -> bool:
    return isinstance(arg, Extra) and bool(arg.name)


def _places(word: Word, args: tuple[Any, ...], starts: list[int]) -> dict[str, int]:
    """Where each parameter's argument stands in the text."""
    plain = [at for arg, at in zip(args, starts, strict=True) if not _has_name(arg)]
    named = {arg.name: at for arg, at in zip(args, starts, strict=True) if _has_name(arg)}
    return dict(zip(word.names, plain, strict=False)) | named
