"""Evaluates a set of formulas: regions one after the other, each over blocks that fit a cache.

`engine.expr.graph` says what is computed in one pass. A block is some dates of all symbols: rows
of the arrays as they lie, which nothing copies. An array is freed when its last reader has run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from engine.core.errors import ConfigError, DataError, FormulaError, did_you_mean
from engine.core.panel import FloatArray, Panel, narrow
from engine.expr import hints
from engine.expr.annual import ANNUAL, bind
from engine.expr.facts import fields
from engine.expr.graph import Graph, Region, derive
from engine.expr.naming import write_out
from engine.expr.nodes import Node
from engine.expr.parser import parse
from engine.expr.program import MissingNameError, Program, spell
from engine.expr.spanning import cut_alike
from engine.expr.storage import Storage, Workspaces
from engine.kernels.threads import cores, share

# Bytes of one array's block: smaller ones cost more calls than they save misses.
BLOCK = 1024 * 1024
DTYPES = ("float64", "float32")
MADE = ("vwap", "amount", "adv20")  # names that stand for formulas of other fields
SHARE = 8  # rows before a block are no more than this part of its own


def evaluate(
    formulas: Mapping[str, str | Node],
    panel: Panel,
    *,
    threads: int | None = None,
    dtype: str = "float64",
) -> dict[str, FloatArray]:
    """Compute formulas on a panel.

    Parameters
    ----------
    formulas : mapping of str to str or Node
        By the name of the result; a formula may name another one (`engine.expr.naming`).
    panel : Panel
        Its fields may be named, and ``returns``, ``market``, ``vwap`` ((high+low+close)/3
        when it is no field), ``adv{d}`` (mean of close × volume over d rows) and ``annual``
        (its rows a year, a number).
    threads : int, optional
        How many work at once, by default one a core; the results do not depend on it.
    dtype : {"float64", "float32"}
        Of the results and of all that is stored on the way; windows add up in float64 anyhow.

    Returns
    -------
    dict of str to float array, shape (T, N)
        Finite or NaN.

    Raises
    ------
    FormulaError
        A formula cannot be read, or formulas name one another in a circle.
    ConfigError
        Another `dtype`.
    DataError
        The panel lacks a field or grouping; with a caret, where the formula names it.
    """
    made = dict(each(formulas, panel, threads=threads, dtype=dtype))
    return {name: made[name] for name in formulas}


def each(
    formulas: Mapping[str, str | Node],
    panel: Panel,
    *,
    threads: int | None = None,
    dtype: str = "float64",
) -> Iterator[tuple[str, FloatArray]]:
    """The same one by one, for a caller who does not keep them all; in an order of its own."""
    if dtype not in DTYPES:
        raise ConfigError(f"dtype={dtype!r}: {did_you_mean(dtype, DTYPES)}")
    run = _Run(build_trees(formulas, panel), panel, threads or cores(), np.dtype(dtype))
    yield from _yield_results(run, formulas)


def each_tree(
    trees: Mapping[str, Node], panel: Panel, threads: int | None, dtype: str
) -> Iterator[tuple[str, FloatArray]]:
    """The same of trees that `build_trees` has returned, or pieces of them."""
    yield from _yield_results(_Run(trees, panel, threads or cores(), np.dtype(dtype)), trees)


def count_arrays(formulas: Mapping[str, str | Node], panel: Panel, symbols: int) -> int:
    """How many arrays an evaluation holds at most, beside the panel and results handed over.

    Counted on a small panel, as if it had `symbols` symbols.
    """
    run = _Run(build_trees(formulas, panel), panel, 1, np.dtype(float), symbols)
    for _ in _yield_results(run, formulas):
        pass
    return run.storage.peak


def build_trees(formulas: Mapping[str, str | Node], panel: Panel) -> dict[str, Node]:
    """Trees of formulas, with the factors that they name written out."""
    trees = {name: tree(name, formula, panel) for name, formula in formulas.items()}
    return write_out(trees, _ask_panel(panel))


def _ask_panel(panel: Panel) -> Callable[[str], bool]:
    return lambda name: spell(name, panel.fields) in panel


def _yield_results(
    run: _Run, formulas: Mapping[str, str | Node]
) -> Iterator[tuple[str, FloatArray]]:
    """The results; a name that the panel lacks is shown where its formula has it."""
    try:
        yield from run.results()
    except MissingNameError as error:
        formula = formulas[error.factor]
        raise DataError(error.explain(formula if isinstance(formula, str) else "")) from None


def tree(name: str, formula: str | Node, panel: Panel) -> Node:
    """A formula's tree, with the panel's ``annual``; FormulaError says which cannot be read."""
    try:
        node = parse(formula) if isinstance(formula, str) else formula
        return bind(node, panel.periods_per_year)
    except FormulaError as error:
        raise FormulaError(f"factor {name!r}: {error}") from None


class _Run:
    """One evaluation of a graph on a panel."""

    def __init__(
        self,
        formulas: Mapping[str, Node],
        panel: Panel,
        threads: int,
        dtype: np.dtype[Any],
        width: int | None = None,
    ) -> None:
        self.graph, self.panel = Graph.of(formulas, _ask_panel(panel)), panel
        width = panel.shape[1] if width is None else width
        self.rows = max(BLOCK // max(width * dtype.itemsize, 1), 1)
        self.regions = self.graph.regions(self.rows // SHARE)
        self.threads = threads
        readers = Counter(self.graph.roots.values())
        for region in self.regions.values():
            readers.update(region.inputs)
        self.storage, self.workspaces = Storage(panel.shape, dtype, readers), Workspaces()

    def results(self) -> Iterator[tuple[str, FloatArray]]:
        """Every formula's name and values, in an order that keeps few arrays at a time."""
        for name in self.graph.order(self.regions):
            yield name, self._result(name, self.graph.roots[name])

    def _result(self, name: str, root: int) -> FloatArray:
        if self.graph.is_number(root):
            value = self.graph.parts[root].args[0]
            return narrow(np.full(self.panel.shape, value), self.storage.dtype)
        try:
            self._prepare(root)
        except MissingNameError as error:
            error.factor = name
            raise
        return self.storage.take(root)

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
        out = self.storage.allocate()
        inputs = {i: self.storage[i] for i in region.inputs}
        program = Program(self.graph, region, self.panel, inputs, out)
        blocks = self._blocks(region)
        share(blocks, lambda rows: program.run(rows, self.workspaces), self.threads)
        self.storage.put(part, out)
        self.storage.count_reading(region.inputs)

    def _blocks(self, region: Region) -> list[slice]:
        """The rows of each block."""
        days = self.panel.shape[0]  # alike, so that no thread waits long for another
        return cut_alike(days, max(days, 1) if region.whole else self.rows)

    def _field(self, part: int) -> None:
        panel, name = self.panel, str(self.graph.parts[part].args[0])
        own = spell(name, panel.fields)
        if own in panel or name == "returns":
            array = panel.finite(own)
        elif name == "market":
            known = np.where(np.isinf(panel.market), np.nan, panel.market)
            array = np.ascontiguousarray(np.broadcast_to(known[:, None], panel.shape))
        else:
            named = [n for n in self.graph.roots if n.isidentifier() and n != name]
            made = [made for made in MADE if _has(panel, made)]
            bars = [*panel.fields, "returns", "market", *made]
            hint = hints.field(name, bars, [ANNUAL, *named])
            lost = f"the bars have no field {name!r}; {hint}"
            if spell(name, panel.groups) in panel.groups:
                lost = f"{name!r} is a grouping, a text: numbers are needed here"
            raise MissingNameError(lost, name)
        self.storage.put(part, narrow(array, self.storage.dtype), shared=True)


def _has(panel: Panel, name: str) -> bool:
    """Whether a formula may name a field: the panel's own, or one made of those."""
    meant = derive(name, _ask_panel(panel))
    if meant is None:
        return _ask_panel(panel)(name)
    return all(_has(panel, other) for other in fields(meant))
