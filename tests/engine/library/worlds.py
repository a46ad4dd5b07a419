"""A small market, changed in known ways, and a library that is told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from engine import Formula, Panel, evaluate
from engine.library import Definition, Done, Library, to_node
from engine.plugin import Registry, installed
from engine.storage import LocalStore

FORMULAS = {
    "own": "delta(close, 3)",
    "volume_5": "ts_mean(volume, 5)",
    "endless": "ema(close, 4)",
    "gains": "ts_mean(returns, 4)",
    "crossed": "rank(delta(close, 3))",
    "in_sector": "indneutralize(close, sector)",
    "to_market": "returns - market",
}


def make_panel(rows: int = 40, columns: int = 5) -> Panel:
    """Bars on weekdays from 2020-01-01 on; D has none on its first ten."""
    draw = np.random.default_rng(7)
    close = 50.0 + draw.normal(0, 1, (rows, columns)).cumsum(axis=0)
    close[:10, 3] = np.nan
    volume = np.where(np.isnan(close), np.nan, draw.uniform(1e3, 1e4, close.shape))
    return Panel(
        dates=pd.bdate_range("2020-01-01", periods=rows, tz="UTC"),
        symbols=tuple("ABCDEFGH"[:columns]),
        fields={"close": close, "high": close + 1.0, "volume": volume},
        groups={"sector": tuple("xyxyxyxy"[:columns])},
    )


def change(panel: Panel, field: str, where: tuple[object, object], value: object) -> Panel:
    """The panel with some cells of a field changed."""
    array = np.array(panel.fields[field])
    array[where] = value  # type: ignore[index]
    return panel.with_fields({field: array})


def without(panel: Panel, row: int) -> Panel:
    """The panel without a date."""
    rows = np.delete(np.arange(len(panel.dates)), row)
    return replace(
        panel,
        dates=panel.dates[rows],
        fields={name: array[rows] for name, array in panel.fields.items()},
        member=panel.member[rows],
    )


class World:
    """A library with formulas, in a folder."""

    def __init__(
        self,
        folder: Path,
        formulas: Mapping[str, str] = FORMULAS,
        registry: Registry | None = None,
    ) -> None:
        self.store = LocalStore(folder)
        self.library = Library(self.store, registry or installed())
        self.add(formulas)

    def reopen(self, folder: Path) -> None:
        """Take up the library that another process has left in a folder."""
        self.store = LocalStore(folder)
        self.library = Library(self.store, installed())

    def add(self, formulas: Mapping[str, str], frequency: str = "daily") -> None:
        nodes = {name: to_node(Formula(text)) for name, text in formulas.items()}
        self.library.register(
            {n: Definition(node, frequency=frequency) for n, node in nodes.items()}
        )

    def update(self, panel: Panel, names: Sequence[str] | None = None) -> dict[str, Done]:
        chosen = [*self.library.factors()] if names is None else names
        return {done.name: done for done in self.library.update(chosen, panel, "a market")}

    def values(self, name: str, as_of: int | None = None) -> pd.DataFrame:
        return self.library.read([name], as_of=as_of).wide(name)


def expect(panel: Panel, formulas: Mapping[str, str] = FORMULAS) -> dict[str, pd.DataFrame]:
    """What a whole evaluation gives."""
    made = evaluate({n: Formula(text).node for n, text in formulas.items()}, panel)
    return {name: panel.wide(array) for name, array in made.items()}


def count_other(one: pd.DataFrame, other: pd.DataFrame) -> int:
    """Cells of the first frame's dates and symbols that are other bits in the second."""
    old = one.to_numpy()
    new = other.reindex(index=one.index, columns=one.columns).to_numpy()
    return int(((old.view("i8") != new.copy().view("i8")) & ~(np.isnan(old) & np.isnan(new))).sum())


def assert_same(world: World, panel: Panel, formulas: Mapping[str, str] = FORMULAS) -> None:
    """All values are those of a whole evaluation, to the bit."""
    for name, frame in expect(panel, formulas).items():
        kept = world.values(name)
        assert kept.index.equals(frame.index), name
        assert list(kept.columns) == list(frame.columns), name
        assert count_other(kept, frame) == 0, name
