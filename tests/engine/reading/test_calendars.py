"""Sessions are those of exchange-calendars, whatever spans were asked for before."""

from __future__ import annotations

import warnings

import exchange_calendars
import pandas as pd
import pytest

from engine.reading import schedule, sessions
from engine.reading.calendars import _calendars

SPANS = [("2014-01-02", "2016-12-30"), ("2014-06-02", "2014-06-20"), ("2013-12-26", "2017-01-06")]


@pytest.mark.parametrize("code", ["XNYS", "XHKG", "24/7"])
@pytest.mark.parametrize("order", [SPANS, SPANS[::-1]])
def test_a_span_within_one_that_was_asked_for_before_has_the_same_sessions(code, order):
    _calendars.clear()
    for start, end in order:
        first, last = pd.Timestamp(start), pd.Timestamp(end)
        with warnings.catch_warnings(action="ignore"):  # of its own use of pandas
            calendar = exchange_calendars.get_calendar(code, start=first, end=last)
        pd.testing.assert_index_equal(
            sessions(code, first, last), calendar.sessions, check_names=False
        )
        pd.testing.assert_frame_equal(
            schedule(code, first, last)[["open", "close"]], calendar.schedule[["open", "close"]]
        )


def test_a_calendar_that_begins_within_the_margin_serves_its_own_span():
    _calendars.clear()
    first = exchange_calendars.get_calendar("XHKG").bound_min()
    last = first + pd.Timedelta(days=100)
    assert len(sessions("XHKG", first, last)) > 50
