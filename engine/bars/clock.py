"""What the times of bars tell: stamps that do not fit together, and bars below a day.

Bars are daily where a symbol has one a date, nearly always. Of daily bars three things are odd:

1. Symbols whose stamps differ on one date: each stamp is a row, and each row half a market.
2. Midnights of another zone: in UTC they may be of the day before.
3. Instants among midnights: plain dates, and some times.

Nothing of it decides anything: it is said, and what to type.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.core.panel import BoolArray

IntArray = npt.NDArray[np.intp]
DAILY = 1.1  # bars a date and symbol, up to which bars are daily
NOON = pd.Timedelta(hours=12)
ZONES = (
    *("America/New_York", "America/Chicago", "America/Los_Angeles", "America/Sao_Paulo"),
    *("Europe/London", "Europe/Berlin", "Europe/Moscow", "Asia/Kolkata", "Asia/Shanghai"),
    *("Asia/Tokyo", "Australia/Sydney"),
)


@dataclass(frozen=True)
class Oddity:
    """Something odd about the times of bars.

    Parameters
    ----------
    name : str
        Such as ``mixed_stamps``.
    what : str
        What was looked for, in words.
    days : int array
        Positions of the stamps that have it, ascending.
    note : str
        What stands there, and what to type.
    key : str
        The key to type.
    """

    name: str
    what: str
    days: IntArray
    note: str
    key: str


def rows_a_session(days: pd.DatetimeIndex, day: IntArray, name: IntArray) -> float:
    """Return how many bars a symbol has on a date that it has one, on average.

    Parameters
    ----------
    days : pandas.DatetimeIndex, shape (D,)
        Stamps in UTC, unique.
    day, name : int arrays, shape (R,)
        Each bar's stamp and symbol.
    """
    if not len(day):
        return 1.0
    date, dates = pd.factorize(days.normalize())
    traded = np.zeros((len(dates), int(name.max()) + 1), bool)
    traded[date[day], name] = True
    return len(day) / int(np.count_nonzero(traded))


def oddities(days: pd.DatetimeIndex, day: IntArray, name: IntArray) -> Iterator[Oddity]:
    """Yield what is odd about the stamps of daily bars; nothing for bars below a day.

    Parameters
    ----------
    days : pandas.DatetimeIndex, shape (D,)
        Stamps in UTC, unique, ascending.
    day, name : int arrays, shape (R,)
        Each bar's stamp and symbol.
    """
    used = np.flatnonzero(np.bincount(day, minlength=len(days)))
    if not len(used) or rows_a_session(days, day, name) > DAILY:
        return
    stamps = days[used]
    plain = np.asarray(stamps == stamps.normalize())
    if plain.all():
        return
    date = pd.factorize(stamps.normalize())[0]
    several = np.bincount(date)[date] > 1
    if several.any():
        yield _describe_mixed(stamps, used, several)
    zone = _zone(stamps)
    if zone is not None:
        yield Oddity(
            "zone_midnights", f"rows at what is midnight in {zone}", used,
            f"if they are dates there, set source.timezone={zone}", "source.timezone",
        )  # fmt: skip
    elif plain.any():
        few = plain if plain.sum() < (~plain).sum() else ~plain
        yield Oddity(
            "mixed_clock", "times among plain dates: some rows have one, others have not",
            used[few], "if they are of days, set source.daily=true: times are cut off",
            "source.daily",
        )  # fmt: skip


def _describe_mixed(stamps: pd.DatetimeIndex, used: IntArray, several: BoolArray) -> Oddity:
    first = stamps[np.flatnonzero(several)[0]].normalize()
    clocks = stamps[stamps.normalize() == first].strftime("%H:%M")
    return Oddity(
        "mixed_stamps", "dates on which symbols have different times, each a row of its own",
        used[several], f"{first:%Y-%m-%d} has {', '.join(clocks[:3])} UTC: "
        "if bars are of days, set source.daily=true: times are cut off",
        "source.daily",
    )  # fmt: skip


def _zone(stamps: pd.DatetimeIndex) -> str | None:
    """The zone in which every stamp is a midnight, where the days of the week allow it."""
    for zone in ZONES:
        local = stamps.tz_convert(zone).tz_localize(None)
        if not (local == local.normalize()).all():
            continue
        east = (stamps - stamps.normalize()).max() >= NOON
        late = {*stamps.day_of_week}
        if not east or (6 in late and 4 not in late) or {*local.day_of_week} == {*range(7)}:
            return zone
    return None
