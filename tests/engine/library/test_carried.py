"""What reaches back without end is kept, and gone on from: the bits of all dates, few rows read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_library_store import Meddled
from worlds import World, assert_same, change, count_other, expect, make_panel

from engine import Formula, Panel, evaluate
from engine.core.keeping import Block
from engine.expr import executor
from engine.library import Definition, Library, to_node, updating
from engine.plugin import installed

FORMULAS = {
    "mean": "ema(close, 4)",
    "of_gains": "ts_mean(ema(returns, 3) - market, 5)",
    "nested": "rank(smooth(smooth(close, 5, 2), 9, 1))",
    "weighted": "adapt(close, rank(volume)) - delay(ema(close, 4), 2)",
    "two_numbers": "ewma(close, 4)",
    "mixed": "ewma(close, 4) - ema(close, 4)",
}
PARTS = {
    "mean": 1,
    "of_gains": 1,
    "nested": 2,
    "weighted": 2,
    "two_numbers": 0,
    "mixed": 0,
}
PANEL = make_panel(rows=60)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "store", FORMULAS)


@contextmanager
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The rows of each panel on which formulas are evaluated."""
    rows: list[int] = []
    real = executor._Run.__init__

    def note(self: Any, formulas: Any, panel: Panel, *more: Any) -> None:
        rows.append(panel.shape[0])
        real(self, formulas, panel, *more)

    with monkeypatch.context() as patch:
        patch.setattr(executor._Run, "__init__", note)
        yield rows


def check(world: World, panel: Panel, names: Sequence[str] = tuple(FORMULAS)) -> None:
    assert_same(world, panel, {name: FORMULAS[name] for name in names})
    assert world.library.verify([*world.library.factors()]) == []


def test_days_one_by_one_are_all_dates_at_once(world: World) -> None:
    for rows in range(30, 61):
        world.update(PANEL.cut(rows))
    check(world, PANEL)
    assert {n: len(f.parts) for n, f in world.library.factors().items()} == PARTS
    assert len(world.library.states()) == len(FORMULAS) + 4  # `ema(close, 4)` is a factor, too


def test_a_day_reads_a_lookback_and_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {name: text for name, text in FORMULAS.items() if "ewma" not in text}
    world, panel = World(tmp_path / "store", texts), make_panel(rows=2000)
    world.update(panel.cut(1999))
    with counting(monkeypatch) as rows:
        world.update(panel)
    # parts: their last row and the new one; formulas: the new one, or with the 4 before it
    assert sorted(rows) == [1, 2, 5]
    assert_same(world, panel, texts)


def test_a_part_that_cannot_be_gone_on_from_is_run_over_all_dates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path / "store", {"mixed": FORMULAS["mixed"]})
    world.update(PANEL.cut(59))
    with counting(monkeypatch) as rows:
        world.update(PANEL)
    assert max(rows) == 60
    check(world, PANEL, ["mixed"])


def test_a_symbol_that_pauses_comes_back_on_the_new_day(tmp_path: Path) -> None:
    world = World(tmp_path / "store", FORMULAS)
    panel = make_panel(rows=150)
    for field in ("close", "high", "volume"):
        panel = change(panel, field, (slice(40, 149), 1), np.nan)
    for rows in (145, 148, 149, 150):
        world.update(panel.cut(rows))
    check(world, panel)
    assert np.isfinite(world.values("of_gains").iloc[-1, 1])


def test_nothing_is_known_of_the_last_kept_row(world: World) -> None:
    panel = change(PANEL, "close", (58, slice(None)), np.nan)
    panel = change(panel, "close", (slice(50, 59), 0), np.nan)
    for rows in (58, 59, 60):
        world.update(panel.cut(rows))
    check(world, panel)


def test_a_symbol_whose_first_bar_is_on_the_new_day(world: World) -> None:
    panel = PANEL
    for field in ("close", "high", "volume"):
        panel = change(panel, field, (slice(0, 59), 2), np.nan)
    for rows in (58, 59, 60):
        world.update(panel.cut(rows))
    check(world, panel)


def test_a_close_in_the_past_changes_all_after_it(world: World) -> None:
    before, after = PANEL.cut(59), change(PANEL, "close", (20, 1), 70.0)
    world.update(before)
    done = world.update(after)
    check(world, after)
    was, now = expect(before, FORMULAS), expect(after, FORMULAS)
    for name, each in done.items():
        assert each.superseded == count_other(was[name], now[name]) > 0, name
    again = change(PANEL, "close", (59, 0), 44.0)
    again = change(again, "close", (20, 1), 70.0)
    world.update(again)
    check(world, again)


def test_a_symbol_that_is_added_late(world: World) -> None:
    world.update(PANEL.cut(58).take([0, 1, 3, 4]))
    world.update(PANEL.cut(59))
    world.update(PANEL)
    check(world, PANEL)


def test_symbols_in_another_order(world: World) -> None:
    world.update(PANEL.cut(59))
    panel = PANEL.take([4, 2, 0, 1, 3])
    world.update(panel)
    for name, frame in expect(panel, FORMULAS).items():
        assert count_other(frame, world.values(name)) == 0, name


def test_a_factor_that_lags_behind_what_is_kept_of_it(world: World) -> None:
    world.update(PANEL.cut(40))
    world.update(PANEL.cut(50), ["mean"])
    middle = change(PANEL, "volume", (45, 0), 5.0)
    world.update(middle.cut(55), ["weighted"])
    world.update(PANEL)
    check(world, PANEL)


def test_weekly_values_go_on_from_daily_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path / "store", {})
    world.add(FORMULAS, "weekly")
    for rows in range(30, 61):
        world.update(PANEL.cut(rows))
    fridays = PANEL.dates[:-1][np.diff(PANEL.dates.isocalendar().week) != 0]
    for name, frame in expect(PANEL, FORMULAS).items():
        assert count_other(frame.loc[fridays], world.values(name).loc[fridays]) == 0, name
    assert world.library.verify([*FORMULAS]) == []


def test_float32_is_run_over_all_dates(tmp_path: Path) -> None:
    world = World(tmp_path / "store", {})
    nodes = {name: to_node(Formula(text)) for name, text in FORMULAS.items()}
    world.library.register({n: Definition(node, dtype="float32") for n, node in nodes.items()})
    for rows in range(50, 61):
        world.update(PANEL.cut(rows))
    trees = {name: Formula(text).node for name, text in FORMULAS.items()}
    for name, made in evaluate(trees, PANEL, dtype="float32").items():
        np.testing.assert_array_equal(world.values(name).to_numpy(), made)
    assert all(factor.parts == [] for factor in world.library.factors().values())


def test_a_part_goes_with_the_last_factor_that_needs_it(tmp_path: Path) -> None:
    texts = {"a": "rank(ema(close, 4))", "b": "-ema(close, 4)", "c": "ema(close, 4)"}
    world = World(tmp_path / "store", texts)
    world.update(PANEL)
    known = world.library.factors()
    assert known["a"].parts == known["b"].parts == [known["c"].series]
    assert len(world.library.states()) == 3
    world.library.remove(["a", "c"])
    assert world.library.states().keys() == {known["b"].series, known["c"].series}
    world.library.remove(["b"])
    assert world.library.states() == {}


def test_a_part_goes_when_a_formula_has_it_no_more(tmp_path: Path) -> None:
    world = World(tmp_path / "store", {"a": "rank(ema(close, 4))", "b": "ema(close, 3) / close"})
    world.update(PANEL)
    before, states = world.library.find("a"), world.library.states()
    node = to_node(Formula("rank(ema(close, 3))"))
    world.library.register({"a": Definition(node)}, replacing=True)
    world.update(PANEL)
    after = world.library.find("a")
    assert after.parts == world.library.find("b").parts
    assert states.keys() - world.library.states().keys() == {*before.parts}


def test_a_wrong_part_is_found_and_told_by_its_factors(tmp_path: Path) -> None:
    texts = {"a": "rank(ema(close, 4))", "b": "-ema(close, 4)"}
    world = World(tmp_path / "store", texts)
    world.update(PANEL)
    (part,) = world.library.find("a").parts
    world.store.write([Block((part,), PANEL.dates[20:21], ("B",), np.array([[[4.0]]]))])
    (found,) = world.library.verify(["b"])
    assert (found.factor, found.cells, found.first) == ("a b", 1, "B on 2020-01-29")
    world.library.remove(["a", "b"])
    world.add(texts)
    world.update(PANEL)
    assert world.library.verify(["a", "b"]) == []


def test_what_a_killed_writer_left_among_other_bars_is_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    World(tmp_path / "store", FORMULAS).update(PANEL.cut(50))
    theirs = change(PANEL.cut(51), "close", (45, 0), 40.0)
    store = Meddled(tmp_path / "store")
    store.meddle = lambda: World(tmp_path / "store", {}).update(theirs)
    with monkeypatch.context() as patch:
        patch.setattr(updating, "_settle", lambda *told: None)  # killed before it
        Library(store, installed()).update([*FORMULAS], PANEL.cut(51), "a market")
    world = World(tmp_path / "store", {})
    assert world.library.verify(["mean"]) != []
    done = world.update(PANEL.cut(52))
    assert done["mean"].why == "another process wrote it, too, 1 new date"
    check(world, PANEL.cut(52))
    assert world.update(PANEL)["mean"].why == "8 new dates"


def test_what_two_writers_have_settled_is_gone_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    World(tmp_path / "store", {"mean": FORMULAS["mean"]}).update(PANEL.cut(50))
    theirs = change(PANEL.cut(51), "close", (45, 0), 40.0)
    store = Meddled(tmp_path / "store")
    store.meddle = lambda: World(tmp_path / "store", {}).update(theirs)
    Library(store, installed()).update(["mean"], PANEL.cut(51), "a market")
    world = World(tmp_path / "store", {})
    check(world, PANEL.cut(51), ["mean"])
    with counting(monkeypatch) as rows:
        assert world.update(PANEL.cut(52))["mean"].why == "1 new date"
    assert max(rows) == 2
    check(world, PANEL.cut(52), ["mean"])
