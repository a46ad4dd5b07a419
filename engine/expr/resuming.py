"""New rows of formulas that reach back without end, from what the rows before have left.

1. Of an operator that resumes (`engine.expr.ops.Op`), what its last row was is all that new rows
   need of the rows before: it is evaluated on the new rows, with that value in front of them.
2. ``returns`` and ``market`` need each symbol's last close before the rows that are read.
3. With these as fields the formulas reach back a known number of rows: a plan on few of them.

```
 panel (T, N)    0                              first       start      T
 closes          ├─────────── the last one ─────┤
 parts                                          ├── given ──┼─ made ───┤
 formulas                                       ├─ lookback ┼─── own ──┤
```
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.core.crowd import PAST
from engine.core.panel import FloatArray, Panel, mean_of_members, returns_since
from engine.expr import executor
from engine.expr.guests import op_of
from engine.expr.nodes import Call, Field, Node
from engine.expr.pieces import Plan, find_reach, is_endless

Read = Callable[[Sequence[Node], slice], FloatArray]
STEP, FASTER = 64, 4  # rows in which last closes are looked for first; how many times more then
GAINS = frozenset({"returns", "market"})
BEFORE, STATE = Field("#before"), Field("#state")


def list_resumed(node: Node) -> tuple[Node, ...] | None:
    """Return a formula's parts that reach back without end, nested ones first.

    None where one of them cannot be gone on from.
    """
    cut = Cut()
    cut.take(node)
    resumes = all(op_of(call.op).resumes for _, call in cut.parts.values())
    return tuple(cut.parts) if resumes else None


@dataclass
class Cut:
    """What was cut out of formulas.

    Parameters
    ----------
    parts : dict of Node to (Field, Call)
        What reaches back without end, nested ones first: the field that stands for it, and the
        operator with such fields in its arguments.
    fields : set of str
        That are left, groupings too.
    """

    parts: dict[Node, tuple[Field, Call]] = field(default_factory=dict)
    fields: set[str] = field(default_factory=set)

    def take(self, node: Node) -> Node:
        """Return the formula with a field in place of each of its parts."""
        if isinstance(node, Field):
            self.fields.add(node.name)
        if not isinstance(node, Call):
            return node
        endless = is_endless(node)
        if endless and node in self.parts:
            return self.parts[node][0]
        args = tuple(map(self.take, node.args))
        same = all(one is other for one, other in zip(args, node.args, strict=True))
        made = node if same else Call(node.op, args)
        if not endless:
            return made
        stands = Field(f"#{len(self.parts)}")
        self.parts[node] = stands, made
        return stands


def plan_new(
    formulas: Mapping[str, Node],
    panel: Panel,
    start: int,
    read: Read,
    threads: int | None = None,
    dtype: str = "float64",
) -> Plan:
    """Return a plan on the last rows of a panel: of these, the rows from `start` on are made.

    Parameters
    ----------
    formulas : mapping of str to Node
        With all that they name written out; `list_resumed` has a list for each.
    panel : Panel
    start : int
        The first row that is wanted, above 0.
    read : callable
        From parts, F of them, and rows, R of them before `start`, to the parts' values on these
        rows: float64 array, shape (F, R, N).
    threads, dtype
        As for `engine.evaluate`; with parts, float64.

    Returns
    -------
    Plan
        Its panel begins as many rows later as it is shorter.
    """
    cut = Cut()
    bounded = {name: cut.take(tree) for name, tree in formulas.items()}
    parts = [*cut.parts.values()]
    known: dict[str, int | None] = {name.lower(): 0 for name in panel.fields}
    known |= dict.fromkeys(GAINS, 0) | {stands.name: 0 for stands, _ in parts}
    reach = find_reach(bounded.values(), known)
    own = max(find_reach((arg for _, call in parts for arg in call.args), known), 1)
    first = max(start - max(reach, own), 0)
    few = _with_gains(panel, first, cut.fields)
    if parts:
        given = read([*cut.parts], slice(first, start))
        few = few.with_fields(_resume(parts, few, given, max(start - own, 0) - first, threads))
    return Plan(bounded, few, reach, 0, {}, (), dtype)


def _resume(
    parts: Sequence[tuple[Field, Call]],
    few: Panel,
    given: FloatArray,
    begin: int,
    threads: int | None,
) -> dict[str, FloatArray]:
    """The parts on the rows of a panel, of which the first ones are `given`, shape (F, R, N).

    Rows from `begin` on are evaluated. On the last one that is given the operator starts, with
    that as its argument.
    """
    known, (rows, symbols) = given.shape[1], few.shape
    whole = np.full((len(parts), rows, symbols), np.nan)
    whole[:, :known] = given
    state, before = np.zeros((2, rows, symbols))
    state[: known - 1], state[known - 1], before[:known] = np.nan, 1.0, 1.0
    names = [stands.name for stands, _ in parts]
    arrays = dict(zip(names, whole, strict=True)) | {STATE.name: state, BEFORE.name: before}
    trees: dict[str, Node] = {}
    for stands, call in parts:
        first, *rest = (_replace(arg, trees) for arg in call.args)
        since = Call(call.op, (Call("where", (STATE, stands, first)), *rest))
        trees[stands.name] = Call("where", (BEFORE, stands, since))
    own = few.with_fields(arrays).between(begin, rows)
    wanted = {f"new {name}": tree for name, tree in trees.items()}
    made = dict(executor.each_tree(wanted, own, threads, "float64"))
    for array, name in zip(whole, wanted, strict=True):
        array[known:] = made[name][known - begin :]
    return dict(zip(names, whole, strict=True))


def _replace(node: Node, trees: Mapping[str, Node]) -> Node:
    """The formula with trees in place of the fields that stand for them."""
    if isinstance(node, Field):
        return trees.get(node.name, node)
    if not isinstance(node, Call):
        return node
    return Call(node.op, tuple(_replace(arg, trees) for arg in node.args))


def _with_gains(panel: Panel, first: int, names: Iterable[str]) -> Panel:
    """The panel from a row on, with those of ``returns`` and ``market`` that are named."""
    lacking = GAINS & {*names} - {name.lower() for name in panel.fields}
    few = panel.between(first, panel.shape[0])
    made: dict[str, FloatArray] = {}
    if "returns" in lacking:
        made["returns"], _ = returns_since(find_last(panel, first, False), few["close"])
    if "market" in lacking:
        closes = _read_closes(panel, slice(first, panel.shape[0]), True)
        spanning, _ = returns_since(find_last(panel, first, True), closes)
        mean = mean_of_members(spanning, few.member)
        made["market"] = np.broadcast_to(mean[:, None], few.shape)
    return few.with_fields(made) if made else few


def find_last(panel: Panel, stop: int, full: bool) -> FloatArray:
    """Return each symbol's last close before a row, shape (N,); NaN where there is none.

    With `full`, of the rows on which most symbols traded: `Panel.full`. Rows are looked through
    from the last one back, until each symbol has its close.
    """
    last, step = np.full(panel.shape[1], np.nan), STEP
    while stop > 0 and np.isnan(last).any():
        rows = slice(max(stop - step, 0), stop)
        _, found = returns_since(np.full_like(last, np.nan), _read_closes(panel, rows, full))
        last = np.where(np.isnan(last), found, last)
        stop, step = rows.start, step * FASTER
    return last


def _read_closes(panel: Panel, rows: slice, full: bool) -> FloatArray:
    """Closes of some rows; with `full`, NaN on those that are not."""
    if not full:
        return panel["close"][rows]
    since = max(rows.start - PAST, 0)
    there = panel.between(since, rows.stop).full[rows.start - since :]
    return np.where(there[:, None], panel["close"][rows], np.nan)
