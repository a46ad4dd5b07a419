"""A region, ready to run on any of its blocks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from engine.core.errors import DataError, did_you_mean, point_at
from engine.core.groups import Codes, Dated, number_labels, runs
from engine.core.panel import FloatArray, Panel, narrow
from engine.expr.cells import finite
from engine.expr.graph import Graph, Part, Region
from engine.expr.ops import Op
from engine.expr.parser import one_line
from engine.expr.storage import Workspaces

# what cannot make an infinite number of finite ones
TAME = frozenset(
    ("abs", "neg", "sign", "minimum", "maximum", "lt", "le", "eq", "ne", "both", "either",
     "neither", "where", "filter", "rank", "dense_rank", "group_rank", "bucket", "qcut", "delay",
     "ts_min", "ts_max",
     "ts_argmin", "ts_argmax", "ts_idxmin", "ts_idxmax", "ts_known", "ts_count", "ts_rank",
     "correlation", "rsquare", "ts_median", "ema", "ewma", "floor", "round", "tanh", "sigmoid",
     "unknown", "fillna", "unit_rank", "group_unit_rank", "group_count", "group_min", "group_max",
     "cs_count", "cs_min", "cs_max", "ts_backfill", "trade_when", "bars_since", "thin")
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """An operator of a region, with what it reads and where its values go.

    Parameters
    ----------
    part : Part
    kernel : callable
    before, reach : int
        Rows before a block that it is computed for, too; rows before its own that it reads.
    place : int
        Which array of the workspace its values go to; -1 for the region's result.
    checked : bool
        Whether its values are looked through for what is not finite.
    """

    part: Part
    kernel: Callable[..., Any]
    before: int
    reach: int
    place: int
    checked: bool


class Program:
    """The kernels and constants of a region's steps.

    Parameters
    ----------
    graph : Graph
    region : Region
    panel : Panel
        For members and groupings.
    inputs : mapping of int to float array, shape (T, N)
        The arrays of the region's inputs.
    out : float array, shape (T, N)
        Where the result goes.
    """

    def __init__(
        self,
        graph: Graph,
        region: Region,
        panel: Panel,
        inputs: Mapping[int, FloatArray],
        out: FloatArray,
    ) -> None:
        self.inputs, self.out = inputs, out
        parts = {step: graph.parts[step] for step in region.steps}
        self.numbers = {
            i: graph.parts[i].args[0]
            for part in parts.values()
            for i in part.inputs
            if graph.is_number(i)
        }
        self.steps, self.count = _plan(parts, region.steps)
        self.before = max(region.steps.values())
        self.groups = {
            str(arg): _grouping(str(arg), panel)
            for part in parts.values()
            for kind, arg in zip(part.op.args if part.op else "", part.args, strict=True)
            if kind == "g"
        }
        self.member = None if panel.member.all() else panel.member

    def run(self, rows: slice, workspaces: Workspaces) -> None:
        """Compute some rows of the result."""
        start, stop = rows.start, rows.stop
        shape = (stop - max(start - self.before, 0), self.out.shape[1])
        values: dict[int, tuple[int, FloatArray]] = {}  # the first row, and the rows to `stop`
        with (
            workspaces.one(self.count, shape, self.out.dtype) as arrays,
            np.errstate(all="ignore"),
        ):
            for number, step in self.steps.items():
                first = max(start - step.before, 0)
                to = self.out[rows] if step.place < 0 else arrays[step.place][: stop - first]
                self._take(step, values, first, stop, to)
                values[number] = first, to

    def _take(
        self,
        step: Step,
        values: Mapping[int, tuple[int, FloatArray]],
        first: int,
        stop: int,
        out: FloatArray,
    ) -> None:
        part = step.part
        assert part.op is not None
        since = max(first - step.reach, 0)
        args: list[Any] = []
        for kind, arg in zip(part.op.args, part.args, strict=True):
            if kind == "x":
                args.append(self._argument(part, int(arg), values, slice(since, stop)))
            elif kind == "g":
                args.append(self.groups[str(arg)])
            else:
                args.append(int(arg) if kind == "d" else arg)
        for some, given in _by_labels(part.op, args, since, stop):
            if part.op.kernel is not None:
                out[some] = narrow(step.kernel(*given), out.dtype)
            else:
                step.kernel(*given, out[some])
        if step.checked and part.op.kernel is None:
            finite(out.reshape(-1))

    def _argument(
        self, part: Part, i: int, values: Mapping[int, tuple[int, FloatArray]], rows: slice
    ) -> Any:
        """Rows of a part: a number for cells alone, in cross-sections those of members alone."""
        assert part.op is not None
        shape = (rows.stop - rows.start, self.out.shape[1])
        if i in self.numbers:
            number = self.numbers[i]
            if part.op.room == "cells":
                return number
            array = np.full(shape, number, self.out.dtype)
        else:
            first, array = values.get(i) or (0, self.inputs[i][: rows.stop])
            array = array[rows.start - first :]
        if part.op.room == "sections" and self.member is not None:
            array = np.where(self.member[rows], array, array.dtype.type(np.nan))
        array.flags.writeable = False  # kernels are compiled once, for fields as for what is made
        return array


def _plan(parts: Mapping[int, Part], before: Mapping[int, int]) -> tuple[dict[int, Step], int]:
    """The steps, with a place for the values of each, and how many places there are.

    A place is used again when the values in it have been read.
    """
    places: dict[int, int] = {}
    free: list[int] = []
    steps, last = {}, [*parts][-1]
    for number, part in parts.items():
        assert part.op is not None
        place = -1 if number == last else free.pop() if free else len({*places.values()})
        checked = number == last or part.op.name not in TAME
        reach = part.reach or 0
        steps[number] = Step(part, _kernel(part), before[number], reach, place, checked)
        free += {places[i] for i in part.inputs if i in places}  # its only reader is here
        places[number] = place
    return steps, len({*places.values()} - {-1})


def _kernel(part: Part) -> Callable[..., Any]:
    assert part.op is not None
    if part.op.kernel is not None:
        return part.op.kernel
    found: Callable[..., Any] = getattr(import_module(f"engine.expr.{part.op.room}"), part.op.name)
    return found


def _by_labels(op: Op, args: list[Any], start: int, stop: int) -> Iterator[tuple[slice, list[Any]]]:
    """Rows on which no label changes, and the arguments on them, the groups as numbers (N,)."""
    grouping = next((a for a in args if isinstance(a, Dated)), None)
    if grouping is None:
        yield slice(None), args
        return
    for rows, labels in runs(grouping, start, stop):
        whole = rows == slice(0, stop - start)
        if not whole and op.reach != "none":
            raise DataError(
                f"{op.name} reads other rows than its own, and the labels that it is given change "
                "from date to date: take labels that do not (universe.tags)"
            )
        some = slice(None) if whole else rows
        yield (
            some,
            [
                labels if a is grouping else a[some] if kind == "x" else a
                for a, kind in zip(args, op.args, strict=True)
            ],
        )


def _grouping(name: str, panel: Panel) -> Dated | Codes:
    """The grouping that a formula names: the symbols' groups as numbers, where none changes."""
    own = spell(name, panel.groups)
    if own not in panel.groups:
        hint = did_you_mean(name, panel.groups)
        if name in panel:
            hint = f"{name} is a field of numbers; {hint}"
        raise MissingNameError(f"the symbols have no grouping {name!r}; {hint}", name)
    grouping = panel.groups[own]
    return grouping if isinstance(grouping, Dated) else number_labels(grouping)


class MissingNameError(DataError):
    """The panel lacks a name of a formula."""

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name, self.factor = name, ""

    def explain(self, text: str) -> str:
        """The whole message, with a caret where a factor's text has the name."""
        message, text = f"factor {self.factor!r}: {self}", one_line(text)
        found = re.search(rf"(?i)(?<!\w){re.escape(self.name)}(?!\w)", text)
        return point_at(message, text, found.start()) if found else message


def spell(name: str, names: Iterable[str]) -> str:
    """How the data spell a name of a formula, where capitals do not count; first come first."""
    known = list(names)
    return name if name in known else next((n for n in known if n.lower() == name), name)
