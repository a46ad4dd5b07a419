"""Records, names, several processes, and what a run or a query sees of the library."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from worlds import FORMULAS, World, assert_same, change, count_other, expect, make_panel

import engine
from engine import ConfigError, Formula, LocalStore
from engine.core.keeping import Block, Record
from engine.library import Definition, Library, refuse_name
from engine.library.bars import KeptBars
from engine.plugin import installed

PANEL = make_panel()
NODE = {"name": "formula", "formula": "close"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path / "store")
    made.update(PANEL)
    return made


@pytest.mark.parametrize(
    "name",
    ["", " a", "../x", "a/b", "a\\b", "..", "a\nb", "a\x1b[31m", "a\u202eb", "x" * 101, "a\ud800"],
)
def test_what_no_factor_may_be_called(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        refuse_name(name)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "a'; DROP TABLE records; --",
        '"quoted"',
        "%s {} $x",
        "Ωμέγα 因子",
        "🚀👩‍🚀",
        "x" * 100,
        "a=b",
    ],
)
def test_any_other_name_is_kept_as_it_is(tmp_path: Path, name: str) -> None:
    world = World(tmp_path / "store", {})
    world.library.register({name: Definition(NODE)})
    world.update(PANEL)
    assert [*world.library.factors()] == [name]
    assert count_other(world.values(name), PANEL.wide(PANEL["close"])) == 0
    with sqlite3.connect(tmp_path / "store" / "catalogue.sqlite") as catalogue:
        assert catalogue.execute("SELECT factor_id FROM factor_metadata").fetchall() == [(name,)]


def test_a_name_stands_for_one_factor(world: World) -> None:
    world.library.register({"own": Definition({**NODE, "formula": FORMULAS["own"]} | DEFAULTS)})
    with pytest.raises(ConfigError, match=r"own is registered, as delta\(close, 3\)"):
        world.library.register({"own": Definition(NODE)})


DEFAULTS = {"missing": "raise", "dialect": "auto"}


def test_what_is_taken_out_is_readable_as_of_then(world: World) -> None:
    before = world.store.last_commit()
    world.library.remove(["own"])
    with pytest.raises(ConfigError, match="own: no such factor is registered"):
        world.values("own")
    assert count_other(world.values("own", as_of=before), expect(PANEL)["own"]) == 0
    world.add({"own": FORMULAS["own"]})
    assert world.update(PANEL)["own"].why == "first values"


def test_whoever_queries_finds_the_table_of_metadata(tmp_path: Path) -> None:
    world = World(tmp_path / "store", {})
    about = Definition({**NODE}, description="what it is", category="price")
    world.library.register({"f": about, "g": Definition({**NODE, "formula": "f + 1"})})
    world.update(PANEL, ["f"])
    with sqlite3.connect(tmp_path / "store" / "catalogue.sqlite") as catalogue:
        found = pd.read_sql("SELECT * FROM factor_metadata ORDER BY factor_id", catalogue)
    assert list(found) == [
        "factor_id", "description", "formula", "category", "dependencies", "created_at",
        "last_updated",
    ]  # fmt: skip
    one, other = found.to_dict("records")
    assert (one["description"], one["formula"], one["category"]) == ("what it is", "close", "price")
    assert json.loads(other["dependencies"]) == ["f"]
    assert pd.Timestamp(one["last_updated"]) >= pd.Timestamp(one["created_at"])
    assert pd.isna(other["last_updated"])


def test_the_time_that_a_plugin_may_take_is_that_of_the_configuration(tmp_path: Path) -> None:
    with engine.store(["plugins.timeout_s=2.5"], path=tmp_path / "store") as store:
        assert store._timeout == 2.5
    with pytest.raises(ConfigError, match=r"plugins\.timeout_s=-1\.0: choose more than 0"):
        engine.store(["plugins.timeout_s=-1"], path=tmp_path / "store")


def test_a_list_in_place_of_a_name_is_refused_in_words(world: World) -> None:
    with pytest.raises(ConfigError, match=r"\['own'\]: write names one by one, as in read\("):
        world.library.read([["own"]])  # type: ignore[list-item]


def test_the_long_table_has_a_row_for_each_value(world: World) -> None:
    long = world.library.read(["own", "crossed"], first="2020-01-06", last="2020-01-07").long()
    assert list(long) == ["factor_id", "date", "instrument", "value"]
    assert len(long) == 2 * 2 * 4  # D has no bar yet
    row = long.iloc[0]
    day = PANEL.dates.get_loc(pd.Timestamp("2020-01-06", tz="UTC"))
    assert (row.factor_id, row.date, row.instrument) == ("own", PANEL.dates[day], "A")
    assert row.value == PANEL["close"][day, 0] - PANEL["close"][day - 3, 0]


def test_one_date_is_one_cross_section(world: World) -> None:
    found = world.library.read(["own"], date="2020-02-03", symbols=["C", "A"])
    assert found.wide().columns.tolist() == ["C", "A"]
    assert found.wide().index.tolist() == [pd.Timestamp("2020-02-03", tz="UTC")]
    with pytest.raises(ConfigError, match="symbol 'Z': the bars have none"):
        world.library.read(["own"], symbols=["Z"])
    assert found.to_arrow().column_names == ["factor_id", "date", "instrument", "value"]


def test_a_run_gets_what_is_kept_and_what_is_missing_of_it(world: World) -> None:
    factors = {n: Formula(text) for n, text in FORMULAS.items()} | {"new": Formula("high")}
    got, done = world.library.values(factors, PANEL, "a market")
    assert [*got] == [*FORMULAS]
    assert {each.computed for each in done} == {0}
    after = change(PANEL, "close", (20, 1), 70.0)
    got, _ = world.library.values(factors, after, "a market")
    wanted = expect(after)
    for name, array in got.items():
        assert count_other(after.wide(array), wanted[name]) == 0
    short, done = world.library.values(factors, after.cut(30), "a market")
    assert short["own"].shape == (30, 5)
    assert world.library.values(factors, PANEL.cut(30), "a market")[0].keys() < got.keys()
    assert world.library.values(factors, PANEL, "another market") == ({}, [])


def test_verify_finds_a_value_that_its_formula_does_not_give(world: World) -> None:
    assert world.library.verify([*FORMULAS]) == []
    series = world.library.find("gains").series
    wrong = np.array([[[4.0]]])
    world.store.write([Block((series,), PANEL.dates[20:21], ("B",), wrong)])
    (found,) = world.library.verify([*FORMULAS])
    assert (found.factor, found.cells, found.first) == ("gains", 1, "B on 2020-01-29")


def test_verify_needs_no_source_for_sectors_and_members(tmp_path: Path) -> None:
    from dataclasses import replace

    member = np.ones(PANEL.shape, bool)
    member[20:25, 0] = False
    world = World(tmp_path / "store")
    world.update(replace(PANEL, member=member))
    assert world.library.verify([*FORMULAS]) == []


class Meddled(LocalStore):
    """A store into which another process writes first, before values or before bars."""

    meddle: Any = None
    before: str = "state"

    def write(self, blocks: Any, what: str = "", records: Any = ()) -> int:
        own = "state" if any(record.kind == "state" for record in records) else "bars"
        if self.meddle is not None and own == self.before:
            meddle, self.meddle = self.meddle, None
            meddle()
        return super().write(blocks, what, records)


@pytest.mark.parametrize("before", ["state", "bars"])
def test_two_processes_with_other_bars_leave_no_mixture(tmp_path: Path, before: str) -> None:
    first = World(tmp_path / "store")
    first.update(PANEL.cut(35))
    theirs = change(PANEL, "close", (10, 0), 40.0)
    store = Meddled(tmp_path / "store")
    store.before = before
    store.meddle = lambda: World(tmp_path / "store", {}).update(theirs)
    library = Library(store, installed())
    library.update([*FORMULAS], PANEL, "a market")
    assert store.meddle is None
    again = World(tmp_path / "store", {})
    assert_same(again, PANEL)
    state = again.library.states()[again.library.find("own").series]
    kept = KeptBars(again.store, state.market, state.bars)
    assert kept.compare(PANEL).cells == {}
    after = change(PANEL, "close", (10, 0), 45.0)
    again.update(after)
    assert_same(again, after)


def test_a_writer_that_dies_between_bars_and_values_leaves_both_readable(tmp_path: Path) -> None:
    world = World(tmp_path / "store")
    world.update(PANEL.cut(35))
    store = Meddled(tmp_path / "store")

    def die() -> None:
        raise KeyboardInterrupt

    store.meddle = die
    with pytest.raises(KeyboardInterrupt):
        Library(store, installed()).update([*FORMULAS], PANEL, "a market")
    again = World(tmp_path / "store", {})
    assert_same(again, PANEL.cut(35))
    again.update(PANEL)
    assert_same(again, PANEL)


def test_strange_records_of_later_versions_are_read(tmp_path: Path) -> None:
    world = World(tmp_path / "store", {"own": "close"})
    (text,) = world.store.records("factor").values()
    more = json.dumps({**json.loads(text), "of_a_later_version": 1})
    world.store.write([], "", [Record("factor", "own", more)])
    assert world.library.find("own").formula == "close"


def test_memory_bounds_the_batches(tmp_path: Path) -> None:
    from engine.factors import How

    world = World(tmp_path / "store")
    world.library.how = How(memory=40 * 5 * 8 * 30.0)
    commits = world.store.last_commit()
    world.update(PANEL)
    assert world.store.last_commit() > commits + 2
    assert_same(world, PANEL)
