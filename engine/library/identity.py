"""The key of a series: the same for the same values, another where they may be others.

It is made of the formula with all that it names written out, or of a plugin and its options; of
the code of the operators and plugins in it, the engine's own and its libraries'; and of the market.
The bars themselves are in no key: what they change is found and computed again.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from hashlib import sha256
from importlib.metadata import version
from typing import Any
from weakref import WeakKeyDictionary

from engine.core.kinds import Factor
from engine.core.panel import Panel
from engine.core.plain import by_key, to_plain
from engine.expr import (
    Formula,
    Node,
    Reads,
    find_others,
    guest_names,
    key,
    list_reads,
    list_resumed,
    lookback,
    to_text,
    tree,
    trees,
    write_out,
)
from engine.plugin import Registry, engine_identity, find_file_options, identity, list_places
from engine.plugin import tree as hash_files

LIBRARIES = ("numpy", "numba", "llvmlite", "scipy", "pandas")


@dataclass(frozen=True)
class Work:
    """A factor, ready to be computed.

    Parameters
    ----------
    factor : Factor
    node : Node or None
        The formula with the factors that it names written out; None for a plugin.
    reads : Reads or None
        What of the bars it reads; None is all.
    lookback : int or None
    classes : dict of str to (str, Factor)
        Factors that are no formulas and that it names, by the name of the field.
    made_of : dict of str to str
        What its key is made of.
    files : str
        A hash of the files that a plugin's options name.
    frequency, dtype : str
    parts : tuple of Work or None
        What in the formula reaches back without end (`ema`), nested ones first: new rows need
        what is kept of it. None where new rows need all rows of the bars.
    hidden : bool
        Whether it is such a part itself. Its key is that of a factor with its formula.
    """

    factor: Factor
    node: Node | None
    reads: Reads | None
    lookback: int | None
    classes: dict[str, tuple[str, Factor]]
    made_of: dict[str, str]
    files: str
    frequency: str = "daily"
    dtype: str = "float64"
    parts: tuple[Work, ...] | None = None
    hidden: bool = False

    @cached_property
    def series(self) -> str:
        """The key of its values."""
        return f"values {sha256(json.dumps(self.made_of, sort_keys=True).encode()).hexdigest()}"

    @property
    def needs(self) -> tuple[Work, ...] | None:
        """What has to be kept so that new rows can be made; None as for `parts`."""
        return (*self.parts, self) if self.hidden and self.parts is not None else self.parts


def prepare(
    factors: Mapping[str, Factor],
    panel: Panel,
    registry: Registry,
    market: str,
    frequencies: Mapping[str, str] | None = None,
    dtypes: Mapping[str, str] | None = None,
) -> dict[str, Work]:
    """Return what is to be computed, by factor; those that formulas name are among the factors.

    What was returned last is at hand, for a process that asks again and again; files are hashed
    each time.

    Raises
    ------
    FormulaError
        A formula cannot be read, or formulas name one another in a circle.
    """
    of_bars = tuple(panel.fields), tuple(panel.groups), panel.periods_per_year
    told = [(name, _options(factor)) for name, factor in factors.items()]
    asked = repr((told, frequencies, dtypes, market, of_bars, engine_identity(), _libraries()))
    known = _prepared.get(registry)
    if known is None or known[0] != asked:
        parts = {"market": market, "engine": engine_identity(), **_libraries()}
        made = _write_out(factors, panel, registry, parts, frequencies or {}, dtypes or {})
        known = _prepared[registry] = asked, made
    return {name: replace(work, files=_hash_all(work)) for name, work in known[1].items()}


_prepared: WeakKeyDictionary[Registry, tuple[str, dict[str, Work]]] = WeakKeyDictionary()


def list_parts(works: Mapping[str, Work]) -> dict[str, Work]:
    """Return the parts of formulas that are kept beside them, by names that no factor may have."""
    return {f"/{part.series}": part for work in works.values() for part in work.parts or ()}


def _write_out(
    factors: Mapping[str, Factor],
    panel: Panel,
    registry: Registry,
    parts: Mapping[str, str],
    frequencies: Mapping[str, str],
    dtypes: Mapping[str, str],
) -> dict[str, Work]:
    formulas = {name: f for name, f in factors.items() if isinstance(f, Formula)}
    nodes = {
        name: tree(name, formulas[name].node if isinstance(found, str) else found, panel)
        for name, found in trees(formulas, panel).items()
    }
    bars = {name.lower() for name in panel.fields}
    named = find_others(nodes, factors, bars.__contains__)
    written = write_out(nodes, {*bars, *named}.__contains__)
    rows: dict[str, int | None] = dict.fromkeys(bars, 0) | dict.fromkeys(named)
    made: dict[str, Work] = {}
    known: dict[Node, Work] = {}
    for name, factor in factors.items():
        frequency, dtype = frequencies.get(name, "daily"), dtypes.get(name, "float64")
        own = {**parts, "dtype": dtype}
        if frequency != "daily":
            own["frequency"] = frequency
        node = written.get(name)
        if node is None:
            own |= _tell_class(factor, registry)
            made[name] = Work(factor, None, None, None, {}, own, "", frequency, dtype)
            continue
        reads = list_reads(node, panel)
        classes = {f: (named[f], factors[named[f]]) for f in sorted(reads.fields & {*named})}
        for each, other in classes.values():
            own |= {f"{each}: {what}": text for what, text in _tell_class(other, registry).items()}
        own |= _tell_formula(node, reads, registry)
        reach = lookback(node, rows)
        work = Work(
            factor, node, None if classes else reads, reach, classes, own, "", frequency, dtype
        )
        made[name] = replace(work, parts=_find_parts(work, panel, registry, parts, known))
    return made


def _find_parts(
    work: Work,
    panel: Panel,
    registry: Registry,
    parts: Mapping[str, str],
    known: dict[Node, Work],
) -> tuple[Work, ...] | None:
    """What is kept of a formula, so that new rows need no others; what is `known` is looked up."""
    assert work.node is not None
    nodes = None if work.classes else list_resumed(work.node)
    if nodes is None or (nodes and work.dtype != "float64"):
        return None
    for node in nodes:
        if node in known:
            continue
        reads = list_reads(node, panel)
        own = {**parts, "dtype": work.dtype, **_tell_formula(node, reads, registry)}
        nested = tuple(known[each] for each in list_resumed(node) or () if each != node)
        known[node] = Work(work.factor, node, reads, None, {}, own, "", parts=nested, hidden=True)
    return tuple(known[node] for node in nodes)


def _tell_formula(node: Node, reads: Reads, registry: Registry) -> dict[str, str]:
    """A formula, which names of it the bars have, and which code its operators are."""
    own = {"formula": key(node), "fields": " ".join(sorted(reads.fields))}
    return own | _operators(node, registry)


def _options(factor: Factor) -> tuple[type[Factor], dict[str, Any]]:
    return type(factor), {f.name: getattr(factor, f.name) for f in dataclasses.fields(factor)}


def _operators(node: Node, registry: Registry) -> dict[str, str]:
    """Which code the plugins' operators in a formula are."""
    known = registry.entries("operator")
    names = guest_names(to_text(node), known)
    return {f"operator {name} of {known[name].origin}": identity(known[name]) for name in names}


def _tell_class(factor: Factor, registry: Registry) -> dict[str, str]:
    """A plugin, its options, and which code it is."""
    cls = type(factor)
    entry = registry.entries("factor").get(factor.name)
    code = identity(entry) if entry is not None and entry.cls is cls else f"{cls.__module__}"
    options = _options(factor)[1]
    return {
        "plugin": f"{factor.name} {json.dumps(by_key(to_plain(options)), default=str)}",
        f"code of {factor.name}": code,
    }


def _hash_all(work: Work) -> str:
    """A hash of the files that a factor reads, or those that it names."""
    if work.node is None:
        return _hash_files(work.factor)
    return " ".join(_hash_files(other) for _, other in work.classes.values())


def _hash_files(factor: Factor) -> str:
    found = [
        hash_files(place)
        for name in find_file_options(type(factor))
        for place in list_places(getattr(factor, name))
    ]
    return sha256(" ".join(found).encode()).hexdigest()[:16] if found else ""


@cache
def _libraries() -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES}


def tell_why(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """Why a factor has another key than it had, in words."""
    if not old:
        return "first values"
    changed = [what for what in {**old, **new} if old.get(what) != new.get(what)]
    words = []
    for what in changed:
        if what.startswith("operator "):
            words.append(f"{what} changed" if what in old and what in new else "")
        elif what == "formula" and any(each.startswith("operator ") for each in changed):
            continue  # its key holds its operators' code
        elif what in LIBRARIES:
            words.append(f"{what} {old.get(what)} → {new.get(what)}")
        elif what == "market":
            words.append("other bars: source, universe, bars, time or their first date")
        elif what == "fields":
            words.append("the bars have other fields of its names")
        else:
            words.append(f"{what} changed")
    return ", ".join(filter(None, dict.fromkeys(words))) or "plugins of its formula changed"
