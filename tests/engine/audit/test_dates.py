"""On which dates a run is cut."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from builders import NAN, panel_of

from engine import ConfigError, Panel
from engine.audit.dates import HOLIDAY, LISTING, MONTH, SPLIT, YEAR, choose, find, find_able
from engine.audit.dates import find_kinds as kinds_of


def weekdays(rows: int = 300, names: int = 3) -> Panel:
    """Flat prices on weekdays, from Wednesday 2020-01-01 on."""
    return panel_of(np.full((rows, names), 10.0))


def on(panel: Panel, rows: np.ndarray) -> list[str]:
    return [f"{day:%Y-%m-%d}" for day in panel.dates[rows]]


def test_each_kind_is_found_where_it_is() -> None:
    close = np.full((300, 3), 10.0)
    close[:40, 1] = NAN  # B begins on row 40
    close[200:, 2] = NAN  # C ends on row 199
    close[100:, 0] = 5.0
    panel = panel_of(close)
    kinds = kinds_of(panel)
    assert on(panel, kinds[YEAR]) == ["2020-12-31"]
    assert on(panel, kinds[MONTH])[:2] == ["2020-01-31", "2020-02-28"]
    assert np.flatnonzero(kinds[LISTING]).tolist() == [40]
    assert np.flatnonzero(kinds["a last bar"]).tolist() == [199]
    assert np.flatnonzero(kinds[SPLIT]).tolist() == [100]
    assert not kinds[HOLIDAY].any()


def test_a_day_after_a_long_gap_follows_a_holiday() -> None:
    panel, left = weekdays(), np.delete(np.arange(300), 52)  # no Friday 2020-03-13
    gapped = Panel(panel.dates[left], panel.symbols, {"close": panel["close"][left]})
    assert on(gapped, kinds_of(gapped)[HOLIDAY]) == ["2020-03-16"]


def test_the_rarest_dates_come_first_and_none_twice() -> None:
    chosen = choose(weekdays(), 4, 20, 5)
    assert str(chosen[0]) == "2020-12-31"
    assert chosen[0].kinds == (YEAR,)
    assert len({each.row for each in chosen}) == 4


def test_no_date_before_the_first_decision_nor_the_last_one_is_chosen() -> None:
    chosen = choose(weekdays(30), 99, 20, 5)
    assert sorted(each.row for each in chosen) == [*range(20, 29)]


def test_a_date_inside_a_long_suspension_is_left_out() -> None:
    close = np.full((40, 3), 10.0)
    close[10:20, 1] = NAN  # the last bar on row 9, back on row 20
    able = find_able(panel_of(close), 0, 5)
    assert np.flatnonzero(~able).tolist() == [14, 15, 16, 17, 18, 19, 39]
    close[10:, 1] = NAN  # it does not come back: a delisting is one in a cut, too
    assert np.flatnonzero(~find_able(panel_of(close), 0, 5)).tolist() == [39]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2020-01-04", "there is no bar on it"),
        ("2021-02-23", "nothing comes after it"),
        ("2031-01-01", "there is no bar on it"),
    ],
)
def test_a_typed_date_needs_a_bar_and_one_after_it(text: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find(weekdays(), [text])
    assert str(caught.value) == (
        f"--dates {text}: {why}: choose a date with bars, from 2020-01-01 to before 2021-02-23"
    )
    assert find(weekdays(), ["2020-12-31"])[0].date == pd.Timestamp("2020-12-31", tz="UTC")
