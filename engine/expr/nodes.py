"""The tree of a formula: numbers, fields and calls. Frozen and hashable, so equal parts are one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Number:
    """A constant."""

    value: float
    depth: int = field(default=1, init=False, compare=False)
    size: int = field(default=1, init=False, compare=False)


@dataclass(frozen=True)
class Field:
    """A field of the panel, or the name of a grouping where an operator asks for one."""

    name: str
    depth: int = field(default=1, init=False, compare=False)
    size: int = field(default=1, init=False, compare=False)


@dataclass(frozen=True)
class Call:
    """An operator of the table applied to its arguments.

    `written` is the word that stands for it in the text, where that may stand for another one.
    """

    op: str
    args: tuple[Node, ...]
    depth: int = field(default=0, compare=False)
    size: int = field(default=0, compare=False)  # nodes of the tree; equal ones count each time
    written: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        depth = 1 + max((arg.depth for arg in self.args), default=0)
        object.__setattr__(self, "depth", depth)
        object.__setattr__(self, "size", 1 + sum(arg.size for arg in self.args))


Node = Number | Field | Call


def walk(node: Node) -> Iterator[Node]:
    """Every node of the tree, arguments before the calls that read them."""
    if isinstance(node, Call):
        for arg in node.args:
            yield from walk(arg)
    yield node
