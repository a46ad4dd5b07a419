"""Evaluates a set of formulas: regions one after the other, each over blocks that fit a cache.

`engine.expr.graph` says what is computed in one pass. A block of series has shape (symbols, T),
a block of dates (dates, N): both are whole rows of an array that lies as the region needs it,
so that no block is ever copied. An array is freed when its last reader has run.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import DataError, FormulaError, did_you_mean
from engine.expr.graph import DATES, SERIES, WHOLE, Graph, Part, Region
from engine.expr.nodes import Node
from engine.expr.parser import parse
from engine.panel import FloatArray, Panel

BLOCK = 256 * 1024  # bytes of one array's block: a few of them fit a core's second cache


def evaluate(
    formulas: Mapping[str, str | Node], panel: Panel, *, threads: int | None = None
) -> dict[str, FloatArray]:
    """Compute formulas on a panel.

    Parameters
    ----------
    formulas : mapping of str to str or Node
        By the name of the result.
    panel : Panel
        Its fields may be named, and ``returns``, ``market``, ``vwap`` ((high+low+close)/3
        when it is no field) and ``adv{d}`` (mean of close × volume over d rows).
    threads : int, optional
        How many work at once, by default one a core; the results do not depend on it.

    Returns
    -------
    dict of str to float array, shape (T, N)
        Finite or NaN.

    Raises
    ------
    FormulaError
        A formula cannot be read.
    DataError
        The panel lacks a field or grouping.
    """
    roots = {name: _root(name, formula) for name, formula in formulas.items()}
    graph = Graph.of(roots, lambda name: _spelled(name, panel.fields) in panel)
    return _Run(graph, panel, threads or _cores()).results()


def _root(name: str, formula: str | Node) -> Node:
    try:
        return parse(formula) if isinstance(formula, str) else formula
    except FormulaError as error:
        raise FormulaError(f"factor {name!r}: {error}") from None


@dataclass
class _Stored:
    """A part's values, as dates × symbols, as symbols × dates, or both."""

    rows: FloatArray | None = None
    series: FloatArray | None = None
    shared: bool = False  # the panel's own: not to be given away

    def on(self, axis: str, pool: ThreadPoolExecutor | None) -> FloatArray:
        """The array as a region of this axis reads it."""
        if axis == SERIES:
            if self.series is None:
                assert self.rows is not None
                self.series = _turned(self.rows, pool)
            return self.series
        if self.rows is None:
            assert self.series is not None
            self.rows = _turned(self.series, pool)
        return self.rows


@dataclass
class _Run:
    graph: Graph
    panel: Panel
    threads: int
    stored: dict[int, _Stored] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.regions = self.graph.regions()
        self.readers = Counter(self.graph.roots.values())
        for region in self.regions.values():
            self.readers.update(region.inputs)
        self.pool = _pool(self.threads) if self.threads > 1 else None
        self.masked = not self.panel.member.all()

    def results(self) -> dict[str, FloatArray]:
        return {name: self._result(name, part) for name, part in self.graph.roots.items()}

    def _result(self, name: str, root: int) -> FloatArray:
        if self.graph.is_number(root):
            return np.full(self.panel.shape, self.graph.parts[root].args[0])
        try:
            self._prepare(root)
        except DataError as error:
            raise DataError(f"factor {name!r}: {error}") from None
        made = self.stored[root]
        array = made.on(DATES, self.pool)
        last = self._used(root)
        return array if last and not made.shared else array.copy()

    def _prepare(self, root: int) -> None:
        """Compute a stored part, its inputs first."""
        waiting = [root]
        while waiting:
            part = waiting[-1]
            if part in self.stored:
                waiting.pop()
            elif self.graph.is_field(part):
                self.stored[part] = self._field(str(self.graph.parts[part].args[0]))
            else:
                region = self.regions[part]
                missing = [i for i in region.inputs if i not in self.stored]
                waiting += reversed(missing)
                if not missing:
                    self.stored[part] = self._computed(region)
                    for i in region.inputs:
                        self._used(i)

    def _used(self, part: int) -> bool:
        """Note one reading; what no one will read again is freed. Whether it was the last."""
        self.readers[part] -= 1
        if self.readers[part] == 0:
            del self.stored[part]
            return True
        return False

    def _computed(self, region: Region) -> _Stored:
        inputs = {i: self.stored[i].on(region.axis, self.pool) for i in region.inputs}
        days, symbols = self.panel.shape
        shape = (symbols, days) if region.axis == SERIES else (days, symbols)
        out = np.empty(shape)
        block = shape[0] if region.axis == WHOLE else _rows(shape)
        starts = range(0, shape[0], max(block, 1))
        program = _Program(self, region, inputs, out)
        if self.pool is None or len(starts) < 2:
            for start in starts:
                program.run(start, start + block)
        else:
            for _ in self.pool.map(lambda start: program.run(start, start + block), starts):
                pass
        return _Stored(series=out) if region.axis == SERIES else _Stored(rows=out)

    def _field(self, name: str) -> _Stored:
        panel = self.panel
        spelled = _spelled(name, panel.fields)
        if spelled in panel:
            array = panel[spelled]
        elif name == "returns":
            array = panel.returns
        elif name == "market":
            wide = np.broadcast_to(panel.market[:, None], panel.shape)
            return _Stored(rows=np.ascontiguousarray(wide))
        else:
            known = [*panel.fields, "returns", "market", "vwap", "adv20"]
            raise DataError(f"the bars have no field {name!r}; {did_you_mean(name, known)}")
        if np.isinf(array).any():
            return _Stored(rows=np.where(np.isinf(array), np.nan, array))
        return _Stored(rows=array, shared=True)

    def labels(self, name: str) -> npt.NDArray[np.int64]:
        """The symbols' groups as numbers."""
        spelled = _spelled(name, self.panel.groups)
        if spelled not in self.panel.groups:
            raise DataError(
                f"the symbols have no grouping {name!r}; {did_you_mean(name, self.panel.groups)}"
            )
        return np.unique(np.array(self.panel.groups[spelled]), return_inverse=True)[1]


class _Program:
    """A region, ready to run on any of its blocks."""

    def __init__(
        self, run: _Run, region: Region, inputs: Mapping[int, FloatArray], out: FloatArray
    ) -> None:
        self.run_, self.region, self.inputs, self.out = run, region, inputs, out
        self.numbers = {
            i: run.graph.parts[i].args[0]
            for step in region.steps
            for i in run.graph.parts[step].inputs
            if run.graph.is_number(i)
        }
        self.steps = [(step, run.graph.parts[step]) for step in region.steps]
        self.kernels = [_kernel(part) for _, part in self.steps]
        self.labels = {
            str(arg): run.labels(str(arg))
            for _, part in self.steps
            for kind, arg in zip(part.op.args if part.op else "", part.args, strict=True)
            if kind == "g"
        }

    def run(self, start: int, stop: int) -> None:
        """Compute the rows from `start` to `stop` of the region's result."""
        values: dict[int, Any] = {i: array[start:stop] for i, array in self.inputs.items()}
        values |= self.numbers
        out = self.out[start:stop]
        with np.errstate(all="ignore"):
            for (step, part), kernel in zip(self.steps, self.kernels, strict=True):
                args = self._arguments(part, values, start, stop)
                for i in part.inputs:
                    if i not in self.inputs and i not in self.numbers:
                        values.pop(i, None)  # its only reader is here
                values[step] = _finite(kernel(*args))
        out[...] = values[self.region.steps[-1]]

    def _arguments(self, part: Part, values: Mapping[int, Any], start: int, stop: int) -> list[Any]:
        assert part.op is not None
        args: list[Any] = []
        for kind, arg in zip(part.op.args, part.args, strict=True):
            if kind == "x":
                value = values[int(arg)]
                args.append(
                    value if part.op.room == "cells" else self._whole(part, value, start, stop)
                )
            elif kind == "g":
                args.append(self.labels[str(arg)])
            else:
                args.append(int(arg) if kind == "d" else arg)
        return args

    def _whole(self, part: Part, value: Any, start: int, stop: int) -> FloatArray:
        """An argument of a kernel: no scalar, and in cross-sections members alone."""
        shape = self.out[start:stop].shape
        array: FloatArray = value if np.shape(value) == shape else np.full(shape, value)
        assert part.op is not None
        if part.op.room == "sections" and self.run_.masked:
            array = np.where(self.run_.panel.member[start:stop], array, np.nan)
        return array


def _kernel(part: Part) -> Any:
    assert part.op is not None
    return part.op.kernel or getattr(import_module(f"engine.expr.{part.op.room}"), part.op.name)


def _finite(value: Any) -> Any:
    """The same with NaN for what is infinite."""
    if np.ndim(value) == 0:
        return value if np.isfinite(value) else np.nan
    wrong = np.isinf(value)
    if wrong.any():
        value = np.where(wrong, np.nan, value)
    return value


def _rows(shape: tuple[int, ...]) -> int:
    """Rows of a block."""
    return max(BLOCK // max(shape[1] * 8, 1), 1)


def _turned(array: FloatArray, pool: ThreadPoolExecutor | None) -> FloatArray:
    """The transpose, laid out anew."""
    from engine.expr.lagging import turn

    rows = array.shape[1]
    out = np.empty((rows, len(array)), array.dtype)
    step = max(-(-rows // 16), 1)
    starts = range(0, rows, step)
    if pool is None or out.size < BLOCK:
        turn(array, 0, rows, out)
    else:
        for _ in pool.map(lambda start: turn(array, start, start + step, out), starts):
            pass
    return out


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="formulas")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _spelled(name: str, names: Iterable[str]) -> str:
    """How the data spell a name of a formula, where capitals do not count; first come first."""
    known = list(names)
    return name if name in known else next((n for n in known if n.lower() == name), name)
