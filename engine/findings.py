"""What can be wrong with bars, and what the policy does about it.

A check gives each row a badness; above 0 it is found. The checks run in the order of the
table `_CHECKS`, and a row that one of them dropped is not counted again by the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.errors import ConfigError, DataError, did_you_mean
from engine.kinds import option
from engine.panel import BoolArray, FloatArray
from engine.universe import Universe
from schemas.bars import PRICES, ohlc_excess

EXAMPLES = 3


@dataclass(frozen=True)
class Policy:
    """What to do with bars that look wrong: ``raise``, ``drop`` (the whole bar) or ``keep``.

    A finding that has no sensible third answer does not offer one: a panel has no place for
    two bars of one day or for an infinite price, and being out of order is no fault of any
    single bar that one could drop (``keep`` sorts them, and counts them).
    """

    nonfinite: str = option("raise", "an infinite number", choices=("raise", "drop"))
    nonpositive: str = option(
        "raise", "a price <= 0 or a volume < 0", choices=("raise", "drop", "keep")
    )
    ohlc: str = option(
        "drop", "open or close outside [low, high]", choices=("raise", "drop", "keep")
    )
    off_calendar: str = option(
        "drop", "a day that universe.calendar does not know", choices=("raise", "drop", "keep")
    )
    unsorted: str = option(
        "raise", "a symbol's dates out of order in the source", choices=("raise", "keep")
    )
    duplicates: str = option(
        "raise",
        "a (date, symbol) pair seen before; drop keeps the first",
        choices=("raise", "drop"),
    )

    def __post_init__(self) -> None:
        for item in fields(self):
            action, allowed = getattr(self, item.name), item.metadata["choices"]
            if action not in allowed:
                raise ConfigError(
                    f"bars.{item.name}={action} is not on offer: choose {' or '.join(allowed)}"
                )

    @property
    def kept(self) -> frozenset[str]:
        """Findings that may remain in the panel; `schemas.bars` leaves their checks out."""
        return frozenset(item.name for item in fields(self) if getattr(self, item.name) == "keep")


@dataclass(frozen=True)
class Findings:
    """What was wrong with the bars, and what was done about it.

    Parameters
    ----------
    rows_in, rows_out : int
        Rows of the universe's symbols in the source, and bars in the panel.
    counts : mapping of str to int
        Rows by finding; every finding is listed, most of them with 0.
    actions : mapping of str to str
        ``drop`` or ``keep``, for findings with a count.
    examples : mapping of str to tuple of str
        Up to three of the worst rows of each finding, as text.
    missing_symbols : tuple of str
        Symbols of the universe without a single bar.
    """

    rows_in: int = 0
    rows_out: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    actions: Mapping[str, str] = field(default_factory=dict)
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    missing_symbols: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return the findings for a log, one line each; only those that are not zero."""
        out = [f"bars: {self.rows_in} rows in, {self.rows_out} out"]
        for name, count in self.counts.items():
            if count:
                shown = "; ".join(self.examples[name])
                out.append(f"bars.{name}: {count} ({self.actions[name]}), such as {shown}")
        if self.missing_symbols:
            out.append(f"not in the source: {few(self.missing_symbols)}")
        return out


@dataclass(frozen=True)
class Rows:
    """A source's rows by number: position of the date, of the symbol, and the values."""

    days: pd.DatetimeIndex  # (D,) ascending
    day: npt.NDArray[np.intp]  # (R,)
    names: tuple[str, ...]  # (S,) ascending
    name: npt.NDArray[np.intp]  # (R,)
    numbers: dict[str, FloatArray]  # each (R,)
    texts: dict[str, pd.Categorical]  # each (R,)

    def __len__(self) -> int:
        return len(self.day)

    def text(self, row: int) -> str:
        """Return one row as a person would write it."""
        day = f"{self.days[self.day[row]]:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
        shown = [name for name in (*PRICES, "volume") if name in self.numbers]
        numbers = " ".join(f"{name}={self.numbers[name][row]:g}" for name in shown)
        return f"{day} {self.names[self.name[row]]} {numbers}"


def check(rows: Rows, universe: Universe, policy: Policy) -> tuple[BoolArray, Findings]:
    """Which rows are bars, and what was found on the way there."""
    alive = np.ones(len(rows), bool)
    counts: dict[str, int] = {}
    actions: dict[str, str] = {}
    examples: dict[str, tuple[str, ...]] = {}
    for name, severity in _CHECKS.items():
        badness = severity(rows, alive, universe)
        found = np.flatnonzero(alive & (badness > 0))
        counts[name] = len(found)
        if not len(found):
            continue
        worst = found[np.argsort(-badness[found], kind="stable")[:EXAMPLES]]
        actions[name] = getattr(policy, name, "drop")
        examples[name] = tuple(rows.text(row) for row in worst)
        if actions[name] == "raise":
            raise DataError(_refusal(policy, name, len(found), examples[name][0]))
        if actions[name] == "drop":
            alive[found] = False
    return alive, Findings(len(rows), int(alive.sum()), counts, actions, examples)


def _refusal(policy: Policy, name: str, count: int, example: str) -> str:
    option_ = next(item for item in fields(policy) if item.name == name)
    other = option_.metadata["choices"][1]
    what = option_.metadata["help"].split(";")[0]
    return f"{count} rows have {what}, such as {example}: mend the data, or set bars.{name}={other}"


def _missing_close(rows: Rows, alive: BoolArray, universe: Universe) -> FloatArray:
    return np.isnan(rows.numbers["close"]).astype(np.float64)


def _nonfinite(rows: Rows, alive: BoolArray, universe: Universe) -> FloatArray:
    count = np.zeros(len(rows))
    for array in rows.numbers.values():
        count += np.isinf(array)
    return count


def _nonpositive(rows: Rows, alive: BoolArray, universe: Universe) -> FloatArray:
    """How far below: 1 at zero, more the lower; a volume of zero is fine."""
    badness = np.zeros(len(rows))
    for name in (*PRICES, "volume"):
        if name in rows.numbers:
            array = rows.numbers[name]
            wrong = array < 0 if name == "volume" else array <= 0
            np.maximum(badness, np.where(wrong, 1.0 - array, 0.0), out=badness)
    return badness


def _ohlc(rows: Rows, alive: BoolArray, universe: Universe) -> FloatArray:
    return ohlc_excess({name: rows.numbers[name] for name in PRICES if name in rows.numbers})


def _off_calendar(rows: Rows, alive: BoolArray, universe: Universe) -> FloatArray:
    if universe.calendar is None:
        return np.zeros(len(rows))
    known = rows.days.normalize().isin(_sessions(universe.calendar, rows.days))
    strange: FloatArray = (~known).astype(np.float64)[rows.day]
    return strange


def _unsorted(rows: Rows, alive: BoolArray, universe: Universe) -> FloatArray:
    """Days by which a row lies before the row of the same symbol above it."""
    order = np.argsort(rows.name, kind="stable")
    name, day = rows.name[order], rows.day[order]
    badness = np.zeros(len(rows))
    back = np.where(name[1:] == name[:-1], day[:-1] - day[1:], 0)
    badness[order[1:]] = np.maximum(back, 0)
    return badness


def _duplicates(rows: Rows, alive: BoolArray, universe: Universe) -> FloatArray:
    """Every live row but the first of each (date, symbol) pair."""
    at = np.flatnonzero(alive)
    cell = rows.day[at] * len(rows.names) + rows.name[at]
    order = np.argsort(cell, kind="stable")
    badness = np.zeros(len(rows))
    badness[at[order[1:]]] = cell[order[1:]] == cell[order[:-1]]
    return badness


_CHECKS: dict[str, Callable[[Rows, BoolArray, Universe], FloatArray]] = {
    "missing_close": _missing_close,
    "nonfinite": _nonfinite,
    "nonpositive": _nonpositive,
    "ohlc": _ohlc,
    "off_calendar": _off_calendar,
    "unsorted": _unsorted,
    "duplicates": _duplicates,
}


def _sessions(code: str, days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The calendar's sessions around `days`, as midnights in UTC."""
    import exchange_calendars  # slow to import, needed only here

    first, last = (day.tz_localize(None).normalize() for day in (days[0], days[-1]))
    week = pd.Timedelta(days=7)  # a calendar needs two different ends, sessions both
    try:
        calendar = exchange_calendars.get_calendar(code, start=first - week, end=last + week)
    except exchange_calendars.errors.InvalidCalendarName as error:
        hint = did_you_mean(code, exchange_calendars.get_calendar_names())
        raise ConfigError(f"universe.calendar={code} is not known: {hint}") from error
    except ValueError as error:
        reason = str(error).split("\n")[0]
        raise ConfigError(f"universe.calendar={code} does not cover the bars: {reason}") from error
    return pd.DatetimeIndex(calendar.sessions).tz_localize("UTC")


def few(names: Sequence[str]) -> str:
    """Return the first few names, and how many there are when that is not all."""
    shown = ", ".join(names[:EXAMPLES])
    return f"{shown} … ({len(names)} in all)" if len(names) > EXAMPLES else shown
