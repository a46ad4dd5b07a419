"""When symbols begin, pause and end.

All of it counts sessions: those of ``universe.calendar``, or without one the source's own
days on which enough of the live symbols trade.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.bars import IntArray, calendar_sessions
from engine.bars.inspect.finding import DataFinding, Example, Thresholds, worst
from engine.bars.inspect.tape import Tape
from engine.core.panel import BoolArray
from engine.core.universe import Universe

SHORT_GAP = 10  # sessions after which a price that has moved a lot may be another company's


@dataclass(frozen=True, eq=False)
class Lives:
    """The tape on the axis of sessions.

    Parameters
    ----------
    tape : Tape
        The bars.
    sessions : pandas.DatetimeIndex, shape (A,)
        Midnights in UTC, from the first bar's to the last bar's.
    place : int array, shape (B,)
        Position of each bar's last session at or before it; -1 before the first.
    head, tail : int arrays, shape (L,)
        Position of the first and last bar of each symbol that has one.
    """

    tape: Tape
    sessions: pd.DatetimeIndex
    place: IntArray
    head: IntArray
    tail: IntArray

    @property
    def missing(self) -> IntArray:
        """Sessions without a bar before each bar, since the same symbol's last; shape (B,)."""
        missing = np.zeros(len(self.place), np.intp)
        missing[1:] = np.maximum(np.diff(self.place) - 1, 0)
        missing[self.tape.first] = 0
        return missing

    @property
    def coverage(self) -> float:
        """Sessions with a bar, of those between each symbol's first and last, 0 to 1."""
        expected = int((self.place[self.tail] - self.place[self.head] + 1).sum())
        return 1.0 - int(self.missing.sum()) / expected if expected else float("nan")


def lives(tape: Tape, universe: Universe, limits: Thresholds) -> Lives:
    """Lay the tape on the sessions of the universe's calendar, or on its own."""
    head = np.flatnonzero(tape.first)
    tail = np.append(head[1:], len(tape)) - 1 if len(tape) else head
    dates = tape.days.normalize()
    if not len(tape):
        sessions = dates[:0]
    elif universe.calendar is None:
        sessions = dates[~_thin(tape, limits)].unique()
    else:
        sessions = calendar_sessions(universe.calendar, tape.days)
        used = dates[[tape.day.min(), tape.day.max()]]
        sessions = sessions[(sessions >= used[0]) & (sessions <= used[1])]
    place = sessions.searchsorted(dates, side="right") - 1
    return Lives(tape, sessions, np.asarray(place, np.intp)[tape.day], head, tail)


def of_lives(life: Lives, universe: Universe, limits: Thresholds) -> list[DataFinding]:
    """Return the findings about when symbols trade."""
    if not len(life.tape):
        return []
    end = len(life.sessions) - 1
    late = life.place[life.head]
    early = end - life.place[life.tail]
    gone = early > limits.edge
    return [
        _symbols(
            life, "late_listing", life.head, late, late > limits.edge,
            f"symbols whose first bar is more than {limits.edge} sessions late",
            lambda n: f"begins {n:g} sessions late",
        ),
        _symbols(
            life, "delisting", life.tail, early, gone,
            f"symbols whose last bar is more than {limits.edge} sessions early",
            lambda n: f"ends {n:g} sessions early",
            "delisting.long_return",
        ),
        _survivorship(life, bool(gone.any()), limits),
        *_gaps(life, limits),
        _find_empty_sessions(life, universe),
    ]  # fmt: skip


def _symbols(
    life: Lives,
    name: str,
    at: IntArray,
    size: IntArray,
    found: BoolArray,
    what: str,
    note: Callable[[float], str],
    key: str = "",
) -> DataFinding:
    tape = life.tape

    def describe(bar: int, value: float) -> Example:
        return Example(tape.date(bar), tape.names[tape.name[bar]], value, note(value))

    examples = worst(at[found], size[found].astype(np.float64), describe)
    count = int(found.sum())
    return DataFinding(name, count, count / len(at), "info", what, examples, key)


def _survivorship(life: Lives, gone: bool, limits: Thresholds) -> DataFinding:
    days = (life.tape.days[life.tape.day.max()] - life.tape.days[life.tape.day.min()]).days
    symbols = len(life.head)
    suspect = not gone and symbols >= limits.crowd and days >= limits.years * 365.25
    what = "symbols, none of which ever ends: chosen with hindsight?"
    return DataFinding(
        "survivorship", symbols if suspect else 0, float(suspect), "info", what, (),
        "universe.members",
    )  # fmt: skip


def _gaps(life: Lives, limits: Thresholds) -> list[DataFinding]:
    tape, missing = life.tape, life.missing
    close = tape.numbers["close"]
    factor = np.ones(len(tape))
    factor[1:] = close[1:] / close[:-1]
    moved = np.abs(np.log(factor)) >= np.log(limits.reuse_jump)
    reuse = (missing >= limits.reuse) | ((missing >= SHORT_GAP) & moved)
    size = missing.astype(np.float64)

    def note(bar: int) -> str:
        since = f"after {missing[bar]} sessions without a bar"
        return f"{since}, close {close[bar - 1]:g} -> {close[bar]:g}"

    gap = f"pauses of {limits.gap} sessions or more"
    other = (
        f"pauses of {limits.reuse} sessions or more, or of {SHORT_GAP} with the price "
        f"{limits.reuse_jump:g} times off: another company's ticker? Mend the data"
    )
    return [
        tape.finding("ticker_reuse", "warning", other, reuse, size, note),
        tape.finding("gap", "info", gap, (missing >= limits.gap) & ~reuse, size, note),
    ]


def _find_empty_sessions(life: Lives, universe: Universe) -> DataFinding:
    """Sessions of the calendar on which nothing at all trades."""
    used = np.zeros(len(life.sessions), bool)
    used[life.place[life.place >= 0]] = True
    empty = np.flatnonzero(~used) if universe.calendar else np.array([], np.intp)
    examples = tuple(Example(f"{life.sessions[i]:%Y-%m-%d}", "", 1.0, "") for i in empty[:5])
    share = len(empty) / max(len(used), 1)
    what = "sessions of universe.calendar without a single bar"
    return DataFinding("empty_session", len(empty), share, "warning", what, examples)


def _thin(tape: Tape, limits: Thresholds) -> BoolArray:
    """Days that are no sessions, (D,): so few of the symbols trade that live on them."""
    days = len(tape.days)
    head = np.flatnonzero(tape.first)
    tail = np.append(head[1:], len(tape)) - 1
    born = np.bincount(tape.day[head], minlength=days)
    dead = np.bincount(tape.day[tail] + 1, minlength=days + 1)[:days]
    live = np.cumsum(born - dead).astype(np.float64)
    trading = np.bincount(tape.day, minlength=days).astype(np.float64)
    few = (live >= limits.crowd) & (trading < limits.thin * live)
    thin: BoolArray = few | (trading == 0)
    return thin
