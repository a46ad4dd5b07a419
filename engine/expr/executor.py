"""Evaluates a set of formulas: regions one after the other, each over blocks that fit a cache.

`engine.expr.graph` says what is computed in one pass. A block of series has shape (symbols, T),
a block of dates (dates, N): both are whole rows of an array that lies as the region needs it,
so that no block is ever copied. An array is freed when its last reader has run.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import DataError, FormulaError, did_you_mean, pointed
from engine.expr.graph import DATES, WHOLE, Graph, Part, Region
from engine.expr.naming import written_out
from engine.expr.nodes import Node
from engine.expr.parser import one_line, parse
from engine.expr.storage import Storage
from engine.panel import FloatArray, Panel

BLOCK = 512 * 1024  # bytes of one array's block: a few of them fit a core's second cache


def evaluate(
    formulas: Mapping[str, str | Node], panel: Panel, *, threads: int | None = None
) -> dict[str, FloatArray]:
    """Compute formulas on a panel.

    Parameters
    ----------
    formulas : mapping of str to str or Node
        By the name of the result; a formula may name another one (`engine.expr.naming`).
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
        A formula cannot be read, or formulas name one another in a circle.
    DataError
        The panel lacks a field or grouping; with a caret, where the formula names it.
    """
    roots = {name: _root(name, formula) for name, formula in formulas.items()}

    def known(name: str) -> bool:
        return _spelled(name, panel.fields) in panel

    graph = Graph.of(written_out(roots, known), known)
    try:
        return _Run(graph, panel, threads or _cores()).results()
    except _MissingNameError as error:
        formula = formulas[error.factor]
        raise DataError(error.shown(formula if isinstance(formula, str) else "")) from None


class _MissingNameError(DataError):
    """The panel lacks a name of a formula."""

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name, self.factor = name, ""

    def shown(self, text: str) -> str:
        """The whole message, with a caret where a factor's text has the name."""
        message, text = f"factor {self.factor!r}: {self}", one_line(text)
        found = re.search(rf"(?i)(?<!\w){re.escape(self.name)}(?!\w)", text)
        return pointed(message, text, found.start()) if found else message


def _root(name: str, formula: str | Node) -> Node:
    try:
        return parse(formula) if isinstance(formula, str) else formula
    except FormulaError as error:
        raise FormulaError(f"factor {name!r}: {error}") from None


class _Run:
    """One evaluation of a graph on a panel."""

    def __init__(self, graph: Graph, panel: Panel, threads: int) -> None:
        self.graph, self.panel = graph, panel
        self.regions = graph.regions()
        self.pool = _pool(threads) if threads > 1 else None
        self.masked = not panel.member.all()
        readers = Counter((part, DATES) for part in graph.roots.values())
        for region in self.regions.values():
            readers.update((part, region.layout) for part in region.inputs)
        self.storage = Storage(panel.shape, readers, self.pool)

    def results(self) -> dict[str, FloatArray]:
        """Every formula's values, by its name."""
        return {name: self._result(name, part) for name, part in self.graph.roots.items()}

    def _result(self, name: str, root: int) -> FloatArray:
        if self.graph.is_number(root):
            return np.full(self.panel.shape, self.graph.parts[root].args[0])
        try:
            self._prepare(root)
        except _MissingNameError as error:
            error.factor = name
            raise
        return self.storage.taken(root)

    def _prepare(self, root: int) -> None:
        """Compute a stored part, its inputs first."""
        waiting = [root]
        while waiting:
            part = waiting[-1]
            if part in self.storage:
                waiting.pop()
            elif self.graph.is_field(part):
                self._field(part)
            else:
                region = self.regions[part]
                missing = [i for i in region.inputs if i not in self.storage]
                waiting += reversed(missing)
                if not missing:
                    self._compute(part, region)

    def _compute(self, part: int, region: Region) -> None:
        inputs = {i: self.storage.on(i, region.layout) for i in region.inputs}
        out = self.storage.empty(region.layout)
        block = len(out) if region.axis == WHOLE else _rows(out)
        starts = range(0, len(out), max(block, 1))
        program = _Program(self, region, inputs, out)
        if self.pool is None or len(starts) < 2:
            for start in starts:
                program.run(start, start + block)
        else:
            for _ in self.pool.map(lambda start: program.run(start, start + block), starts):
                pass
        self.storage.put(part, region.layout, out)
        self.storage.used(region.inputs, region.layout)

    def _field(self, part: int) -> None:
        panel, name = self.panel, str(self.graph.parts[part].args[0])
        spelled = _spelled(name, panel.fields)
        if spelled in panel:
            array = panel[spelled]
        elif name == "returns":
            array = panel.returns
        elif name == "market":
            wide = np.broadcast_to(panel.market[:, None], panel.shape)
            self.storage.put(part, DATES, wide.copy(order="C"))  # of one symbol, too
            return
        else:
            named = [n for n in self.graph.roots if n.isidentifier() and n != name]
            known = [*panel.fields, "returns", "market", "vwap", "adv20", *named]
            lost = f"the bars have no field {name!r}; {did_you_mean(name, known)}"
            if _spelled(name, panel.groups) in panel.groups:
                lost = f"{name!r} is a grouping, a text: numbers are needed here"
            raise _MissingNameError(lost, name)
        wrong = np.isinf(array)
        if wrong.any():
            array = np.where(wrong, np.nan, array)
        self.storage.put(part, DATES, array, shared=True)

    def labels(self, name: str) -> npt.NDArray[np.int64]:
        """The symbols' groups as numbers."""
        spelled = _spelled(name, self.panel.groups)
        if spelled not in self.panel.groups:
            hint = did_you_mean(name, self.panel.groups)
            if name in self.panel:
                hint = f"{name} is a field of numbers; {hint}"
            raise _MissingNameError(f"the symbols have no grouping {name!r}; {hint}", name)
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
                made = kernel(*args)
                values[step] = made if part.axis == WHOLE else _finite(made)
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
    """The same with NaN for what is infinite; an array is the operator's own, and changed."""
    from engine.expr.lagging import finite

    if np.ndim(value) == 0:
        return value if np.isfinite(value) else np.nan
    finite(value.reshape(-1))
    return value


def _rows(out: FloatArray) -> int:
    """Rows of a block."""
    rows: int = BLOCK // max(out.shape[1] * 8, 1)
    return max(rows, 1)


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="formulas")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _spelled(name: str, names: Iterable[str]) -> str:
    """How the data spell a name of a formula, where capitals do not count; first come first."""
    known = list(names)
    return name if name in known else next((n for n in known if n.lower() == name), name)
