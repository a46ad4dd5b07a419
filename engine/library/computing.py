"""Values on some rows and of some symbols: the bytes of the whole, by `engine.expr`'s pieces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from engine.core.errors import PluginError
from engine.core.kinds import Factor
from engine.core.panel import BoolArray, FloatArray, Panel, narrow
from engine.expr import Node, Plan, lookback, make_plan, plan_new, spans
from engine.factors import How, ready
from engine.library.identity import Work
from engine.library.past import Past
from engine.library.rows import Todo, find_first, list_spans
from engine.plugin import is_ours, list_declared, watching

Pieces = Iterator[tuple[str, slice, FloatArray]]
SMALL, AROUND, SIZE = 0.1, 300, 24  # of the memory; rows that most look back; bytes of a cell
FEW = 0.5  # of the rows: more are computed as one evaluation of all


def compute(
    works: Mapping[str, Work],
    todo: Mapping[str, Todo],
    panel: Panel,
    how: How,
    past: Past | None = None,
) -> Iterator[tuple[str, slice, BoolArray, FloatArray]]:
    """Compute what is to be computed of each factor.

    Parameters
    ----------
    works, todo : mapping of str
    panel : Panel
    how : How
    past : Past, optional
        What is kept of the rows before: new rows are made from it where that is enough.

    Yields
    ------
    str
        The factor.
    slice
        Rows; more than asked for, where that is cheaper.
    bool array, shape (N,)
        Symbols that were computed.
    float array, shape (rows, symbols)
    """
    every, classes = np.ones(panel.shape[1], bool), _list_classes(works)
    if classes:
        made = _compute_classes(classes, panel)
        for name, values in made.items():
            if name in works:
                yield name, slice(0, len(values)), every, narrow(values, works[name].dtype)
        panel = _with_classes(works, panel, made)
    for alike, columns, again, start in _alike(works, todo, how, past):
        part = panel if columns.all() else panel.take(np.flatnonzero(columns).tolist())
        dtype = works[alike[0]].dtype
        nodes = {name: node for name in alike if (node := works[name].node) is not None}
        rows = {name: _rows(todo[name], again) for name in alike}
        own = replace(how, dtype=dtype)
        pieces = (
            _formulas(nodes, rows, part, own)
            if past is None or not start
            else _resume(nodes, rows, past, start, own)
        )
        for name, span, values in pieces:
            yield name, span, columns, values


def _compute_classes(classes: Mapping[str, Factor], panel: Panel) -> dict[str, FloatArray]:
    """Values of plugins; one that reads files which no option names would be stale some day."""
    made: dict[str, FloatArray] = {}
    for name, factor in classes.items():
        with watching() as opened:
            made |= ready({name: factor}, panel).values
        strange = [] if is_ours(factor) else opened.find_undeclared(list_declared(factor))
        if strange:
            raise PluginError(
                f"factors.{name}: reads {strange[0]}, which no option names, so what is kept of it "
                "would be wrong when that changes: make it an option with file=True"
            )
    return made


def _list_classes(works: Mapping[str, Work]) -> dict[str, Factor]:
    """The factors that are no formulas: those that are wanted, and those that formulas name."""
    found = {name: work.factor for name, work in works.items() if work.node is None}
    return found | {n: f for work in works.values() for n, f in work.classes.values()}


def _with_classes(works: Mapping[str, Work], panel: Panel, made: Mapping[str, FloatArray]) -> Panel:
    """The panel with the plugins' values as fields, by the names that formulas have for them."""
    named = {field: name for work in works.values() for field, (name, _) in work.classes.items()}
    return panel.with_fields({field: made[name] for field, name in named.items()})


def _rows(todo: Todo, again: bool) -> BoolArray:
    """Rows to compute; new ones together with those again where both are of all symbols."""
    if not again:
        return todo.fresh
    return todo.again | todo.fresh if todo.columns.all() else todo.again


def _alike(
    works: Mapping[str, Work], todo: Mapping[str, Todo], how: How, past: Past | None
) -> Iterator[tuple[list[str], BoolArray, bool, int]]:
    """Formulas of the same type and symbols; new rows, of all symbols, and rows again.

    Last, the row from which on new rows are made of what is kept; 0 where they are not.
    """
    groups: dict[tuple[str, bytes, bool, int], list[str]] = {}
    room = how.room
    for name, work in works.items():
        if work.node is None:
            continue
        each, every = todo[name], np.ones_like(todo[name].columns).tobytes()
        joined = each.columns.all() and each.again.any()
        if each.fresh.any() and not joined:
            start = 0 if past is None else past.find_start(work, each)
            few = _is_small(len(works), len(each.fresh) - start, len(each.columns), room)
            key = work.dtype, every, False, start if few else 0
            groups.setdefault(key, []).append(name)
        if each.again.any():
            groups.setdefault((work.dtype, each.columns.tobytes(), True, 0), []).append(name)
    for (_, columns, again, start), names in groups.items():
        yield names, np.frombuffer(columns, bool), again, start


def _is_small(formulas: int, rows: int, symbols: int, room: float) -> bool:
    """Whether some rows need not be cut into pieces that fit into the memory."""
    return formulas * (rows + AROUND) * symbols * SIZE < SMALL * room


def _formulas(
    nodes: Mapping[str, Node], rows: Mapping[str, BoolArray], panel: Panel, how: How
) -> Pieces:
    count = panel.shape[0]
    most = max(int(each.sum()) for each in rows.values())
    small = _is_small(len(nodes), most, panel.shape[1], how.room)
    with make_plan(nodes, panel, how.threads, how.dtype, counted=not small) as plan:
        fit = count if small else max(plan.rows(how.room), 1)
        if most > FEW * count and fit >= count:
            made = plan.values(slice(0, count), how.threads)
            for name in list(made):
                yield name, slice(0, count), made.pop(name)
            return
        yield from _spans(plan, rows, fit, how)


def _resume(
    nodes: Mapping[str, Node], rows: Mapping[str, BoolArray], past: Past, start: int, how: How
) -> Pieces:
    """New rows, made of what is kept of the rows before `start`."""
    plan = plan_new(nodes, past.panel, start, past.read, how.threads, how.dtype)
    count = plan.panel.shape[0]
    skipped = past.panel.shape[0] - count
    few = {name: each[skipped:] for name, each in rows.items()}
    for name, span, values in _spans(plan, few, count, how):
        yield name, slice(span.start + skipped, span.stop + skipped), values


def _spans(plan: Plan, rows: Mapping[str, BoolArray], fit: int, how: How) -> Pieces:
    """Formulas on their rows, at most `fit` of them at a time."""
    known: dict[str, int | None] = {name.lower(): 0 for name in plan.panel.fields}
    reach = {name: lookback(node, known) or 0 for name, node in plan.formulas.items()}
    for names in _buckets(reach):
        few = _narrow(plan, names, max(reach[name] for name in names))
        together: dict[tuple[int, int], list[str]] = {}
        for name in names:
            for span in list_spans(rows[name], reach[name]):
                together.setdefault((span.start, span.stop), []).append(name)
        for (start, stop), some in together.items():
            for span in spans(start, stop, fit):
                yield from _piece(_narrow(few, some, few.lookback), span, how)


def _piece(plan: Plan, span: slice, how: How) -> Pieces:
    for name, values in plan.values(span, how.threads).items():
        yield name, span, values


def _narrow(plan: Plan, names: list[str], reach: int) -> Plan:
    """The plan of some of its formulas, which look back as far as these do."""
    if len(names) == len(plan.formulas) and reach == plan.lookback:
        return plan
    return replace(plan, formulas={n: plan.formulas[n] for n in names}, lookback=reach)


def _buckets(reach: Mapping[str, int]) -> list[list[str]]:
    """Formulas that look back about as far: none reads four times the rows that it needs."""
    found: dict[int, list[str]] = {}
    for name, rows in reach.items():
        found.setdefault((rows + 1).bit_length() // 2, []).append(name)
    return list(found.values())


def evaluate_whole(works: Mapping[str, Work], panel: Panel, how: How) -> dict[str, FloatArray]:
    """Compute factors on all rows; NaN on those for which their frequency has no value."""
    made: dict[str, FloatArray] = {}
    todo = {name: find_first(work, panel.dates, panel.shape[1]) for name, work in works.items()}
    for name, span, _, values in compute(works, todo, panel, how):
        out = made.setdefault(name, np.full(panel.shape, np.nan, values.dtype))
        out[span] = np.where(todo[name].fresh[span, None], values, np.nan)
    return {name: made[name] for name in works}
