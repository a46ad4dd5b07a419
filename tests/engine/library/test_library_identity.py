"""Stale values are the worst fault: whatever a value depends on, a change of it is followed."""

from __future__ import annotations

import importlib
import shutil
import sys
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import distribution
from worlds import World, change, make_panel

from engine.expr import using
from engine.library import Definition, Done, Library, identity
from engine.plugin import Registry

PANEL = make_panel()
PLUGIN = '''
from dataclasses import dataclass
from typing import ClassVar
import numpy as np
import engine
from .helper import factor


def kernel(x, times=2.0):
    return factor() * times * x


@dataclass(frozen=True)
class Scaled(engine.Operator):
    """x, scaled."""

    name: ClassVar[str] = "scaled_by_mine"
    args: ClassVar[str] = "x"
    reach: ClassVar[str] = "none"

    def kernel(self, x):
        return kernel(x)

    def slow(self, x):
        return kernel(x)


@dataclass(frozen=True)
class Table(engine.Factor):
    """The close times a number of a file."""

    name: ClassVar[str] = "table_of_mine"
    path: str = engine.option("", "a number", file=True)
    plus: float = engine.option(0.0, "added")

    @property
    def lookback(self):
        return 0

    def compute(self, panel):
        times = float(open(self.path).read()) if self.path else 1.0
        return times * factor() * panel["close"] + self.plus


@engine.hookimpl
def register_operators():
    return [Scaled]


@engine.hookimpl
def register_factors():
    return [Table]
'''


class Site:
    """A distribution that is changed, and a library that meets each state of it anew."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.package = folder, folder / "site" / "mine"
        distribution(folder / "site", "mine")
        self.package.mkdir()
        self.write("__init__.py", PLUGIN)
        self.write("helper.py", "def factor():\n    return 1.0\n")
        (folder / "number.txt").write_text("3")
        monkeypatch.syspath_prepend(str(folder / "site"))

    def write(self, file: str, text: str) -> None:
        (self.package / file).write_text(text)
        shutil.rmtree(self.package / "__pycache__", ignore_errors=True)  # it counts whole seconds

    def open(self) -> tuple[World, Registry]:
        for name in [name for name in sys.modules if name.split(".")[0] == "mine"]:
            del sys.modules[name]
        importlib.invalidate_caches()
        registry = Registry(entry_points(group="engine"))
        return World(self.folder / "store", {}, registry), registry

    def update(self) -> dict[str, Done]:
        world, registry = self.open()
        with using(registry):
            return world.update(PANEL)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    made = Site(tmp_path, monkeypatch)
    world, registry = made.open()
    formula = {"name": "formula", "formula": "scaled_by_mine(close)"}
    table = {"name": "table_of_mine", "path": str(tmp_path / "number.txt")}
    with using(registry):
        world.library.register(
            {
                "scaled": Definition(formula),
                "plain": Definition({"name": "formula", "formula": "delta(close, 2)"}),
                "table": Definition(table),
                "on_table": Definition({"name": "formula", "formula": "2 * table"}),
            }
        )
        world.update(PANEL)
    return made


def changed(done: dict[str, Done]) -> set[str]:
    return {name for name, each in done.items() if each.why}


def test_the_same_code_is_nothing_to_do(site: Site) -> None:
    assert changed(site.update()) == set()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("helper.py", "return 1.0", "return 2.0"),
        ("__init__.py", "times=2.0", "times=4.0"),
    ],
    ids=["a helper module", "a default argument"],
)
def test_changed_code_changes_what_uses_it(site: Site, file: str, old: str, new: str) -> None:
    site.write(file, (site.package / file).read_text().replace(old, new))
    done = site.update()
    assert changed(done) == {"scaled", "table", "on_table"}
    assert done["scaled"].why == "operator scaled_by_mine of mine 1.0 changed"
    kept = site.open()[0].values("scaled").to_numpy()
    np.testing.assert_array_equal(kept, 4.0 * PANEL["close"])


def test_a_changed_file_changes_what_reads_it(site: Site) -> None:
    (site.folder / "number.txt").write_text("5")
    done = site.update()
    assert changed(done) == {"table", "on_table"}
    assert done["table"].why == "a file that it reads has changed"
    world = site.open()[0]
    np.testing.assert_array_equal(world.values("on_table").to_numpy(), 10.0 * PANEL["close"])


def test_another_library_changes_all(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["engine.library.identity"]
    monkeypatch.setattr(module, "_libraries", lambda: {"numpy": "9.9", "numba": "1"})
    done = site.update()
    assert changed(done) == {"scaled", "plain", "table", "on_table"}
    assert "numpy" in done["plain"].why


def test_another_engine_changes_all(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["engine.library.identity"]
    monkeypatch.setattr(module, "engine_identity", lambda: "alpha-engine 9")
    assert site.update()["plain"].why == "engine changed"


def test_a_plugin_is_computed_whole_and_only_what_differs_is_superseded(site: Site) -> None:
    world, registry = site.open()
    after = change(PANEL, "close", (20, 1), 70.0)
    with using(registry):
        done = world.update(after)
    assert (done["table"].superseded, done["on_table"].superseded) == (1, 1)
    np.testing.assert_array_equal(world.values("on_table").to_numpy(), 6.0 * after["close"])


def test_a_changed_formula_is_a_new_version(tmp_path: Path) -> None:
    world = World(tmp_path / "store", {"f": "delta(close, 2)", "g": "f + 1"})
    world.update(PANEL)
    before = world.store.last_commit()
    old = world.values("g")
    node = {"name": "formula", "formula": "delta(close, 3)"}
    world.library.register({"f": Definition(node)}, replacing=True)
    assert {n: each.why for n, each in world.update(PANEL).items()} == {
        "f": "formula changed",
        "g": "formula changed",
    }
    assert len(world.library.find("g").versions) == 2
    third = {"name": "formula", "formula": "h + 2"}
    world.library.register({"f": Definition(third), "h": Definition(node)}, replacing=True)
    world.update(PANEL)
    np.testing.assert_array_equal(world.values("g"), world.values("h") + 3)
    world.library.register({"f": Definition(node)}, replacing=True)
    world.update(PANEL)
    pd.testing.assert_frame_equal(world.values("g", as_of=before), old)
    assert not world.values("g").equals(old)


def test_a_field_that_the_bars_get_is_read_in_place_of_a_formula(tmp_path: Path) -> None:
    world = World(tmp_path / "store", {"v": "vwap * 1"})
    panel = PANEL.with_fields({"low": PANEL["close"] - 2.0})
    world.update(panel)
    own = panel.with_fields({"vwap": np.full(panel.shape, 7.0)})
    assert world.update(own)["v"].why == "the bars have other fields of its names"
    assert (world.values("v") == 7.0).to_numpy().all()


def test_the_engine_is_in_each_key() -> None:
    assert identity.LIBRARIES == ("numpy", "numba", "llvmlite", "scipy", "pandas")
    assert Library.__doc__
