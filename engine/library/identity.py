"""The key of a series: the same for the same values, another where they may be others.

It is made of the formula with all that it names written out, or of a plugin and its options; of
the code of the operators and plugins in it, the engine's own and its libraries'; and of the market.
The bars themselves are in no key: what they change is found and computed again.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from glob import glob
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from engine.core.kinds import Factor
from engine.core.panel import Panel
from engine.core.plain import by_key, to_plain
from engine.expr import (
    Formula,
    Node,
    Reads,
    canonical,
    find_others,
    guest_names,
    list_reads,
    lookback,
    to_text,
    tree,
    trees,
    write_out,
)
from engine.plugin import Registry, engine_identity, identity
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

    @property
    def series(self) -> str:
        """The key of its values."""
        return f"values {sha256(json.dumps(self.made_of, sort_keys=True).encode()).hexdigest()}"


def prepare(
    factors: Mapping[str, Factor],
    panel: Panel,
    registry: Registry,
    market: str,
    frequencies: Mapping[str, str] | None = None,
    dtypes: Mapping[str, str] | None = None,
) -> dict[str, Work]:
    """Return what is to be computed, by factor; those that formulas name are among the factors.

    Raises
    ------
    FormulaError
        A formula cannot be read, or formulas name one another in a circle.
    """
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
    for name, factor in factors.items():
        node = written.get(name)
        frequency = (frequencies or {}).get(name, "daily")
        dtype = (dtypes or {}).get(name, "float64")
        parts = {"market": market, "engine": engine_identity(), "dtype": dtype, **_libraries()}
        reads: Reads | None = None
        classes: dict[str, tuple[str, Factor]] = {}
        if node is None:
            parts |= _tell_class(factor, registry)
            reach, files = None, _hash_files(factor)
        else:
            reads = list_reads(node, panel)
            classes = {f: (named[f], factors[named[f]]) for f in sorted(reads.fields & {*named})}
            for each, other in classes.values():
                told = _tell_class(other, registry)
                parts |= {f"{each}: {what}": text for what, text in told.items()}
            parts |= {"formula": canonical(node), "fields": " ".join(sorted(reads.fields))}
            parts |= _operators(node, registry)
            reach = lookback(node, rows)
            files = " ".join(_hash_files(other) for _, other in classes.values())
        if frequency != "daily":
            parts["frequency"] = frequency
        made[name] = Work(
            factor, node, None if classes else reads, reach, classes, parts, files, frequency, dtype
        )
    return made


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
    options = {f.name: getattr(factor, f.name) for f in dataclasses.fields(factor)}
    return {
        "plugin": f"{factor.name} {json.dumps(by_key(to_plain(options)), default=str)}",
        f"code of {factor.name}": code,
    }


def _hash_files(factor: Factor) -> str:
    found = [hash_files(path) for path in _files(factor)]
    return sha256(" ".join(found).encode()).hexdigest()[:16] if found else ""


def _files(factor: Factor) -> Iterator[Path]:
    for each in dataclasses.fields(factor):
        value = getattr(factor, each.name)
        if each.metadata.get("file"):
            for name in value.values() if isinstance(value, Mapping) else _listed(value):
                place = Path(str(name)).expanduser()
                yield from [place] if place.exists() else map(Path, sorted(glob(str(place))))


def _listed(value: object) -> Iterable[object]:
    if isinstance(value, (list, tuple)):
        return value
    return [value] if value else []


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
        elif what in LIBRARIES:
            words.append(f"{what} {old.get(what)} → {new.get(what)}")
        elif what == "market":
            words.append("other bars: source, universe, bars, time or their first date")
        elif what == "fields":
            words.append("the bars have other fields of its names")
        else:
            words.append(f"{what} changed")
    return ", ".join(filter(None, dict.fromkeys(words))) or "plugins of its formula changed"
