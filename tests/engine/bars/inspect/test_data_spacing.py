"""Dates that are spaced otherwise than decisions take them to be."""

from __future__ import annotations

import logging

import pandas as pd
import pytest

from engine.bars.inspect.inspection import examine
from engine.bars.layout import build
from engine.core.universe import Universe

WEEKS_THEN_DAYS = pd.date_range("2015-01-02", periods=60, freq="W-FRI", tz="UTC").append(
    pd.date_range("2016-03-01", periods=800, tz="UTC")
)


def bars(days: pd.DatetimeIndex) -> pd.DataFrame:
    close = 10.0 + pd.Series(range(len(days))) / len(days)
    return pd.DataFrame({"timestamp": days, "symbol": "A", "close": close})


def test_the_finding_names_the_number_to_write() -> None:
    found = {f.name: f for f in examine(bars(WEEKS_THEN_DAYS), Universe()).findings}["spacing"]
    assert (found.count, found.severity, found.key) == (1, "warning", "time.periods_per_year")
    rate = 859 / ((WEEKS_THEN_DAYS[-1] - WEEKS_THEN_DAYS[0]).days / 365.25)
    assert found.examples[0].value == round(rate) == 257
    assert found.examples[0].text() == (
        "the bars have 257 rows a year, and decisions count 52: set time.periods_per_year=257"
    )


@pytest.mark.parametrize("number", [257.0, 265.0])
def test_a_number_within_five_percent_is_right(number: float) -> None:
    found = examine(bars(WEEKS_THEN_DAYS), Universe(), periods_per_year=number).findings
    assert "spacing" not in {f.name for f in found}


def test_whoever_builds_a_panel_of_such_bars_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        panel, _ = build(bars(WEEKS_THEN_DAYS), Universe())
    assert panel.periods_per_year == 52.0
    assert [r.getMessage() for r in caplog.records] == [
        "the bars have 257 rows a year, and decisions count 52: set time.periods_per_year=257"
    ]
    caplog.clear()
    assert build(bars(WEEKS_THEN_DAYS), Universe(), None, None, 257.0)[0].periods_per_year == 257.0
    assert not caplog.records
