"""Sessions of an exchange, from its calendar."""

from __future__ import annotations

import warnings

import pandas as pd

MARGIN = pd.Timedelta(days=10)  # the next one to ask wants a few days more
Made = tuple[pd.Timestamp, pd.Timestamp, pd.DataFrame]  # a span, and its schedule
_calendars: dict[str, Made] = {}  # one that was made serves every span within its own


def sessions(code: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
    """Return the sessions from `first` to `last`, as midnights without a zone.

    Parameters
    ----------
    code : str
        Of exchange-calendars, such as ``XNYS``.
    first, last : pandas.Timestamp
        Midnights without a zone, `first` before `last`.

    Raises
    ------
    exchange_calendars.errors.CalendarError
        There is no such calendar.
    ValueError
        It does not cover the span.
    """
    return pd.DatetimeIndex(schedule(code, first, last).index)


def schedule(code: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
    """Return when each session opens and closes: ``open``, ``close``, in UTC; see `sessions`."""
    known = _calendars.get(code)
    if known is None or not known[0] <= first < last <= known[1]:
        try:
            known = _make(code, first - MARGIN, last + MARGIN)
        except ValueError:  # it begins or ends within the margin
            known = _make(code, first, last)
        _calendars[code] = known
    made = known[2]
    return made[(made.index >= first) & (made.index <= last)]


def _make(code: str, first: pd.Timestamp, last: pd.Timestamp) -> Made:
    import exchange_calendars  # slow to import, needed only with a calendar

    with warnings.catch_warnings(action="ignore"):  # of its own use of pandas
        calendar = exchange_calendars.get_calendar(code, start=first, end=last)
    return first, last, calendar.schedule
