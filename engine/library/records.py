"""What the library remembers beside values: registered factors, states of series, markets.

Each is a small text of the store, JSON by kind and name, written in the commit that it is about.
"""

from __future__ import annotations

import dataclasses
import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from engine.core.errors import ConfigError
from engine.core.keeping import OpenStore, Record

LONGEST = 100  # characters of a name
FREQUENCIES = ("daily", "weekly", "monthly")
Told = TypeVar("Told", bound="Remembered")


@dataclass(frozen=True)
class Remembered:
    """A record's content."""

    kind: ClassVar[str]

    def record(self, name: str) -> Record:
        """Return it as the store keeps it."""
        return Record(self.kind, name, json.dumps(dataclasses.asdict(self), sort_keys=True))

    @classmethod
    def read(cls: type[Told], store: OpenStore, as_of: int | None = None) -> dict[str, Told]:
        """Return all of the kind, by name."""
        known = {each.name for each in dataclasses.fields(cls)}
        return {
            name: cls(**{k: v for k, v in json.loads(text).items() if k in known})
            for name, text in store.records(cls.kind, as_of).items()
        }

    @classmethod
    def drop(cls, name: str) -> Record:
        """Return the record that takes it out."""
        return Record(cls.kind, name, None)


@dataclass(frozen=True)
class Registered(Remembered):
    """A factor of the library.

    Parameters
    ----------
    node : dict
        Of the configuration, from which the factor is built: a formula, or a plugin's options.
    formula : str
        The formula, or the plugin's name.
    dependencies : list of str
        Registered factors that the formula names, and those that they name.
    frequency : {"daily", "weekly", "monthly"}
    lookback : int or None
        Rows of the bars before a date that its value reads; None reads all.
    reads : list of str
        Fields and groupings; empty for a plugin, which may read all.
    words : list of str
        The overrides that say what the bars are.
    series : str
        The key of its values; "" before the first ones.
    made_of : dict of str to str
        What the key was made of.
    parts : list of str
        The keys of what its formula has that reaches back without end (`ema`), which is kept
        beside it under the key that a factor with that formula has.
    versions : list of dict
        Each series it has had: its key, why it came, and the last commit before it.
    """

    kind: ClassVar[str] = "factor"

    node: dict[str, Any]
    formula: str
    description: str = ""
    category: str = ""
    dependencies: list[str] = field(default_factory=list)
    frequency: str = "daily"
    unit: str = ""
    lookback: int | None = None
    reads: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    dtype: str = "float64"
    created_at: str = ""
    series: str = ""
    made_of: dict[str, str] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    versions: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class State(Remembered):
    """What the values of a series stand on; its name is the series' key.

    Parameters
    ----------
    market : str
    bars : int
        The commit as of which the kept bars are those that the values were computed from.
    fingerprint : str
        Of the panel.
    files : str
        A hash of the files that a plugin's options name.
    first, last : str
        Of the bars' dates.
    dates : int
        On which something is kept.
    updated : str
    after : int
        The commit that its writer went by. Where the next one is not the writer's own, values of
        others may be among these until both have been compared.
    """

    kind: ClassVar[str] = "state"

    market: str
    bars: int
    fingerprint: str
    files: str = ""
    frequency: str = "daily"
    first: str = ""
    last: str = ""
    dates: int = 0
    updated: str = ""
    after: int = 0


@dataclass(frozen=True)
class Axes(Remembered):
    """Whose bars a market's series are; its name is the market's.

    Parameters
    ----------
    text : str
        What of the configuration says where the bars come from.
    symbols : list of str
        In the panel's order.
    fields, groups, series : list of str
    """

    kind: ClassVar[str] = "market"

    text: str
    periods_per_year: float
    quorum: float
    symbols: list[str]
    fields: list[str]
    groups: list[str]
    series: list[str]


def refuse_name(name: str) -> None:
    """Raise ConfigError unless a factor may have this name."""
    shown = name if len(name) <= LONGEST else f"{name[:40]}…"
    shown = "".join(sign if sign.isprintable() else "?" for sign in shown)
    if not name or name != name.strip():
        raise ConfigError(f"name {shown!r}: give a name without blanks around it")
    if len(name) > LONGEST:
        raise ConfigError(f"name {shown!r} has {len(name)} characters: at most {LONGEST}")
    if not all(sign.isprintable() or unicodedata.category(sign) == "Cf" for sign in name) or any(
        unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"}
        or sign in "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        for sign in name
    ):
        raise ConfigError(f"name {shown!r} has control signs: leave them out")
    if "/" in name or "\\" in name or name in {".", ".."}:
        raise ConfigError(f"name {shown!r} is a path: leave out / and \\")


def find(known: Mapping[str, Registered], name: str) -> Registered:
    """Return a registered factor; ConfigError names the nearest one."""
    from engine.core.errors import did_you_mean

    if not isinstance(name, str):
        raise ConfigError(f"{name!r}: write names one by one, as in read('mine', 'yours')")
    if name not in known:
        shown = "".join(sign if sign.isprintable() else "?" for sign in name[:60])
        hint = did_you_mean(name, known)
        raise ConfigError(f"{shown}: no such factor is registered; {hint}")
    return known[name]


def forget(store: OpenStore, keys: Iterable[str]) -> None:
    """Take for never computed what a store has lost: `update` computes it again.

    Where bars are lost, so are all values that stand on bars of their market.
    """
    lost, states = {*keys}, State.read(store)
    markets = {key.split(" ")[1] for key in lost if key.startswith("bars ")}
    gone = [s for s, state in states.items() if s in lost or state.market in markets]
    known = Axes.read(store).keys()
    records = [State.drop(each) for each in gone] + [Axes.drop(m) for m in markets & known]
    if records:
        store.write([], "lost", records)
