"""Formulas on a few dates at a time, with the same bytes as on all of them.

1. A date needs the rows before it that its formulas reach back to, and no others; so a piece of
   the dates is evaluated on its own rows and the `lookback` rows before them.
2. What reaches back without end is computed once over all dates, and is a field from then on:
   ``returns`` and ``market``, exponential means, windows over all rows, operators of plugins that
   read more than one row. It lies in a folder, mapped into memory, and is read as it is needed.
3. Results are cut from each array as it is made, so that memory is that of one piece.

```
 panel (T, N)     0                                                     T
 pieces           ├────────────┼────────────┼────────────┼──────────────┤
 the third reads             ├── lookback ──┼──── own ───┤
 and hands over                             ├────────────┤      (rows, N) a formula
```
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.lib.format import open_memmap

from engine.core.panel import FloatArray, Panel, mean_of_members, returns_since
from engine.expr import executor
from engine.expr.facts import fields, lookback, to_text
from engine.expr.guests import op_of
from engine.expr.nodes import Call, Field, Node, Number
from engine.expr.spanning import spans

PROBE = 64, 8  # dates and symbols on which formulas are tried out, and their arrays counted
STRIP = 16 * 1024**2  # bytes of the closes that returns are made of at a time
KEYS = 4  # arrays' worth of dates and symbols, and of one column, while a table is made


@dataclass(frozen=True)
class Plan:
    """Formulas that reach back a known number of rows, and the panel on which they do.

    Parameters
    ----------
    formulas : mapping of str to Node
    panel : Panel
        With what reaches back without end among its fields.
    lookback : int
        Rows that a piece reads before its own.
    arrays : int
        Arrays that are held at once while formulas are evaluated; 0 where nobody counted.
    files : mapping of str to pathlib.Path
        The fields that lie in files.
    whole : tuple of str
        What was computed once over all dates.
    dtype : str
        As for `engine.evaluate`.
    """

    formulas: Mapping[str, Node]
    panel: Panel
    lookback: int
    arrays: int
    files: Mapping[str, Path]
    whole: tuple[str, ...]
    dtype: str

    def each(self, span: slice, threads: int | None = None) -> Iterator[tuple[str, FloatArray]]:
        """The formulas' names and values on some rows, one by one, in any order."""
        first = max(span.start - self.lookback, 0)
        rows, skip = self.panel.between(first, span.stop), span.start - first
        for name, array in executor.each_tree(self.formulas, rows, threads, self.dtype):
            yield name, array[skip:].copy() if skip else array

    def values(self, span: slice, threads: int | None = None) -> dict[str, FloatArray]:
        """All of them, in the formulas' order."""
        made = dict(self.each(span, threads))
        return {name: made[name] for name in self.formulas}

    def count(self) -> Plan:
        """The plan with its arrays counted."""
        counted = executor.count_arrays(self.formulas, _few(self.panel), self.panel.shape[1])
        return replace(self, arrays=counted)

    def bytes(self, rows: int) -> int:
        """About how much memory a piece of `rows` rows takes, the table of it included."""
        dates, symbols = self.panel.shape
        read = min(rows + self.lookback, dates)
        return _bytes(symbols, read, self.arrays, rows, len(self.formulas), self.dtype)

    def rows(self, memory: float) -> int:
        """The most rows whose piece fits into `memory` bytes; 0 when not even one does."""
        low, high = 0, self.panel.shape[0]
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.bytes(middle) <= memory else (low, middle - 1)
        return low


def evaluate_pieces(
    formulas: Mapping[str, str | Node],
    panel: Panel,
    rows: int,
    *,
    start: int = 0,
    threads: int | None = None,
    dtype: str = "float64",
) -> Iterator[tuple[slice, dict[str, FloatArray]]]:
    """Compute formulas on a panel, some dates at a time.

    Parameters
    ----------
    formulas, panel, threads, dtype
        As for `engine.evaluate`.
    rows : int
        Dates of a piece. Each piece also reads the rows that its formulas reach back to.
    start : int
        The first row that is wanted.

    Yields
    ------
    slice
        Rows of the panel, in order.
    dict of str to float array, shape (rows, N)
        Their values: the bytes that `engine.evaluate` gives.

    Raises
    ------
    FormulaError, DataError
        As `engine.evaluate` does.
    """
    with make_plan(formulas, panel, threads, dtype) as plan:
        for span in spans(start, panel.shape[0], rows):
            yield span, plan.values(span, threads)


def estimate_bytes(formulas: Mapping[str, str | Node], panel: Panel, dtype: str = "float64") -> int:
    """About how much memory all dates at once take."""
    dates, symbols = panel.shape
    arrays = executor.count_arrays(formulas, _few(panel), symbols)
    return _bytes(symbols, dates, arrays, dates, len(formulas), dtype)


@contextmanager
def make_plan(
    formulas: Mapping[str, str | Node],
    panel: Panel,
    threads: int | None = None,
    dtype: str = "float64",
    counted: bool = True,
) -> Iterator[Plan]:
    """A plan, whose files last as long as the context.

    Without `counted`, which takes longer than a few dates do, it knows nothing of its memory.
    """
    trees = executor.build_trees(formulas, panel)
    if counted:  # what cannot be evaluated is told by its own name
        executor.count_arrays(formulas, _few(panel), panel.shape[1])
    with TemporaryDirectory(prefix="formulas-") as folder:
        plan = _plan(trees, panel, Path(folder), threads, dtype, together=not counted)
        yield plan.count() if counted else plan


def _few(panel: Panel) -> Panel:
    """A corner of the panel."""
    return panel.between(0, PROBE[0]).take(range(min(PROBE[1], panel.shape[1])))


def _bytes(symbols: int, read: int, arrays: int, rows: int, results: int, dtype: str) -> int:
    size = np.dtype(dtype).itemsize
    return symbols * (size * (read * arrays + rows * results) + 8 * rows * KEYS)


def _plan(
    trees: Mapping[str, Node],
    panel: Panel,
    folder: Path,
    threads: int | None,
    dtype: str,
    together: bool,
) -> Plan:
    endless: dict[Node, str] = {}
    bounded = {name: _cut_endless(tree, endless) for name, tree in trees.items()}
    files = _returns(panel, _names(trees), folder)
    panel = _map_files(panel, files)
    whole = {name: node for node, name in endless.items()}
    for part in [whole] if together else [{name: node} for name, node in whole.items()]:
        for name, made in executor.each(part, panel, threads=threads, dtype=dtype):
            files[name] = folder / f"{name}.npy"
            np.save(files[name], made)
    panel = _map_files(panel, files)
    known: dict[str, int | None] = {name.lower(): 0 for name in panel.fields}
    return Plan(
        formulas=bounded,
        panel=panel,
        lookback=find_reach(bounded.values(), known),
        arrays=0,
        files=files,
        whole=tuple(to_text(node) for node in endless),
        dtype=dtype,
    )


def _cut_endless(node: Node, endless: dict[Node, str]) -> Node:
    """The formula with a field in place of each part that reaches back without end."""
    if not isinstance(node, Call):
        return node
    if is_endless(node):
        return Field(endless.setdefault(node, f"#{len(endless)}"))
    return Call(node.op, tuple(_cut_endless(arg, endless) for arg in node.args))


def is_endless(call: Call) -> bool:
    """Whether an operator reads all rows before its own, whatever its arguments read."""
    op = op_of(call.op)
    windows = [
        int(arg.value)
        for arg, kind in zip(call.args, op.args, strict=True)
        if kind == "d" and isinstance(arg, Number)
    ]
    # a plugin's window may be a running sum, whose last digits depend on where it began
    return op.lookback(windows) is None or (op.kernel is not None and op.reach != "none")


def find_reach(nodes: Iterable[Node], known: Mapping[str, int | None]) -> int:
    """The most rows that one of some formulas looks back; those without end do not count."""
    return max((rows for node in nodes if (rows := lookback(node, known)) is not None), default=0)


def _names(trees: Mapping[str, Node]) -> frozenset[str]:
    return frozenset(name for tree in trees.values() for name in fields(tree))


def _returns(panel: Panel, names: frozenset[str], folder: Path) -> dict[str, Path]:
    """Files of ``returns`` and ``market``, those that formulas name and the panel lacks."""
    lacking = {"returns", "market"} & names - {name.lower() for name in panel.fields}
    files = {name: folder / f"{name}.npy" for name in sorted(lacking)}
    out = {name: open_memmap(path, "w+", float, panel.shape) for name, path in files.items()}
    if not out:
        return files
    full = panel.full if "market" in out else np.ones(panel.shape[0], bool)
    last, before = np.full((2, panel.shape[1]), np.nan)
    step = max(STRIP // (8 * panel.shape[1]), 1)
    for span in spans(0, panel.shape[0], step):
        close = panel["close"][span]
        returns, last = returns_since(last, close)
        if "returns" in out:
            out["returns"][span] = returns
        if "market" in out:  # as `Panel.spanning`
            closes = np.where(full[span, None], close, np.nan)
            spanning, before = returns_since(before, closes)
            out["market"][span] = mean_of_members(spanning, panel.member[span])[:, None]
    for array in out.values():
        array.flush()
    return files


def _map_files(panel: Panel, files: Mapping[str, Path]) -> Panel:
    return panel.with_fields({name: np.load(path, mmap_mode="r") for name, path in files.items()})
