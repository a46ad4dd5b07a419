"""A set of formulas as one graph, and the graph as regions that run block by block.

Equal parts are one part, ``a + b`` and ``b + a`` too. A part that has a single reader is fused
into it: its values live for one block of dates, in the cache. As its reader may look back, it is
computed for some rows before the block, too; where these would be many, and where it has several
readers, it is stored: it is the root of a region, which reads stored parts only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from engine.expr.facts import adv_days
from engine.expr.guests import op_of
from engine.expr.nodes import Call, Field, Node, Number
from engine.expr.ops import EITHER_WAY, MIRRORED, TABLE, Op

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
    def reach(self) -> int | None:
        """Rows before t that row t of an operator reads; None when it reads all of them."""
        if self.op is None:
            return 0
        if self.op.kernel is not None:
            return None  # a plugin's: it gets whole arrays
        windows = [int(a) for kind, a in zip(self.op.args, self.args, strict=True) if kind == "d"]
        return self.op.lookback(windows)


@dataclass(frozen=True)
class Region:
    """What is computed in one pass over the blocks.

    Parameters
    ----------
    steps : dict of int to int
        Parts, arguments before those that read them, and how many rows before a block each is
        computed for; the last one is stored.
    inputs : tuple of int
        Stored parts that the steps read.
    whole : bool
        Whether all dates must be one block, for a row may read all that were before.
    """

    steps: dict[int, int]
    inputs: tuple[int, ...]
    whole: bool


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
            elif isinstance(node, Field) and (meant := derive(node.name, known)) is not None:
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

    def regions(self, limit: int) -> dict[int, Region]:
        """What is stored, by its part, in the order of the parts' numbers.

        No part is computed for more than `limit` rows before a block.
        """
        readers = Counter(i for part in self.parts for i in part.inputs)
        endless = {i for i, part in enumerate(self.parts) if part.reach is None}
        kept = {*self.roots.values(), *endless}
        kept |= {i for part in endless for i in self.parts[part].inputs}
        kept |= {i for i in range(len(self.parts)) if readers[i] > 1 or self.is_field(i)}
        kept = {part for part in kept if not self.is_number(part)}
        before = self._before(kept, limit)
        return {
            part: self._region(part, kept, before, part in endless)
            for part in sorted(kept)
            if not self.is_field(part)
        }

    def order(self, regions: Mapping[int, Region]) -> list[str]:
        """The formulas' names, so that what several of them read is soon read by the last one."""
        below = {name: self._below(root, regions) for name, root in self.roots.items()}
        readers: dict[int, dict[str, None]] = {}
        for name, parts in below.items():
            for part in parts:
                readers.setdefault(part, {})[name] = None
        order, live, left = [], dict[int, None](), dict.fromkeys(self.roots)
        while left:
            nearest = min(live, key=lambda part: len(readers[part]), default=None)
            name = next(iter(left if nearest is None else readers[nearest]))
            order.append(name)
            del left[name]
            for part in below[name]:
                live[part] = None
                del readers[part][name]
                if not readers[part]:
                    del live[part]
        return order

    def _below(self, root: int, regions: Mapping[int, Region]) -> dict[int, None]:
        """The stored parts that a stored one is made of, itself too; without fields."""
        below: dict[int, None] = {}
        waiting = [root]
        while waiting:
            part = waiting.pop()
            if part in regions and part not in below:
                below[part] = None
                waiting += regions[part].inputs
        return below

    def _before(self, kept: set[int], limit: int) -> dict[int, int]:
        """Rows before a block that each part is computed for; too many, and it joins `kept`.

        A part's number is above those of its inputs.
        """
        before = dict.fromkeys(kept, 0)
        for number in reversed(range(len(self.parts))):
            for i in self.parts[number].inputs:
                if i not in kept and not self.is_number(i):
                    before[i] = before[number] + (self.parts[number].reach or 0)
                    if before[i] > limit:
                        before[i] = 0
                        kept.add(i)
        return before

    def _region(self, root: int, kept: set[int], before: dict[int, int], whole: bool) -> Region:
        steps: list[int] = []
        inputs: dict[int, None] = {}
        waiting = [root]
        while waiting:
            part = waiting.pop()
            steps.append(part)
            for i in self.parts[part].inputs:
                if i in kept:
                    inputs[i] = None
                elif not self.is_number(i):
                    waiting.append(i)
        return Region({step: before[step] for step in sorted(steps)}, tuple(sorted(inputs)), whole)


def derive(name: str, known: Known) -> Node | None:
    """The formula that a name stands for when the panel has no such field, if any."""
    if known(name):
        return None
    if name == "vwap":
        total = Call("add", (Call("add", (Field("high"), Field("low"))), Field("close")))
        return Call("div", (total, Number(3.0)))
    if name == "amount":
        return Call("mul", (Field("vwap"), Field("volume")))
    days = adv_days(name)
    if days:
        dollars = Call("mul", (Field("close"), Field("volume")))
        return Call("ts_mean", (dollars, Number(float(days))))
    return None
