"""What a day adds, and what a restatement changes: the bits of a whole evaluation, counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from builders import Shared
from worlds import FORMULAS, World, assert_same, change, count_other, expect, make_panel, without

from engine import ConfigError, DataError, Panel

PANEL = make_panel()
CROSSED = {"crossed", "in_sector", "to_market"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "store")


def restate(world: World, before: Panel, after: Panel) -> dict[str, int]:
    """Update from one panel to another; superseded cells, which an oracle has counted too."""
    world.update(before)
    done = world.update(after)
    old, new = expect(before), expect(after)
    assert_same(world, after)
    dates, symbols = before.dates.intersection(after.dates), {*before.symbols} & {*after.symbols}
    counted = {
        name: count_other(old[name].loc[dates, sorted(symbols)], new[name]) for name in FORMULAS
    }
    assert {name: each.superseded for name, each in done.items()} == counted
    return counted


def test_the_first_values_are_those_of_a_whole_evaluation(world: World) -> None:
    done = world.update(PANEL)
    assert_same(world, PANEL)
    assert (done["own"].why, done["own"].dates, done["own"].computed) == ("first values", 40, 200)


def test_the_same_bars_again_are_nothing_to_do(world: World) -> None:
    world.update(PANEL)
    last = world.store.last_commit()
    done = world.update(make_panel())
    assert {(each.why, each.computed) for each in done.values()} == {("", 0)}
    assert world.store.last_commit() == last


def test_day_by_day_is_the_whole_at_once(world: World) -> None:
    for rows in range(30, 41):
        done = world.update(PANEL.cut(rows))
    assert_same(world, PANEL)
    assert {(d.why, d.dates, d.computed, d.superseded) for d in done.values()} == {
        ("1 new date", 1, 5, 0)
    }


def test_days_that_are_folded_and_restated_are_the_whole_at_once(world: World) -> None:
    panel = make_panel(rows=70)
    folded = 0
    for rows in range(20, 71):
        world.update(panel.cut(rows))
        folded += world.store.fold()
        if rows == 30:
            panel = change(panel, "close", (22, 1), 70.0)
    assert folded > 21
    assert_same(world, panel)
    assert world.library.verify([*FORMULAS]) == []


def test_several_new_dates(world: World) -> None:
    world.update(PANEL.cut(30))
    assert world.update(PANEL)["crossed"].why == "10 new dates"
    assert_same(world, PANEL)


def test_a_corrected_close_changes_what_reads_it_and_nothing_else(world: World) -> None:
    after = change(PANEL, "close", (20, 1), 70.0)
    counted = restate(world, PANEL, after)
    assert counted["own"] == 2  # the row itself, and three rows on
    assert counted["volume_5"] == 0
    assert counted["endless"] == 20
    assert counted["gains"] == 5


def test_what_does_not_look_across_is_computed_of_the_symbol_alone(world: World) -> None:
    world.update(PANEL)
    done = world.update(change(PANEL, "close", (20, 1), 70.0))
    assert done["own"].computed == 4
    assert done["crossed"].computed == 4 * 5
    assert done["volume_5"].computed == 0
    assert done["own"].why == "B restated 2020-01-29 (close)"
    assert done["volume_5"].why == ""


def test_a_volume_changes_what_reads_volume(world: World) -> None:
    counted = restate(world, PANEL, change(PANEL, "volume", (25, 0), 5.0))
    assert {name for name, count in counted.items() if count} == {"volume_5"}
    assert counted["volume_5"] == 5


def test_a_split_restates_a_history(world: World) -> None:
    after = change(PANEL, "close", (slice(0, 30), 2), PANEL["close"][:30, 2] / 2)
    counted = restate(world, PANEL, after)
    assert counted["volume_5"] == 0
    assert 0 < counted["crossed"] < 30 * 5
    assert world.update(after)["own"].computed == 0


def test_a_restatement_and_new_dates_at_once(world: World) -> None:
    world.update(PANEL.cut(35))
    after = change(PANEL, "close", (12, 4), 61.0)
    done = world.update(after)
    assert_same(world, after)
    assert done["own"].why == "5 new dates, E restated 2020-01-17 (close)"
    assert done["own"].superseded == 2


def test_a_symbol_that_comes_late(world: World) -> None:
    fewer = make_panel(columns=5).take([0, 1, 3, 4])
    counted = restate(world, fewer, PANEL)
    assert counted["own"] == 0
    assert counted["crossed"] > 0
    assert world.values("own")["C"].notna().sum() == 37


def test_a_symbol_that_goes(world: World) -> None:
    restate(world, PANEL, PANEL.take([0, 1, 3, 4]))
    restate(world, PANEL.take([0, 1, 3, 4]), PANEL)


def test_membership_changes_what_looks_across(world: World) -> None:
    member = np.ones(PANEL.shape, bool)
    member[20:25, 0] = False
    counted = restate(world, PANEL, replace(PANEL, member=member))
    assert {name for name, count in counted.items() if count} <= CROSSED
    assert counted["crossed"] > 0


def test_another_sector_changes_what_reads_sectors(world: World) -> None:
    counted = restate(world, PANEL, replace(PANEL, groups={"sector": tuple("xyxxx")}))
    assert {name for name, count in counted.items() if count} == {"in_sector"}


def test_a_date_that_goes_makes_all_after_it_another(world: World) -> None:
    after = without(PANEL, 20)
    restate(world, PANEL, after)
    assert PANEL.dates[20] not in world.values("own").index
    assert world.update(PANEL)["own"].why == "dates came or went from 2020-01-29 on"
    assert_same(world, PANEL)


def test_the_last_date_goes_when_another_comes(world: World) -> None:
    world.update(PANEL.cut(39))
    after = without(PANEL, 38)
    world.update(after)
    assert_same(world, after)


def test_a_shorter_panel_changes_nothing(world: World) -> None:
    world.update(PANEL)
    last = world.store.last_commit()
    assert {each.computed for each in world.update(PANEL.cut(30)).values()} == {0}
    assert world.store.last_commit() == last
    with pytest.raises(DataError, match="the bars end on 2020-02-11, and the kept ones go on"):
        world.update(change(PANEL.cut(30), "close", (3, 0), 1.0))


def test_a_later_first_date_is_another_series(world: World) -> None:
    world.update(PANEL)
    later = PANEL.between(5, 40)
    assert world.update(later)["endless"].why.startswith("other bars")
    assert_same(world, later)


def test_yesterday_is_read_as_it_was(world: World) -> None:
    world.update(PANEL.cut(39))
    before = world.store.last_commit()
    frames = {name: world.values(name) for name in FORMULAS}
    world.update(change(PANEL, "close", (20, 1), 70.0))
    for name, frame in frames.items():
        old = world.values(name, as_of=before)
        assert old.index.equals(frame.index)
        assert count_other(old, frame) == 0
    assert_same(world, change(PANEL, "close", (20, 1), 70.0))


def test_factors_that_lag_behind_catch_up(world: World) -> None:
    world.update(PANEL.cut(30))
    middle = change(PANEL.cut(35), "close", (10, 0), 40.0)
    world.update(middle, ["volume_5", "own"])
    after = change(change(PANEL, "close", (10, 0), 40.0), "volume", (12, 0), 1.0)
    world.update(after)
    assert_same(world, after)


def test_a_late_reader_of_a_change_that_was_taken_back(world: World) -> None:
    world.update(PANEL)
    world.update(change(PANEL, "close", (10, 0), 40.0), ["own"])
    done = world.update(PANEL)
    assert_same(world, PANEL)
    assert done["crossed"].computed == 0


def test_a_formula_that_names_another_follows_it(world: World) -> None:
    world.add({"twice": "2 * own"})
    world.update(PANEL)
    assert world.library.find("twice").dependencies == ["own"]
    with pytest.raises(ConfigError, match="own: twice names it"):
        world.library.remove(["own"])
    after = change(PANEL, "close", (20, 1), 70.0)
    assert world.update(after)["twice"].superseded == 2
    assert_same(world, after, {"twice": "2 * delta(close, 3)"})


def test_weekly_values_stand_on_the_last_dates_of_weeks(tmp_path: Path) -> None:
    world = World(tmp_path / "store", {})
    world.add({"w": "delta(close, 3)"}, "weekly")
    for rows in range(8, 15):  # 2020-01-10, a Friday, to 2020-01-20, a Monday
        world.update(PANEL.cut(rows))
    kept = world.values("w")
    days = ["2020-01-03", "2020-01-10", "2020-01-17"]
    wanted = expect(PANEL, {"w": "delta(close, 3)"})["w"].loc[days]
    assert count_other(wanted, kept) == 0
    assert [f"{d:%Y-%m-%d}" for d in kept.dropna(how="all").index] == days[1:]


def test_a_date_that_comes_ends_a_week_later(tmp_path: Path) -> None:
    world = World(tmp_path / "store", {})
    world.add({"w": "close"}, "weekly")
    short = without(PANEL, 2)  # no 2020-01-03
    world.update(short)
    assert f"{world.values('w').dropna(how='all').index[0]:%Y-%m-%d}" == "2020-01-02"
    world.update(PANEL)
    assert f"{world.values('w').dropna(how='all').index[0]:%Y-%m-%d}" == "2020-01-03"


def test_two_names_of_one_formula_are_one_series(tmp_path: Path) -> None:
    world = World(tmp_path / "store", {"a": "delta(close, 3)", "b": "delta( close , 3 )"})
    assert [each.computed for each in world.update(PANEL).values()] == [200, 200]
    known = world.library.factors()
    assert known["a"].series == known["b"].series


def test_values_in_float32_are_those_of_a_whole_evaluation(tmp_path: Path) -> None:
    from engine import Formula, evaluate
    from engine.library import Definition, to_node

    world = World(tmp_path / "store", {})
    formula = Formula(FORMULAS["crossed"])
    world.library.register({"c": Definition(to_node(formula), dtype="float32")})
    world.update(PANEL.cut(30))
    world.update(PANEL)
    made = evaluate({"c": formula.node}, PANEL, dtype="float32")["c"]
    np.testing.assert_array_equal(world.values("c").to_numpy(), made)
    assert made.dtype == world.values("c").to_numpy().dtype == np.float32


SETS = ("core_ta_price", "alpha158", "alpha101", "gtja191")


def read_real(path: Path) -> Panel:
    from engine.bars import build
    from engine.config import compose_config
    from engine.pipeline import choose_plugins, job, read_part
    from engine.plugin import installed

    config = job(compose_config(["source=parquet", f"source.path={path}"]))
    part = read_part(config, choose_plugins(config, installed()))
    panel, _ = build(part.frame(), part.universe, part.bars)
    labels = {"sector": 8, "industry": 20, "subindustry": 40}  # the file has none
    N = panel.shape[1]
    groups = {name: tuple(f"{k % n}" for k in range(N)) for name, n in labels.items()}
    return replace(panel, groups=groups)


def grow(panel: Panel, days: int, folder: Path) -> None:
    """Sets built to the last days and then by the day equal the sets built at once, to the bit."""
    from engine.library import Definition, to_node
    from engine.pipeline import find_factors
    from engine.plugin import installed

    for name in SETS:
        found = find_factors(name, [], installed())
        nodes = {each: Definition(to_node(factor)) for each, (factor, _) in found.items()}
        by_day, at_once = World(folder / f"{name}-1", {}), World(folder / f"{name}-2", {})
        for world in (by_day, at_once):
            world.library.register(nodes)
        at_once.update(panel)
        for rows in range(len(panel.dates) - days, len(panel.dates) + 1):
            done = by_day.update(panel.cut(rows))
        assert {(each.dates, each.superseded) for each in done.values()} == {(1, 0)}
        one, other = (world.library.read([*nodes]) for world in (by_day, at_once))
        assert one.dates.equals(other.dates)
        assert one.dates.equals(panel.dates)
        for each in nodes:
            assert count_other(one.wide(each), other.wide(each)) == 0, each


def test_real_sets_grow_by_the_day(shared: Shared, tmp_path: Path) -> None:
    panel = read_real(shared("data/us_liquid200_2014_2020.parquet"))
    T = len(panel.dates)
    grow(panel.between(T - 300, T).take(range(25)), 2, tmp_path)


@pytest.mark.long
def test_half_a_year_of_days_is_the_whole_at_once(shared: Shared, tmp_path: Path) -> None:
    panel = read_real(shared("data/us_liquid200_2014_2020.parquet"))
    days = int((panel.dates >= "2020-07-01").sum())
    assert days > 100
    grow(panel, days, tmp_path)
