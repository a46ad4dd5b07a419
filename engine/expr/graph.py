"""A set of formulas as one graph, and the graph as regions that run block by block.

Equal parts are one part, ``a + b`` and ``b + a`` too. Parts that work along the dates of one
series (``series``) and parts that work across the symbols of one date (``dates``) need arrays
laid out differently, and cut into blocks differently. A part that has a single reader on the same
axis is fused into it: its values live for one block, in the cache. All other parts are stored:
each is the root of a region, which reads stored parts only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from engine.expr.facts import adv_days
from engine.expr.guests import op_of
from engine.expr.nodes import Call, Field, Node, Number
from engine.expr.ops import EITHER_WAY, MIRRORED, TABLE, Op

SERIES, DATES, WHOLE = "series", "dates", "whole"
Known = Callable[[str], bool]


@dataclass(frozen=True)
class Part:
    """One distinct part of the formulas: a number, a field or an operator of other parts.

    Parameters
    ----------
    op : Op or None
        None for a number and for a field.
    args : tuple
        For an operator: the number of a part for ``x``, a constant for ``d`` and ``n``, a
        name for ``g``. For a field its name, for a number its value.
    """

    op: Op | None
    args: tuple[int | float | str, ...]

    @property
    def inputs(self) -> tuple[int, ...]:
        """Parts that an operator reads, in the order of its arguments."""
        if self.op is None:
            return ()
        pairs = zip(self.op.args, self.args, strict=True)
        return tuple(int(arg) for kind, arg in pairs if kind == "x")

    @property
    def axis(self) -> str:
        """Along what an operator works; "" for those that go cell by cell."""
        if self.op is None or self.op.room == "cells":
            return ""
        if self.op.kernel is not None:
            return WHOLE  # a plugin's: it gets whole arrays
        return SERIES if self.op.room == "kernels" else DATES


@dataclass(frozen=True)
class Region:
    """What is computed in one pass over the blocks.

    Parameters
    ----------
    axis : str
        ``series``: blocks of symbols; ``dates``: blocks of dates; ``whole``: one block.
    steps : tuple of int
        Parts, arguments before those that read them; the last one is stored.
    inputs : tuple of int
        Stored parts that the steps read.
    """

    axis: str
    steps: tuple[int, ...]
    inputs: tuple[int, ...]

    @property
    def layout(self) -> str:
        """How the arrays lie that it reads and makes: ``series`` or ``dates``."""
        return SERIES if self.axis == SERIES else DATES


@dataclass
class Graph:
    """The distinct parts of a set of formulas, and which part each formula is."""

    parts: list[Part] = field(default_factory=list)
    roots: dict[str, int] = field(default_factory=dict)
    _numbers: dict[Part, int] = field(default_factory=dict)

    @classmethod
    def of(cls, formulas: Mapping[str, Node], known: Known) -> Graph:
        """Put formulas together; fields that are not `known` may stand for formulas."""
        graph = cls()
        for name, node in formulas.items():
            graph.roots[name] = graph._add(node, known)
        return graph

    def _add(self, root: Node, known: Known) -> int:
        """The number of a node's part; by a list, for trees may be deeper than stacks."""
        made: dict[int, int] = {}
        waiting: list[tuple[Node, bool]] = [(root, False)]
        while waiting:
            node, ready = waiting.pop()
            if id(node) in made:
                continue
            if isinstance(node, Call) and not ready:
                waiting.append((node, True))
                kinds = op_of(node.op).args
                pairs = zip(node.args, kinds, strict=True)
                inner = [(arg, False) for arg, kind in pairs if kind == "x"]
                waiting += reversed(inner)
            elif isinstance(node, Field) and (meant := derived(node.name, known)) is not None:
                made[id(node)] = self._add(meant, known)
            else:
                made[id(node)] = self._number(self._part(node, made))
        return made[id(root)]

    def _part(self, node: Node, made: Mapping[int, int]) -> Part:
        if isinstance(node, Number):
            return Part(None, (node.value,))
        if isinstance(node, Field):
            return Part(None, (node.name,))
        op = op_of(node.op)
        args: list[int | float | str] = []
        for arg, kind in zip(node.args, op.args, strict=True):
            if kind == "x":
                args.append(made[id(arg)])
            else:
                assert isinstance(arg, Number | Field)
                args.append(arg.name if isinstance(arg, Field) else arg.value)
        if op.name in MIRRORED:
            op = TABLE[MIRRORED[op.name]]
            args.reverse()
        return Part(op, tuple(sorted(args) if op.name in EITHER_WAY else args))

    def _number(self, part: Part) -> int:
        if part not in self._numbers:
            self._numbers[part] = len(self.parts)
            self.parts.append(part)
        return self._numbers[part]

    def is_number(self, part: int) -> bool:
        """Whether a part is a constant of the formula."""
        found = self.parts[part]
        return found.op is None and isinstance(found.args[0], float)

    def is_field(self, part: int) -> bool:
        """Whether a part is a field of the panel."""
        found = self.parts[part]
        return found.op is None and isinstance(found.args[0], str)

    def regions(self) -> dict[int, Region]:
        """What is stored, by its part, in the order of the parts' numbers."""
        readers = Counter(i for part in self.parts for i in part.inputs)
        kept = {*self.roots.values()}
        kept |= {i for i in range(len(self.parts)) if readers[i] > 1 or self.is_field(i)}
        axes = self._axes(kept)
        regions = {}
        for part in sorted(kept):
            if not self.is_number(part) and not self.is_field(part):
                regions[part] = self._region(part, axes[part] or DATES, kept)
        return regions

    def _axes(self, kept: set[int]) -> list[str]:
        """The axis of each part; a part that its reader cannot fuse is added to `kept`.

        A part's number is above those of its inputs.
        """
        axes: list[str] = []
        for part in self.parts:
            fused = [i for i in part.inputs if i not in kept and axes[i]]
            axis = part.axis or (SERIES if any(axes[i] == SERIES for i in fused) else "")
            axis = axis or (DATES if fused else "")
            axes.append(axis)
            kept |= {i for i in fused if axes[i] != axis or axis == WHOLE}
            if axis == WHOLE:
                kept |= {i for i in part.inputs if not self.is_number(i)}
                kept.add(len(axes) - 1)
        return axes

    def _region(self, root: int, axis: str, kept: set[int]) -> Region:
        steps: list[int] = []
        inputs: dict[int, None] = {}
        waiting = [root]
        while waiting:
            part = waiting.pop()
            steps.append(part)
            for i in self.parts[part].inputs:
                if i in kept and not self.is_number(i):
                    inputs[i] = None
                elif not self.is_number(i):
                    waiting.append(i)
        return Region(axis, tuple(sorted(steps)), tuple(sorted(inputs)))


def derived(name: str, known: Known) -> Node | None:
    """The formula that a name stands for when the panel has no such field, if any."""
    if known(name):
        return None
    if name == "vwap":
        total = Call("add", (Call("add", (Field("high"), Field("low"))), Field("close")))
        return Call("div", (total, Number(3.0)))
    days = adv_days(name)
    if days:
        dollars = Call("mul", (Field("close"), Field("volume")))
        return Call("ts_mean", (dollars, Number(float(days))))
    return None
