"""Sessions of an exchange, from its calendar."""

from __future__ import annotations

import json
import os
import sys
import warnings
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from engine.core.places import user_cache
from engine.core.whole import writing_whole

MARGIN = pd.Timedelta(days=10)  # the next one to ask wants a few days more
ASKED = ("exchange-calendars", "pandas", "tzdata")  # whose versions a calendar goes by
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
    """A calendar over a span, from the user's cache where it has been made before.

    What a process has registered under a code of its own is not in the cache: once the library is
    imported, it is asked.
    """
    if "exchange_calendars" in sys.modules:
        return first, last, _ask(code, first, last)
    words = repr((code, str(first), str(last), *(f"{name} {version(name)}" for name in ASKED)))
    file = _place(words)
    made = None if file is None else _read(file)
    if made is None:
        made = _ask(code, first, last)
        if file is not None:
            _keep(file, made)
    return first, last, made


def _ask(code: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
    import exchange_calendars  # takes 0.4 s with the holidays of ten years

    with warnings.catch_warnings(action="ignore"):  # of its own use of pandas
        calendar = exchange_calendars.get_calendar(code, start=first, end=last)
    hours: pd.DataFrame = calendar.schedule[["open", "close"]]
    return hours


def _place(words: str) -> Path | None:
    """The file of what was asked for; None where there is no home."""
    try:
        return user_cache() / "calendars" / f"{sha256(words.encode()).hexdigest()}.json"
    except RuntimeError:
        return None


def _read(file: Path) -> pd.DataFrame | None:
    """What `_keep` wrote; None where it is not there, not whole or somebody else's."""
    try:
        if file.stat().st_uid != os.geteuid():
            return None
        digest, _, text = file.read_text("ascii").partition("\n")
        if sha256(text.encode()).hexdigest() != digest:
            return None
    except (OSError, ValueError):
        return None
    index, opens, closes = (pd.to_datetime(each, unit="ns") for each in json.loads(text))
    columns = {"open": opens.tz_localize("UTC"), "close": closes.tz_localize("UTC")}
    return pd.DataFrame(columns, index=index)


def _keep(file: Path, made: pd.DataFrame) -> None:
    """Write sessions, opens and closes in nanoseconds; what cannot be kept is made again."""
    stamps = (pd.DatetimeIndex(each) for each in (made.index, made["open"], made["close"]))
    text = json.dumps([each.as_unit("ns").asi8.tolist() for each in stamps])
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with writing_whole(file) as part:
            part.write_text(f"{sha256(text.encode()).hexdigest()}\n{text}", "ascii")
