"""What ``engine factors compute`` does: values by pieces of the dates, counted and written."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np

from engine.core.errors import ConfigError
from engine.core.kinds import Factor
from engine.core.memory import available_memory
from engine.core.panel import FloatArray, Panel, narrow
from engine.core.progress import progress
from engine.expr import (
    Node,
    Plan,
    estimate_bytes,
    from_processes,
    make_plan,
    refuse_parallel,
    spans,
)
from engine.factors.evaluation import evaluate
from engine.factors.file import Stored, writing
from engine.factors.sets import Ready, ready

MOST = 0.7  # of the memory that is available: others need some, and estimates are rough
Piece = tuple[slice, dict[str, FloatArray]]


@dataclass(frozen=True)
class How:
    """How factors are computed; no choice but `dtype` changes a byte of the values.

    Parameters
    ----------
    threads : int, optional
        Threads, by default one a core.
    chunk : int, optional
        Dates of a piece; by default as many as fit into the memory.
    memory : float, optional
        Bytes, by default most of those that are available.
    parallel : {"local", "dask", "ray"}, optional
        Who works beside this process; by default no one.
    workers : int
        How many processes do.
    dtype : {"float64", "float32"}
        Of the values.
    """

    threads: int | None = None
    chunk: int | None = None
    memory: float | None = None
    parallel: str | None = None
    workers: int = 2
    dtype: str = "float64"

    @property
    def room(self) -> float:
        """Bytes that may be used."""
        if self.memory is not None:
            return self.memory
        room = available_memory()
        return np.inf if room is None else MOST * room


@dataclass
class Coverage:
    """How many of the bars have a value, factor by factor, from the row `first` on."""

    panel: Panel
    names: tuple[str, ...]
    first: int
    _finite: dict[str, int] = field(default_factory=dict)
    _since: dict[str, int] = field(default_factory=dict)

    def add(self, span: slice, values: Mapping[str, FloatArray]) -> None:
        """Count some dates."""
        for name, values_ in values.items():
            finite = np.isfinite(values_) & self.panel.present[span]
            self._finite[name] = self._finite.get(name, 0) + int(finite.sum())
            rows = np.flatnonzero(finite.any(axis=1))
            if len(rows):
                self._since.setdefault(name, span.start + int(rows[0]))

    def text(self) -> str:
        """A line a factor: share of the bars with a value, and the first date of one."""
        days = self.panel.dates[self.first :]
        bars = self.panel.present[self.first :].sum()
        width = max(6, *(min(len(name), 60) for name in self.names))
        lines = [
            f"{len(self.names)} factors, {len(self.panel.symbols)} symbols, {len(days)} dates "
            f"({days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d})",
            f"{'factor':<{width}}  {'finite':>7}  first",
        ]
        for name in self.names:
            share, row = self._finite[name] / bars, self._since.get(name)
            first = "never" if row is None else f"{self.panel.dates[row]:%Y-%m-%d}"
            lines.append(f"{name[:60]:<{width}}  {share:>7.1%}  {first}")
        return "\n".join(lines)


def compute_to(
    chosen: Mapping[str, Factor],
    panel: Panel,
    out: Path | None,
    how: How,
    aside: Set[str] = frozenset(),
) -> None:
    """Compute factors, say how many values there are, and write them; but for those `aside`."""
    names = tuple(name for name in chosen if name not in aside)
    coverage = Coverage(panel, names, 0)
    found = ready(chosen, panel, aside)
    with ExitStack() as stack:
        pieces = stack.enter_context(closing(_pieces(names, found, 0, how)))
        file = writing(out, panel, names, found.keys, how.dtype) if out else None
        writer = stack.enter_context(file) if file else None
        for span, values in pieces:
            coverage.add(span, values)
            if writer:
                writer.write(span, values)
            progress(span.stop, panel.shape[0])
            values.clear()  # before the next piece is made
    print(coverage.text())
    if out:
        print(f"written: {out}")


def append_to(
    chosen: Mapping[str, Factor], panel: Panel, path: Path, how: How, aside: Set[str] = frozenset()
) -> None:
    """Add the dates that a file lacks; its last one is computed again, and has to be the same."""
    names = tuple(name for name in chosen if name not in aside)
    stored = Stored.of(path, panel, names, how.dtype)
    first = stored.row + 1
    coverage = Coverage(panel, names, first)
    found = ready(chosen, panel, aside)
    stored.refuse_other_formulas(found.keys)
    with closing(_pieces(names, found, stored.row, how)) as pieces, ExitStack() as stack:
        span, values = next(pieces)
        stored.compare({name: made[0] for name, made in values.items()})
        if first == panel.shape[0]:
            print(f"nothing to append: {path} has all {first} dates")
            return
        writer = stack.enter_context(writing(path, panel, names, found.keys, how.dtype))
        stored.copy(writer)
        rest = {name: made[1:] for name, made in values.items()}
        for part, made in chain([(slice(first, span.stop), rest)], pieces):
            coverage.add(part, made)
            writer.write(part, made)
            progress(part.stop, panel.shape[0])
    print(coverage.text())
    print(f"appended: {path}")


def _pieces(names: Sequence[str], found: Ready, start: int, how: How) -> Generator[Piece]:
    """Values of these factors; those that are no formulas are cut from their whole arrays."""
    for span, values in _formulas(found.formulas, found.panel, start, how):
        values |= {name: narrow(made[span], how.dtype) for name, made in found.values.items()}
        yield span, {name: values.pop(name) for name in names}


def _formulas(
    formulas: Mapping[str, str | Node], panel: Panel, start: int, how: How
) -> Iterator[Piece]:
    stop = panel.shape[0]
    free = how.chunk is None and how.parallel is None
    if free and start == 0 and estimate_bytes(formulas, panel, how.dtype) <= how.room:
        yield slice(0, stop), evaluate(formulas, panel, threads=how.threads, dtype=how.dtype)
        return
    if how.parallel:
        refuse_parallel(how.parallel)
    with make_plan(formulas, panel, how.threads, how.dtype) as plan:
        if plan.whole:
            print(f"over all dates, for they read them all: {'; '.join(plan.whole)}")
        rows = _rows(plan, stop - start, how)
        if rows < stop - start:
            print(f"in pieces of {rows} dates, each read with {plan.lookback} dates before it")
        if how.parallel:
            yield from from_processes(
                plan, rows, start=start, parallel=how.parallel, workers=how.workers
            )
            return
        for span in spans(start, stop, rows):
            yield span, plan.values(span, how.threads)


def _rows(plan: Plan, wanted: int, how: How) -> int:
    """Dates of a piece."""
    workers = how.workers if how.parallel else 1
    if how.chunk is not None:
        return min(how.chunk, wanted)
    fit = plan.rows(how.room / workers)
    if fit == 0:
        raise ConfigError(
            f"one date needs {workers * plan.bytes(1) / 1e9:.2g} GB, {how.room / 1e9:.2g} GB are "
            "allowed: give a larger --memory, or fewer factors or workers"
        )
    return min(fit, -(-wanted // workers))
