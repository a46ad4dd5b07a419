"""The library of factors: registered once, computed once, read ever after."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import OmegaConf

from engine.core.errors import ConfigError
from engine.core.keeping import OpenStore, Record, Values
from engine.core.kinds import Factor
from engine.core.panel import Panel
from engine.core.plain import to_plain
from engine.expr import Formula, fields
from engine.factors import How
from engine.library.bars import KeptBars, lay
from engine.library.identity import Work, list_parts, prepare, tell_why
from engine.library.reading import Read, read_date, read_values, refuse_empty
from engine.library.records import FREQUENCIES, Registered, State, find, refuse_name
from engine.library.rows import choose_rows
from engine.library.showing import Shown, show
from engine.library.updating import Done, Task, update
from engine.library.verifying import Wrong, compare, group_by_bars, name_users, stands_on
from engine.plugin import Registry


@dataclass(frozen=True)
class Definition:
    """What is registered.

    Parameters
    ----------
    node : dict
        As a factor set has it: ``name: formula`` and the formula, or a plugin and its options.
    """

    node: dict[str, Any]
    description: str = ""
    category: str = ""
    frequency: str = "daily"
    unit: str = ""
    dtype: str = "float64"
    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.frequency not in FREQUENCIES:
            raise ConfigError(f"frequency {self.frequency}: choose daily, weekly or monthly")


def to_node(factor: Factor) -> dict[str, Any]:
    """Return the node from which a factor is built again."""
    options = {each.name: getattr(factor, each.name) for each in dataclasses.fields(factor)}
    return {"name": factor.name, **to_plain(options)}


@dataclass
class Library:
    """Factors in a store.

    Parameters
    ----------
    store : OpenStore
    registry : Registry
        Where plugins come from.
    how : How
        How factors are computed.
    """

    store: OpenStore
    registry: Registry
    how: How = field(default_factory=How)
    _built: dict[str, Factor] = field(default_factory=dict)

    def factors(self, as_of: int | None = None) -> dict[str, Registered]:
        """Return the registered factors by name."""
        return Registered.read(self.store, as_of)

    def states(self, as_of: int | None = None) -> dict[str, State]:
        """Return what values stand on, by the key of their series."""
        return State.read(self.store, as_of)

    def find(self, name: str, as_of: int | None = None) -> Registered:
        """Return a registered factor; ConfigError names the nearest."""
        return find(self.factors(as_of), name)

    def show(self, name: str) -> Shown:
        """Return what is known of a factor; ConfigError names the nearest."""
        return show(self.store, name, self.find(name))

    def restore(self, before: Mapping[str, Registered], names: Iterable[str]) -> None:
        """Put factors back as they were registered, or not at all."""
        records = [
            before[n].record(n) if n in before else Registered.drop(n) for n in dict.fromkeys(names)
        ]
        self.store.write([], f"put back {_join(names)}", records)

    def register(self, definitions: Mapping[str, Definition], replacing: bool = False) -> None:
        """Put factors into the library, without values.

        Raises
        ------
        ConfigError
            A name cannot be one, or is another factor's and not `replacing`.
        FormulaError
            A formula cannot be read.
        """
        known = self.factors()
        records = []
        now = datetime.now(UTC).isoformat(timespec="seconds")
        built = {}
        for name, definition in definitions.items():
            refuse_name(name)
            built[name] = self.build(name, definition.node)
            old = known.get(name)
            if old is not None and not replacing and _defines(old) != _defines(definition):
                raise ConfigError(
                    f"{name} is registered, as {old.formula}; take it out with engine factors rm, "
                    "or say --replace"
                )
            new = Registered(
                **{key: getattr(definition, key) for key in SAME},
                words=list(definition.words),
                formula=tell(built[name]),
                created_at=old.created_at if old else now,
                series=old.series if old else "",
                made_of=old.made_of if old else {},
                versions=old.versions if old else [],
                parts=old.parts if old else [],
            )
            known[name] = new
        for name in definitions:
            needed = [each for each in self._list_needed([name], known) if each != name]
            records.append(replace(known[name], dependencies=sorted(needed)).record(name))
        self.store.write([], f"registered {_join(definitions)}", records)

    def remove(self, names: Iterable[str]) -> None:
        """Take factors out; their values stay readable as of earlier commits.

        Raises
        ------
        ConfigError
            One is not registered, or another one names it.
        """
        known, names = self.factors(), [*names]
        records: list[Record] = []
        for name in names:
            find(known, name)
            user = next(
                (n for n, r in known.items() if name in r.dependencies and n not in names), ""
            )
            if user:
                raise ConfigError(f"{name}: {user} names it; take that out first")
            records.append(Registered.drop(name))
        kept = {key for n, r in known.items() if n not in names for key in (r.series, *r.parts)}
        gone = {key for n in names for key in (known[n].series, *known[n].parts)} - kept - {""}
        records += [State.drop(series) for series in sorted(gone)]
        self.store.write([], f"took out {_join(names)}", records)

    def update(self, names: Sequence[str], panel: Panel, market: str) -> list[Done]:
        """Bring the values of factors to a panel.

        Parameters
        ----------
        names : sequence of str
        panel : Panel
        market : str
            What says where its bars come from, without secrets and last dates.

        Raises
        ------
        ConfigError
            One is not registered.
        DataError
            The bars end before those that are kept.
        """
        known = self.factors()
        chosen = {name: find(known, name) for name in names}
        task = Task(self.store, panel, market, self.how)
        works = self._prepare(chosen, known, panel, task.market)
        why, records = {}, {}
        for name, work in works.items():
            old = chosen[name]
            if old.series != work.series:
                why[name] = tell_why(old.made_of, work.made_of) if old.series else ""
            known[name] = self._note(old, work, why.get(name, ""))
            if known[name] != old:
                records[name] = known[name].record(name)
        needed = {key for each in known.values() for key in (each.series, *each.parts)}
        parts = {key for each in chosen.values() for key in each.parts}
        records |= {f"/{key}": State.drop(key) for key in sorted(parts - needed)}
        return update(task, works, why, records)

    def _note(self, old: Registered, work: Work, why: str) -> Registered:
        reads = sorted(work.reads.fields | work.reads.groups) if work.reads else []
        parts = sorted({part.series for part in work.parts or ()})
        new = replace(old, lookback=work.lookback, reads=reads, parts=parts)
        if old.series == work.series:
            return new
        version = {"series": work.series, "after": self.store.last_commit(), "why": why}
        return replace(
            new, series=work.series, made_of=work.made_of, versions=[*old.versions, version]
        )

    def _prepare(
        self,
        chosen: Mapping[str, Registered],
        known: Mapping[str, Registered],
        panel: Panel,
        market: str,
    ) -> dict[str, Work]:
        needed = self._list_needed(chosen, known)
        factors = {name: self.build(name, known[name].node) for name in needed}
        made = prepare(
            factors,
            panel,
            self.registry,
            market,
            {name: known[name].frequency for name in needed},
            {name: known[name].dtype for name in needed},
        )
        return {name: made[name] for name in chosen}

    def _list_needed(self, names: Iterable[str], known: Mapping[str, Registered]) -> list[str]:
        """These factors, those that their formulas name, and so on."""
        spelled, found, waiting = _spell(known), dict.fromkeys(names), [*names]
        while waiting:
            name = waiting.pop()
            factor = self.build(name, known[name].node)
            if isinstance(factor, Formula):
                others = {spelled[each] for each in fields(factor.node) if each in spelled}
                waiting += sorted(others - found.keys())
                found |= dict.fromkeys(sorted(others))
        return [*found]

    def read(
        self,
        names: Sequence[str],
        first: str | None = None,
        last: str | None = None,
        symbols: Sequence[str] | None = None,
        date: str | None = None,
        as_of: int | None = None,
    ) -> Read:
        """Read values.

        Parameters
        ----------
        names : sequence of str
        first, last, date : str, optional
            Dates; one alone is one cross-section.
        symbols : sequence of str, optional
        as_of : int, optional
            A commit: what was kept then.

        Raises
        ------
        ConfigError
            A factor is not registered, has no values yet, or there is no such symbol.
        DataError
            The bars have no date in the span.
        """
        known = self.factors(as_of)
        if as_of is not None and not 0 <= as_of <= self.store.last_commit():
            raise ConfigError(f"commit {as_of}: the last one is {self.store.last_commit()}")
        begin, end = read_date(date or first, "date"), read_date(date or last, "date")
        if end is not None and end == end.normalize():
            end += pd.Timedelta(days=1) - pd.Timedelta(1)
        chosen = {name: find(known, name) for name in names}
        found = read_values(self.store, chosen, begin, end, symbols, as_of)
        refuse_empty(found)
        return found

    def values(
        self, factors: Mapping[str, Factor], panel: Panel, market: str
    ) -> tuple[dict[str, Values], list[Done]]:
        """Return the values of those factors whose series are kept, brought to a panel.

        For a run: what is registered is read, and what is missing of it is computed and kept; all
        else is the caller's. By which name a factor is registered does not count: the series is
        the same where formula, code and market are.

        Parameters
        ----------
        factors : mapping of str to Factor
            A whole set, for formulas may name one another.
        panel : Panel
        market : str

        Returns
        -------
        dict of str to float array, shape (T, N)
            On the panel's dates and symbols; not to be written to.
        list of Done
            What was done to each.
        """
        task = Task(self.store, panel, market, self.how)
        states = self.states()
        if all(state.market != task.market for state in states.values()):
            return {}, []
        works = prepare(factors, panel, self.registry, task.market)
        works = {n: w for n, w in works.items() if w.series in states}
        if not works:
            return {}, []
        if task.ends_early:
            works = {n: w for n, w in works.items() if task.is_prefix(w, states[w.series])}
            done = [Done(name) for name in works]
        else:
            done = update(task, works)
        return self._read_all(works, panel), done

    def _read_all(self, works: Mapping[str, Work], panel: Panel) -> dict[str, Values]:
        """Their values, and NaN on the rows for which a weekly or monthly factor has none."""
        found: dict[str, Values] = {}
        for dtype in {work.dtype for work in works.values()}:
            names = [name for name, work in works.items() if work.dtype == dtype]
            keys = [works[name].series for name in names]
            kept = self.store.read(keys, panel.dates[0], panel.dates[-1])
            found |= dict(zip(names, lay(kept, panel.dates, panel.symbols), strict=True))
        for name, work in works.items():
            if work.frequency != "daily":
                rows = choose_rows(panel.dates, work.frequency)
                found[name] = np.where(rows[:, None], found[name], np.nan)
        return {name: found[name] for name in works}

    def verify(self, names: Sequence[str]) -> list[Wrong]:
        """Compute factors again, from the kept bars, and compare with what is kept, bit for bit.

        Factors whose code has changed since are left out: `update` computes those anew.
        """
        known, states = self.factors(), self.states()
        wrong: list[Wrong] = []
        for at, chosen in group_by_bars({n: find(known, n) for n in names}, states).items():
            bars = KeptBars(self.store, *at)
            panel = bars.rebuild()
            works = self._prepare(chosen, known, panel, bars.market)
            works = {n: w for n, w in works.items() if w.series == chosen[n].series}
            works |= list_parts(works)
            here = {n: w for n, w in works.items() if stands_on(states.get(w.series), at)}
            wrong += compare(self.store, here, panel, self.how)
        return [name_users(each, known) for each in wrong]

    def build(self, name: str, node: Mapping[str, Any]) -> Factor:
        """Return a factor from its node; a formula is read once."""
        key = json.dumps(node, sort_keys=True)
        if key not in self._built:
            self._built[key] = self.registry.build("factor", OmegaConf.create(dict(node)), name)
        return self._built[key]


SAME = ("node", "description", "category", "frequency", "unit", "dtype")


def _defines(one: Registered | Definition) -> tuple[Any, ...]:
    return one.node, one.frequency, one.dtype, tuple(one.words)


def tell(factor: Factor) -> str:
    """Return a factor's formula, or the name of its plugin."""
    return factor.formula if isinstance(factor, Formula) else factor.name


def _spell(factors: Iterable[str]) -> dict[str, str]:
    """Names as formulas may write them: capitals do not count."""
    names = [*factors]
    return {name.lower(): name for name in reversed(names)} | {name: name for name in names}


def _join(names: Iterable[str]) -> str:
    every = [*names]
    return ", ".join(every[:3]) + ("" if len(every) < 4 else f" and {len(every) - 3} more")
