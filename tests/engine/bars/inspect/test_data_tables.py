"""Tables with a known-at date, and with times whose date is of another clock."""

from __future__ import annotations

import pandas as pd
import pytest

from engine.bars.inspect.tables import inspect_dates, inspect_known_at
from engine.core.errors import ConfigError, DataError

REPORTS = pd.DataFrame(
    {
        "symbol": ["A", "B", "C"],
        "end": pd.to_datetime(["2016-03-31", "2016-12-31", "2016-06-30"]),
        "filed": pd.to_datetime(["2016-05-02", "2016-02-29", "2016-06-30"]),
    }
)
EVENTS = pd.DataFrame(
    {
        "symbol": ["A", "B", "C"],
        "date": pd.to_datetime(["2015-01-06", "2015-01-06", "2015-01-06"]),
        "stamp": ["2015-01-06T15:00:00Z", "2015-01-06T03:00:00Z", "2015-01-07T06:00:00Z"],
    }
)


def test_a_report_known_before_its_period_ended_is_an_error() -> None:
    (finding,) = inspect_known_at(REPORTS, "filed", "end")
    assert (finding.name, finding.severity) == ("known_before_period", "error")
    assert (finding.count, finding.share) == (1, pytest.approx(1 / 3))
    (example,) = finding.examples
    assert (example.symbol, example.date, example.value) == ("B", "2016-12-31", 306.0)


def test_a_report_known_on_its_last_day_is_fine() -> None:
    assert inspect_known_at(REPORTS.iloc[[0, 2]], "filed", "end") == []


def test_reports_of_which_most_are_known_on_their_last_day_are_an_error() -> None:
    frame = REPORTS.assign(filed=REPORTS["end"])
    (finding,) = inspect_known_at(frame, "filed", "end")
    assert (finding.name, finding.severity) == ("known_at_period_end", "error")
    assert (finding.count, finding.share) == (3, 1.0)


def test_a_report_without_a_known_date_is_a_warning() -> None:
    frame = REPORTS.assign(filed=pd.to_datetime(["2016-05-02", None, "2016-07-01"]))
    (finding,) = inspect_known_at(frame, "filed", "end")
    assert (finding.name, finding.severity, finding.count) == ("known_missing", "warning", 1)


def test_a_report_without_a_period_is_skipped() -> None:
    frame = REPORTS.assign(end=pd.to_datetime(["2016-03-31", None, "2016-06-30"]))
    assert inspect_known_at(frame, "filed", "end") == []


def test_a_time_of_another_local_day_than_its_date_is_found() -> None:
    """03:00 UTC is the evening before in New York; 06:00 UTC is past its midnight."""
    later, earlier = inspect_dates(EVENTS, "stamp", "date", "America/New_York")
    assert (later.name, later.severity) == ("later_than_date", "error")
    assert [e.symbol for e in later.examples] == ["C"]
    assert (earlier.name, earlier.severity) == ("earlier_than_date", "warning")
    assert [e.symbol for e in earlier.examples] == ["B"]
    assert earlier.examples[0].note == (
        "stamp 2015-01-06 03:00 UTC is 2015-01-05 in America/New_York"
    )


def test_in_its_own_zone_a_date_is_right() -> None:
    assert inspect_dates(EVENTS.iloc[:2], "stamp", "date", "UTC") == []


def test_daylight_saving_is_part_of_the_zone() -> None:
    """04:30 UTC is the same day in New York in July, and the day before in January."""
    frame = pd.DataFrame(
        {
            "date": pd.to_datetime(["2015-07-01", "2015-01-07"]),
            "stamp": pd.to_datetime(["2015-07-01 04:30", "2015-01-07 04:30"], utc=True),
        }
    )
    (finding,) = inspect_dates(frame, "stamp", "date", "America/New_York")
    assert [e.date for e in finding.examples] == ["2015-01-07"]


def test_mistakes_end_in_a_line_that_names_them() -> None:
    with pytest.raises(DataError, match="no column 'fild': did you mean 'filed'"):
        inspect_known_at(REPORTS, "fild", "end")
    with pytest.raises(DataError, match="'n' holds numbers, not dates"):
        inspect_known_at(REPORTS.assign(n=1), "n", "end")
    with pytest.raises(DataError, match="'symbol' does not hold dates"):
        inspect_known_at(REPORTS, "symbol", "end")
    with pytest.raises(ConfigError, match="--zone=America/NewYork is not known: did you mean"):
        inspect_dates(EVENTS, "stamp", "date", "America/NewYork")
