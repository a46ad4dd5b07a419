"""Rows a year: a constant for decisions, read from the first dates alone."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config.compose import compose_config
from engine.core.errors import ConfigError
from engine.core.fields import structure
from engine.core.panel import Panel
from engine.core.periods import Time, advice, count_rows_a_year, mismatch, periods_per_year


def _dates(start="2020-01-01", periods=500, freq="B"):
    return pd.date_range(start, periods=periods, freq=freq, tz="UTC")


def _session(days, bars, minutes=30):
    """So many bars on each day, from 14:30 on."""
    step = pd.Timedelta(minutes=minutes)
    first = days + pd.Timedelta(hours=14, minutes=30)
    return pd.DatetimeIndex([day + i * step for day in first for i in range(bars)])


@pytest.mark.parametrize(
    ("freq", "constant"),
    [
        ("B", 252),  # 261 a year with holidays in it: 260 is written by hand
        ("D", 365),
        ("W-FRI", 52),
        ("ME", 12),
        ("BME", 12),
        ("QE", 4),
        ("YE", 1),
    ],
)
@pytest.mark.parametrize("start", ["1999-01-04", "2007-06-15", "2019-12-20"])
def test_the_spacing_of_the_first_dates_says_the_constant(freq, constant, start):
    assert periods_per_year(_dates(start, 130, freq)) == constant


@pytest.mark.parametrize("periods", range(2, 12))
@pytest.mark.parametrize("start", pd.date_range("2021-03-01", periods=7).strftime("%Y-%m-%d"))
def test_a_few_weekdays_are_daily_whatever_weekend_is_among_them(start, periods):
    assert periods_per_year(_dates(start, periods)) == 252


def test_one_date_or_none_is_daily():
    assert periods_per_year(_dates(periods=1)) == periods_per_year(_dates(periods=0)) == 252


def test_bars_below_a_day_are_counted_on_full_days():
    """13 half hours on a full day; the first day has 3 of them, the third is short."""
    days = _dates("2024-01-01", 10)
    dates = _session(days, 13)
    short = dates[(dates.normalize() != days[2]) | (dates.hour < 17)]
    assert periods_per_year(short[10:]) == 252 * 13
    assert periods_per_year(_dates("2024-01-01", 24 * 70, "h")) == 365 * 24


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["B", "D", "W-WED", "ME", "2h", "30min"]),
    st.dates(min_value=date(1990, 1, 1), max_value=date(2020, 12, 31)),
    st.integers(0, 1000),
)
def test_what_follows_the_days_read_changes_nothing(freq, start, more):
    """60 days are read; cut anywhere after them, or with quite other dates to follow."""
    dates = _dates(str(start), 61 * 48, freq)
    first_days = dates.normalize().unique()[:61]
    read = int((dates < first_days[-1]).sum()) if len(first_days) > 60 else 60
    constant = periods_per_year(dates)
    assert periods_per_year(dates[: read + more]) == constant
    odd = dates[read - 1] + pd.to_timedelta(np.cumsum(np.arange(1, 60) ** 2), unit="h")
    assert periods_per_year(dates[:read].append(odd)) == constant


def test_a_panel_keeps_its_constant_when_it_is_cut_or_taken_from():
    dates = _dates("2020-01-01", 100, "D")
    panel = Panel(dates, ("A", "B"), {"close": np.ones((100, 2))})
    assert panel.periods_per_year == 365
    parts = [panel.cut(1), panel.between(2, 5), panel.take([1]), panel.with_fields({})]
    assert {part.periods_per_year for part in parts} == {365}
    given_ = Panel(dates, ("A",), {"close": np.ones((100, 1))}, periods_per_year=260.0)
    assert given_.cut(3).take([0]).periods_per_year == 260


def test_rows_a_year_are_counted_from_the_first_date_to_the_last():
    dates = pd.DatetimeIndex(["2020-01-01", "2020-07-01", "2021-12-31 12:00"], tz="UTC")
    assert count_rows_a_year(dates) == pytest.approx(2 / (730.5 / 365.25))
    assert np.isnan(count_rows_a_year(dates[:1]))


@pytest.mark.parametrize(
    ("dates", "constant", "rate"),
    [
        (_dates(periods=2000), 252, None),  # 261 is within 5 %
        (_dates(periods=2000, freq="D"), 252, 365),
        (_dates(periods=2000, freq="D"), 365, None),
        (_dates(periods=30, freq="B"), 252, None),
        (_dates("2020-01-01", 120, "ME")[::2], 12, 6.0),
        (_dates(periods=1), 252, None),
    ],
)
def test_a_constant_that_is_off_by_five_percent_is_told_of(dates, constant, rate):
    assert mismatch(dates, constant) == rate


def test_a_few_rows_more_or_less_are_no_mismatch():
    """20 rows over a Christmas are 12 % fewer than 252 a year, and only three rows."""
    days = _dates("2019-12-16", 24)
    kept = days[~days.isin(pd.to_datetime(["2019-12-25", "2019-12-26", "2020-01-01"], utc=True))]
    assert mismatch(kept, 252) is None


def test_the_advice_names_the_number_to_write():
    assert advice(365.0, 313.0) == (
        "the bars have 313 rows a year, and decisions count 365: set time.periods_per_year=313"
    )


@pytest.mark.parametrize("value", ["daily", 0, -252.0, True, float("inf"), float("nan")])
def test_the_node_takes_auto_or_rows_a_year(value):
    with pytest.raises(
        ConfigError,
        match=r"time.periods_per_year=.*: (choose (auto, or a number )?more than 0|write a finite)",
    ):
        Time(value)


def test_the_node_as_a_number():
    assert (Time().number, Time(260).number, Time(8760.0).number) == (None, 260.0, 8760.0)


@pytest.mark.parametrize(("text", "number"), [("auto", None), ("260", 260.0), ("8760.5", 8760.5)])
def test_the_node_is_an_override(text, number):
    config = compose_config(["+bundle=ai_tech_core", f"time.periods_per_year={text}"])
    assert structure(Time, config.time, "time").number == number


def test_a_word_that_is_no_number_is_refused_as_a_key():
    config = compose_config(["+bundle=ai_tech_core", "time.periods_per_year=daily"])
    with pytest.raises(ConfigError, match=r"time.periods_per_year=daily: choose auto, or a"):
        structure(Time, config.time, "time")
