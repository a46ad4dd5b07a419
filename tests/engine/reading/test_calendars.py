"""Sessions are those of exchange-calendars, whatever spans were asked for before."""

from __future__ import annotations

import os
import subprocess
import sys
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


SCRIPT = """
import sys
import pandas as pd
from engine.reading import calendars
from engine.reading import schedule
hours = schedule("XNYS", pd.Timestamp("2014-11-24"), pd.Timestamp("2014-12-02"))
print("exchange_calendars" in sys.modules, *hours.index.strftime("%m-%d"))
print(*(each.isoformat() for each in hours["close"]))
print(*(str(each) for each in (hours.index.dtype, *hours.dtypes)))
"""
DAYS = ["11-24", "11-25", "11-26", "11-28", "12-01", "12-02"]


def in_a_new_process(home):
    found = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "XDG_CACHE_HOME": str(home)},
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    imported, *days = found[0].split()
    assert days == DAYS
    return imported == "True", found[1:]


def test_a_calendar_that_was_made_before_is_read(tmp_path):
    made, first = in_a_new_process(tmp_path)
    assert made
    assert "2014-11-28T18:00:00+00:00" in first[0]
    assert in_a_new_process(tmp_path) == (False, first)


@pytest.mark.parametrize("damage", ["cut", "digit", "gone"])
def test_one_that_is_damaged_is_made_again(tmp_path, damage):
    _, first = in_a_new_process(tmp_path)
    (file,) = (tmp_path / "alpha-engine" / "calendars").iterdir()
    text = file.read_text()
    if damage == "gone":
        file.unlink()
    else:
        file.write_text(text[:-20] if damage == "cut" else text.replace("1", "2", 1))
    assert in_a_new_process(tmp_path) == (True, first)
    assert file.read_text() == text
    assert in_a_new_process(tmp_path) == (False, first)


def test_without_a_folder_to_keep_it_in_it_is_made(tmp_path):
    (tmp_path / "alpha-engine").write_text("a file in its place")
    made, _ = in_a_new_process(tmp_path)
    assert made


def test_what_a_process_registered_itself_is_asked_for(tmp_path, monkeypatch):
    """exchange_calendars is imported here: the cache might hold another calendar of that name."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    _calendars.clear()
    assert len(sessions("XNYS", pd.Timestamp("2014-01-02"), pd.Timestamp("2014-01-10"))) == 7
    assert not [*tmp_path.iterdir()]
