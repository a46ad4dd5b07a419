"""Bring kept values to what a panel says: what is missing is computed, and only that.

1. A factor whose state has the panel's fingerprint is done.
2. Else the panel is compared with the bars that its values stand on; what is new, what may have
   changed and what that reaches are the rows to compute (`engine.library.rows`).
3. What comes out is compared with what is kept, bit by bit. What differs is written on top; new
   dates are added; the states say which bars all of it now stands on: one commit.

Bars are written first, in a commit of their own, and states name the commit: whoever dies between
the two leaves values that stand on bars that are still readable. Where another process has written
the same series meanwhile from other bars, all rows are compared once more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np

from engine.core.errors import DataError
from engine.core.keeping import OpenStore, Record
from engine.core.panel import Panel
from engine.core.progress import progress
from engine.factors import How
from engine.library.bars import Changes, KeptBars, keep_bars, lay, name_market
from engine.library.computing import compute
from engine.library.identity import Work, list_parts
from engine.library.past import Past
from engine.library.records import State
from engine.library.rows import Todo, choose_rows, find_changed, find_first
from engine.library.sheet import Sheet
from engine.library.telling import tell

FIRST = "first values"
BATCH = 0.2  # of the memory that may be used: values of one commit


@dataclass(frozen=True)
class Done:
    """What was done to a factor.

    Parameters
    ----------
    name : str
    why : str
        In words; "" where nothing had to be done.
    dates : int
        New dates.
    computed : int
        Cells that were asked for: rows × symbols.
    superseded : int
        Cells that held another value before.
    """

    name: str
    why: str = ""
    dates: int = 0
    computed: int = 0
    superseded: int = 0


@dataclass
class Task:
    """A panel's values to be kept.

    Parameters
    ----------
    store : OpenStore
    panel : Panel
    text : str
        What says where the bars come from.
    how : How
    """

    store: OpenStore
    panel: Panel
    text: str
    how: How = field(default_factory=How)

    def __post_init__(self) -> None:
        self.market = name_market(self.text, self.panel)
        self._changes: dict[int, Changes] = {}
        self._states: dict[int, dict[str, State]] = {}

    def changes(self, commit: int) -> Changes:
        """What has changed since the bars of a commit."""
        if commit not in self._changes:
            self._changes[commit] = KeptBars(self.store, self.market, commit).compare(self.panel)
        return self._changes[commit]

    def is_current(self, work: Work, state: State | None) -> bool:
        """Whether values stand on exactly these bars."""
        same = state is not None and state.fingerprint == self.panel.fingerprint
        return same and state is not None and state.files == work.files

    def is_prefix(self, work: Work, state: State) -> bool:
        """Whether the panel is the beginning of the bars that a formula's values stand on."""
        changes = self.changes(state.bars)
        whole = changes.fresh == len(self.panel.dates)
        return work.reads is not None and whole and not changes.cells and not changes.axis

    def is_mixed(self, series: str, state: State) -> bool:
        """Whether values of other bars may be among a series' values.

        Somebody wrote them while the last writer was at work, and that one was not there any
        more to compare both (`_settle`).
        """
        if self._read_states(state.after + 1).get(series) == state:
            return False
        before = self._read_states(state.after).get(series)
        for commit in range(state.after + 1, self.store.last_commit() + 1):
            then = self._read_states(commit).get(series)
            if then == state:
                break
            if then not in (None, before) and then.fingerprint != state.fingerprint:
                return True
        return False

    def _read_states(self, commit: int) -> dict[str, State]:
        if commit not in self._states:
            self._states[commit] = State.read(self.store, commit)
        return self._states[commit]

    @property
    def ends_early(self) -> bool:
        """Whether the kept bars go on after the panel."""
        kept = KeptBars(self.store, self.market, self.store.last_commit())
        return bool(len(kept.dates)) and kept.dates[-1] > self.panel.dates[-1]


def update(
    task: Task,
    works: Mapping[str, Work],
    why: Mapping[str, str] | None = None,
    records: Mapping[str, Record] | None = None,
) -> list[Done]:
    """Keep the values of factors; a line each says what was done.

    Parameters
    ----------
    task : Task
    works : mapping of str to Work
    why : mapping of str to str
        Reasons that are known already, such as that a formula has changed.
    records : mapping of str to Record
        Written in the commit of a factor's values.

    Raises
    ------
    DataError
        The kept bars go on after the panel, or a file of them is damaged.
    """
    states = State.read(task.store)
    waiting = {n: w for n, w in works.items() if not task.is_current(w, states.get(w.series))}
    done = {name: Done(name) for name in works}
    if waiting and task.ends_early:
        waiting = {
            name: work
            for name, work in waiting.items()
            if not (work.series in states and task.is_prefix(work, states[work.series]))
        }
        if waiting:
            raise DataError(
                f"the bars end on {task.panel.dates[-1]:%Y-%m-%d}, and the kept ones go on: "
                "update with all of them, without --to"
            )
    if waiting:
        bars = keep_bars(task.store, task.market, task.text, task.panel)
        parts = list_parts(waiting)
        waiting |= {n: w for n, w in parts.items() if not task.is_current(w, states.get(w.series))}
        alike: dict[str, list[str]] = {}  # names of one series
        for name, work in waiting.items():
            alike.setdefault(work.series, []).append(name)
        for names in _batches(task, [twins[0] for twins in alike.values()]):
            some = {name: waiting[name] for name in names}
            twins = {name: alike[work.series] for name, work in some.items()}
            every = [each for found in twins.values() for each in found]
            told = _update(task, some, bars, [(records or {}).get(n) for n in every])
            done |= {n: replace(each, name=n) for each in told for n in twins[each.name]}
    left = [record for name, record in (records or {}).items() if name not in waiting]
    if left:
        task.store.write([], "records", left)
    return [_explain(done[name], (why or {}).get(name, "")) for name in works]


def _explain(done: Done, why: str) -> Done:
    """With a reason that was known before."""
    said = "" if why and done.why == FIRST else done.why
    return replace(done, why=", ".join(filter(None, [why, said])))


def _batches(task: Task, names: list[str]) -> Iterator[list[str]]:
    """Factors whose values together fit into some of the memory."""
    rows, columns = task.panel.shape
    room = BATCH * task.how.room / max(rows * columns * 8, 1)
    most = len(names) if room >= len(names) else max(int(room), 1)
    for start in range(0, len(names), most):
        progress(start, len(names))
        yield names[start : start + most]


def _update(
    task: Task,
    works: Mapping[str, Work],
    bars: int,
    records: Sequence[Record | None],
) -> list[Done]:
    base = task.store.last_commit()
    states = State.read(task.store, base)  # what anybody writes after it is found below
    todo = {name: _find(task, work, states) for name, work in works.items()}
    known = {n: w.series in states and states[w.series].dates > 0 for n, w in works.items()}
    sheets = _compute(task, works, todo, known, _look_back(task, works, todo, states, base))
    blocks = [block for sheet in sheets for block in sheet.list_blocks(works, todo, task.panel)]
    state = State(
        market=task.market,
        bars=bars,
        fingerprint=task.panel.fingerprint,
        first=task.panel.dates[0].isoformat(),
        last=task.panel.dates[-1].isoformat(),
        updated=datetime.now(UTC).isoformat(timespec="seconds"),
        after=base,
    )
    made = {
        work.series: replace(
            state,
            files=work.files,
            frequency=work.frequency,
            dates=int(choose_rows(task.panel.dates, work.frequency).sum()),
        )
        for work in works.values()
    }
    told = [each.record(series) for series, each in made.items()]
    shown = [name for name, work in works.items() if not work.hidden]
    names = ", ".join(shown) if 0 < len(shown) < 4 else f"{len(shown) or 'parts of'} factors"
    more = [record for record in records if record is not None]
    number = task.store.write(blocks, f"{names} to {state.last[:10]}", [*told, *more])
    if number > base + 1:
        _settle(task, works, states, made, number)
    superseded = {n: k for sheet in sheets for n, k in sheet.count(todo).items()}
    return [
        Done(
            name,
            _tell(task, work, states.get(work.series), todo[name]),
            int(todo[name].fresh.sum()),
            int(todo[name].fresh.sum()) * len(todo[name].columns)
            + int(todo[name].again.sum()) * int(todo[name].columns.sum()),
            superseded.get(name, 0),
        )
        for name, work in works.items()
    ]


def _tell(task: Task, work: Work, state: State | None, todo: Todo) -> str:
    if state is None:
        return FIRST
    file = "" if work.files == state.files else "a file that it reads has changed"
    other = "another process wrote it, too" if task.is_mixed(work.series, state) else ""
    said = tell(work, task.panel, task.changes(state.bars), todo)
    return ", ".join(filter(None, [file, other, said]))


def _find(task: Task, work: Work, states: Mapping[str, State]) -> Todo:
    panel, state = task.panel, states.get(work.series)
    if state is None:
        return find_first(work, panel.dates, panel.shape[1])
    whole = state.files != work.files or task.is_mixed(work.series, state)
    return find_changed(work, panel.dates, task.changes(state.bars), whole)


def _look_back(
    task: Task,
    works: Mapping[str, Work],
    todo: Mapping[str, Todo],
    states: Mapping[str, State],
    commit: int,
) -> Past:
    """What new rows are made of, as of the commit of the states."""
    parts = [part for work in works.values() for part in work.needs or ()]
    found = {work.series: todo[name] for name, work in works.items()}
    for part in parts:
        if part.series not in found:
            found[part.series] = _find(task, part, states)
    keys = {part.node: part.series for part in parts if part.node is not None}
    starts = {series: each.start for series, each in found.items()}
    return Past(task.store, commit, task.panel, keys, starts)


def _settle(
    task: Task,
    works: Mapping[str, Work],
    before: Mapping[str, State],
    made: Mapping[str, State],
    number: int,
) -> None:
    """Compare all rows again where somebody else wrote these series in between, of other bars."""
    between = State.read(task.store, number - 1)
    odd = {
        name: work
        for name, work in works.items()
        if (state := between.get(work.series)) is not None
        and state != before.get(work.series)
        and state.fingerprint != task.panel.fingerprint
    }
    if odd:
        columns = task.panel.shape[1]
        todo = {name: find_first(work, task.panel.dates, columns) for name, work in odd.items()}
        sheets = _compute(task, odd, todo, dict.fromkeys(odd, True))
        blocks = [b for sheet in sheets for b in sheet.list_blocks(odd, todo, task.panel)]
        records = [replace(made[w.series], after=number).record(w.series) for w in odd.values()]
        task.store.write(blocks, "settled", records)


def _compute(
    task: Task,
    works: Mapping[str, Work],
    todo: Mapping[str, Todo],
    kept: Mapping[str, bool],
    past: Past | None = None,
) -> list[Sheet]:
    """The factors' values on the rows from the first that is asked for, a sheet a type."""
    places: dict[str, Sheet] = {}
    sheets = []
    groups: dict[tuple[str, bool], list[str]] = {}
    for name, work in works.items():
        if not todo[name].is_empty:
            groups.setdefault((work.dtype, kept[name]), []).append(name)
    for (_, has_old), names in groups.items():
        sheet = _lay_sheet(task, works, todo, names, has_old)
        sheets.append(sheet)
        places |= dict.fromkeys(names, sheet)
    asked = {name: works[name] for name in places}
    for name, span, columns, values in compute(asked, todo, task.panel, task.how, past):
        each = todo[name]
        rows = each.fresh | each.again if columns.all() else each.again
        places[name].put(name, span, columns, values, rows)
    return sheets


def _lay_sheet(
    task: Task, works: Mapping[str, Work], todo: Mapping[str, Todo], names: list[str], has_old: bool
) -> Sheet:
    panel = task.panel
    first = min(int(np.argmax(todo[n].fresh | todo[n].again)) for n in names)
    dates = panel.dates[first:]
    shape = (len(names), len(dates), panel.shape[1])
    dtype = np.dtype(works[names[0]].dtype)
    if not has_old:
        return Sheet(names, first, None, np.full(shape, np.nan, dtype))
    kept = task.store.read([works[n].series for n in names], dates[0], dates[-1])
    old = lay(kept, dates, panel.symbols)
    return Sheet(names, first, old, old.copy())
