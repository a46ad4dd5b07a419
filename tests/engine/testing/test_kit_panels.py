"""The kit's own markets, its fixtures for pytest, and its front door."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import engine
from engine.checks.panels import panels, small_panel, with_gap, with_ghost
from engine.schemas.bars import bars_schema
from engine.testing.pytest_plugin import engine_check, engine_panel  # noqa: F401  # fixtures


def test_a_small_panel_is_the_same_on_every_call() -> None:
    one, two = small_panel(3), small_panel(3)
    for name in one.fields:
        np.testing.assert_array_equal(one[name], two[name])
    assert not np.array_equal(one["close"], small_panel(4)["close"], equal_nan=True)


def test_a_small_panel_has_the_dirt_of_real_ones() -> None:
    panel = small_panel(days=320)
    present = panel.present
    starts = present.argmax(axis=0)
    last = len(present) - 1 - present[::-1].argmax(axis=0)
    paused = [not present[s : e + 1, i].all() for i, (s, e) in enumerate(zip(starts, last))]  # noqa: B905
    assert starts.tolist() == [0, 80, 0, 0, 0, 0, 0, 0, 0, 0]
    assert (last < 319).sum() == 1
    assert sum(paused) == 2
    assert np.isnan(panel["volume"][present]).any()
    assert (~panel.member).any(axis=0).sum() == 2
    assert "" in panel.groups["sector"]
    assert (panel.series["vix"] > 0).all()
    assert (panel.returns[40:50] == 0).any()


def test_a_small_panel_is_made_of_possible_bars() -> None:
    panel = small_panel()
    bars_schema(list(panel.fields)).validate(panel.long(panel.fields))
    assert panel.dates.is_monotonic_increasing
    assert panel.dates.is_unique
    assert str(panel.dates.tz) == "UTC"


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (30, 1), (70, 120)])
def test_a_small_panel_has_the_size_that_is_asked_for(shape: tuple[int, int]) -> None:
    panel = small_panel(days=shape[0], symbols=shape[1])
    assert panel.shape == shape
    assert list(panel.symbols) == sorted(set(panel.symbols))


def test_panels_are_odd_in_what_they_are_named_for() -> None:
    shapes = {name: panel.shape for name, panel in panels().items()}
    assert shapes == {
        "whole": (320, 10),
        "one symbol": (320, 1),
        "closes only": (320, 10),
        "three dates": (3, 10),
        "one date": (1, 10),
    }
    assert set(panels()["closes only"].fields) == {"close"}


def test_a_ghost_never_has_a_bar_and_a_gap_is_a_date_without_any() -> None:
    panel = small_panel()
    assert not with_ghost(panel).present[:, -1].any()
    assert not with_gap(panel).present[160].any()
    assert panel.present[160].any()


def test_fixtures_give_a_panel_and_the_check(engine_panel: engine.Panel, engine_check) -> None:  # noqa: F811
    assert engine_panel.shape == (320, 10)
    engine_check(engine.Formula("close / delay(close, 5)"))
    with pytest.raises(engine.PluginError, match="3 is an instance of no kind"):
        engine_check(3)


def test_the_pytest_plugin_loads_nothing_heavy() -> None:
    code = (
        "import sys, engine.testing.pytest_plugin\n"
        "print([m for m in ('numpy', 'pandas', 'omegaconf', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
