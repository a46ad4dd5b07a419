"""The kinds of dirt in bars: each gives each row a badness; above 0 it is found.

Each reads rows up to the date that it judges, and none after: what a backtest sees of a date may
not depend on what came later. Statistics over the whole sample are in `engine.bars.inspect`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.core.crowd import crowd
from engine.core.errors import ConfigError, did_you_mean
from engine.core.medians import row_medians
from engine.core.panel import BoolArray, FloatArray
from engine.core.universe import Universe
from engine.reading import schedule, sessions
from engine.schemas.bars import PRICES, find_crossed, ohlc_excess

PAST = 20  # bars before a bar that tell what is usual for it
ENOUGH = 5  # bars of a symbol before its median close says anything
CROWD = 10  # symbols before a share of them says anything
IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Rows:
    """A source's rows by number: position of the date, of the symbol, and the values."""

    days: pd.DatetimeIndex  # (D,) ascending
    day: IntArray  # (R,)
    names: tuple[str, ...]  # (S,) ascending
    name: IntArray  # (R,)
    numbers: dict[str, FloatArray]  # each (R,)
    texts: dict[str, pd.Categorical]  # each (R,)
    mends: int = 0  # values and bars that were mended by hand

    def __len__(self) -> int:
        return len(self.day)

    def text(self, row: int) -> str:
        """Return one row as a person would write it."""
        day = f"{self.days[self.day[row]]:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
        numbers = " ".join(f"{name}={self.numbers[name][row]:g}" for name in self.columns())
        return f"{day} {self.names[self.name[row]]} {numbers}"

    def take(self, at: IntArray) -> Rows:
        """Return the rows at these positions, shape (K,)."""
        return replace(
            self,
            day=self.day[at],
            name=self.name[at],
            numbers={key: array[at] for key, array in self.numbers.items()},
            texts={key: text[at] for key, text in self.texts.items()},
        )

    @cached_property
    def by_name(self) -> IntArray:
        """The rows by symbol, those of one as they came, shape (R,)."""
        small = len(self.names) <= np.iinfo(np.uint16).max  # numpy sorts such numbers in one go
        return np.argsort(self.name.astype(np.uint16) if small else self.name, kind="stable")

    @cached_property
    def order(self) -> IntArray:
        """The rows by symbol, then date; those of one pair as they came, shape (R,)."""
        name, day = self.name[self.by_name], self.day[self.by_name]
        if ((day[1:] >= day[:-1]) | (name[1:] != name[:-1])).all():
            return self.by_name
        return np.lexsort((self.day, self.name))

    def columns(self) -> list[str]:
        """Return the names of the prices and the volume that there are."""
        return [name for name in (*PRICES, "volume") if name in self.numbers]


@dataclass(frozen=True)
class Limits:
    """From where on the kinds of dirt that need a number are found; see `Policy`."""

    absurd_times: float = 100.0
    thin_share: float = 0.3333


Badness = Callable[[Rows, BoolArray, Universe, Limits], FloatArray]
Wrong = Callable[[Rows, BoolArray, IntArray, Limits], dict[str, BoolArray]]


@dataclass(frozen=True)
class Dirt:
    """One kind of dirt.

    Parameters
    ----------
    badness : callable
        From rows, which of them are live, universe and limits to a float array (R,).
    wrong : callable, optional
        Of the rows found, which values are wrong: bool arrays by field. None for dirt
        in whole rows, of which no value can be masked.
    """

    badness: Badness
    wrong: Wrong | None = None


def _missing_close(rows: Rows, alive: BoolArray, universe: Universe, limits: Limits) -> FloatArray:
    return np.isnan(rows.numbers["close"]).astype(np.float64)


def _nonfinite(rows: Rows, alive: BoolArray, universe: Universe, limits: Limits) -> FloatArray:
    count = np.zeros(len(rows))
    for array in rows.numbers.values():
        count += np.isinf(array)
    return count


def _nonfinite_values(
    rows: Rows, alive: BoolArray, found: IntArray, limits: Limits
) -> dict[str, BoolArray]:
    return {name: np.isinf(array[found]) for name, array in rows.numbers.items()}


def _nonpositive(rows: Rows, alive: BoolArray, universe: Universe, limits: Limits) -> FloatArray:
    """How far below: 1 at zero, more the lower; a volume of zero is fine."""
    badness = np.zeros(len(rows))
    for name in rows.columns():
        array = rows.numbers[name]
        np.maximum(badness, np.where(_too_low(name, array), 1.0 - array, 0.0), out=badness)
    return badness


def _too_low(name: str, array: FloatArray) -> BoolArray:
    low: BoolArray = array < 0 if name == "volume" else array <= 0
    return low


def _nonpositive_values(
    rows: Rows, alive: BoolArray, found: IntArray, limits: Limits
) -> dict[str, BoolArray]:
    return {name: _too_low(name, rows.numbers[name][found]) for name in rows.columns()}


def _ohlc(rows: Rows, alive: BoolArray, universe: Universe, limits: Limits) -> FloatArray:
    return ohlc_excess({name: rows.numbers[name] for name in PRICES if name in rows.numbers})


def _ohlc_values(
    rows: Rows, alive: BoolArray, found: IntArray, limits: Limits
) -> dict[str, BoolArray]:
    """Which of two that cross is wrong nobody knows: both are, but for the close."""
    prices = {name: rows.numbers[name][found] for name in PRICES if name in rows.numbers}
    return find_crossed(prices)


def _off_calendar(rows: Rows, alive: BoolArray, universe: Universe, limits: Limits) -> FloatArray:
    if universe.calendar is None:
        return np.zeros(len(rows))
    known = rows.days.normalize().isin(calendar_sessions(universe.calendar, rows.days))
    evening = np.flatnonzero(~known & (rows.days != rows.days.normalize()))
    known[evening] = _in_session(universe.calendar, rows.days[evening])
    strange: FloatArray = (~known).astype(np.float64)[rows.day]
    return strange


def _in_session(code: str, stamps: pd.DatetimeIndex) -> BoolArray:
    """Whether times lie in a session that may have begun on the day before, as futures' do."""
    if not len(stamps):
        return np.zeros(0, bool)
    first, last = (stamp.tz_localize(None).normalize() for stamp in (stamps[0], stamps[-1]))
    week = pd.Timedelta(days=7)
    hours = schedule(code, first - week, last + week)
    at = pd.DatetimeIndex(hours["open"]).searchsorted(stamps, side="right") - 1
    ends = pd.DatetimeIndex(hours["close"])[np.maximum(at, 0)]
    inside: BoolArray = (at >= 0) & np.asarray(stamps <= ends)
    return inside


def _unsorted(rows: Rows, alive: BoolArray, universe: Universe, limits: Limits) -> FloatArray:
    """Days by which a row lies before the row of the same symbol above it."""
    order = rows.by_name
    name, day = rows.name[order], rows.day[order]
    badness = np.zeros(len(rows))
    back = np.where(name[1:] == name[:-1], day[:-1] - day[1:], 0)
    badness[order[1:]] = np.maximum(back, 0)
    return badness


def _duplicates(rows: Rows, alive: BoolArray, universe: Universe, limits: Limits) -> FloatArray:
    """Every live row but the first of each (date, symbol) pair."""
    at, first = _by_symbol(rows, alive)
    badness, day = np.zeros(len(rows)), rows.day[at]
    badness[at[1:]] = (day[1:] == day[:-1]) & ~first[1:]
    return badness


def _thin(rows: Rows, alive: BoolArray, universe: Universe, limits: Limits) -> FloatArray:
    """How many of the symbols that traded of late do not, as a share; 0 on a usual day."""
    badness = np.zeros(len(rows))
    at, first = _by_symbol(rows, alive)
    lately, trading = crowd(rows.day[at], first, len(rows.days))
    thin = (lately >= CROWD) & (trading < limits.thin_share * lately)
    missing = np.where(thin, 1.0 - trading / np.maximum(lately, 1), 0.0)
    badness[at] = missing[rows.day[at]]
    return badness


def _absurd(rows: Rows, alive: BoolArray, universe: Universe, limits: Limits) -> FloatArray:
    """How many times the price is off the median of the symbol's closes before it."""
    badness = np.zeros(len(rows))
    at, first = _by_symbol(rows, alive)
    suspects = _suspects(rows, at, first, limits)
    usual = _usual(rows.numbers["close"][at], first, suspects)
    times = np.zeros(len(suspects))
    for name in PRICES:
        if name in rows.numbers:
            np.fmax(times, _times(rows.numbers[name][at[suspects]], usual), out=times)
    badness[at[suspects]] = np.where(times >= limits.absurd_times, times, 0.0)
    return badness


def _absurd_values(
    rows: Rows, alive: BoolArray, found: IntArray, limits: Limits
) -> dict[str, BoolArray]:
    at, first = _by_symbol(rows, alive)
    place = np.empty(len(rows), np.intp)
    place[at] = np.arange(len(at))
    usual = _usual(rows.numbers["close"][at], first, place[found])
    return {
        name: _times(rows.numbers[name][found], usual) >= limits.absurd_times
        for name in PRICES
        if name in rows.numbers
    }


def _by_symbol(rows: Rows, alive: BoolArray) -> tuple[IntArray, BoolArray]:
    """Live rows by symbol, then date, and which of them are their symbol's first."""
    at = rows.order[alive[rows.order]]
    first, name = np.ones(len(at), bool), rows.name[at]
    first[1:] = name[1:] != name[:-1]
    return at, first


def _suspects(rows: Rows, at: IntArray, first: BoolArray, limits: Limits) -> IntArray:
    """Rows that can be absurd at all: a symbol's whole range of closes says which cannot.

    Only to save time. A price within the limit of every close of its symbol is within the
    limit of any median of them, so nothing that is left out could have been found.
    """
    if not len(at):
        return at
    close = rows.numbers["close"][at]
    starts = np.flatnonzero(first)
    sizes = np.diff(np.append(starts, len(at)))
    positive = np.where(close > 0, close, np.nan)
    low = np.repeat(np.fmin.reduceat(positive, starts), sizes)
    high = np.repeat(np.fmax.reduceat(positive, starts), sizes)
    suspect = np.zeros(len(at), bool)
    for name in PRICES:
        if name in rows.numbers:
            price = rows.numbers[name][at]
            suspect |= (price > 0) & (
                (price >= limits.absurd_times * low) | (price * limits.absurd_times <= high)
            )
    return np.flatnonzero(suspect)


def _usual(close: FloatArray, first: BoolArray, at: IntArray) -> FloatArray:
    """Median of the up to `PAST` positive closes before; NaN where there are too few."""
    begin = np.maximum.accumulate(np.where(first, np.arange(len(first)), 0))[at]
    before = at[:, None] - np.arange(1, PAST + 1)
    past = np.where(before >= begin[:, None], close[np.maximum(before, 0)], np.nan)
    past = np.where((past > 0) & np.isfinite(past), past, np.nan)
    count = np.isfinite(past).sum(axis=1)
    return np.where(count >= ENOUGH, row_medians(past), np.nan)


def _times(price: FloatArray, usual: FloatArray) -> FloatArray:
    """By which factor, at least 1, a price is off; 0 where one of them is not known."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(price > 0, price, np.nan) / usual
        return np.nan_to_num(np.fmax(ratio, 1.0 / ratio), nan=0.0)


DIRT: dict[str, Dirt] = {
    "missing_close": Dirt(_missing_close),
    "nonfinite": Dirt(_nonfinite, _nonfinite_values),
    "nonpositive": Dirt(_nonpositive, _nonpositive_values),
    "ohlc": Dirt(_ohlc, _ohlc_values),
    "off_calendar": Dirt(_off_calendar),
    "unsorted": Dirt(_unsorted),
    "duplicates": Dirt(_duplicates),
    "thin": Dirt(_thin),
    "absurd": Dirt(_absurd, _absurd_values),
}


def calendar_sessions(code: str, days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return the calendar's sessions around `days`, as midnights in UTC."""
    first, last = (day.tz_localize(None).normalize() for day in (days[0], days[-1]))
    week = pd.Timedelta(days=7)  # a calendar needs two different ends, sessions both
    try:
        return sessions(code, first - week, last + week).tz_localize("UTC")
    except ValueError as error:
        reason = str(error).split("\n")[0]
        raise ConfigError(f"universe.calendar={code} does not cover the bars: {reason}") from error
    except Exception as error:
        import exchange_calendars  # slow to import, needed only here

        if not isinstance(error, exchange_calendars.errors.InvalidCalendarName):
            raise
        hint = did_you_mean(code, exchange_calendars.get_calendar_names())
        raise ConfigError(f"universe.calendar={code} is not known: {hint}") from error
