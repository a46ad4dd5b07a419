"""On which dates a run is cut: rare ones, for a leak may show on a single kind of date.

1. Each row is of some kinds: the last session of a year or a month, the day after a holiday, a
   split, a first or a last bar; a row that is of none is an ordinary one.
2. Rows on which a cut shows nothing, or other things, are left out: those before the first
   decision, the last one, and those in a long suspension, which looks like a delisting.
3. Kinds take turns. Of a kind's rows the one is taken that is of most kinds at once, and of those
   the one that lies farthest from the dates that are taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.audit.comparing import tell_date
from engine.core.errors import ConfigError
from engine.core.panel import BoolArray, Panel

YEAR, DELISTING, HOLIDAY = "last session of a year", "a last bar", "after a holiday"
LISTING, MONTH = "a first bar", "last session of a month"
SPLIT, ORDINARY = "a jump like a split's", "an ordinary day"
ORDER = (YEAR, DELISTING, HOLIDAY, LISTING, MONTH, SPLIT, ORDINARY)
RATIOS = np.array([2.0, 3.0, 4.0, 5.0, 10.0, 20.0, 1.5])  # of splits, and of reverse ones
NEAR = 0.01  # how near such a ratio is
USUAL = 0.95  # of the gaps between dates, that are no holiday


@dataclass(frozen=True)
class Chosen:
    """A date on which something is compared.

    Parameters
    ----------
    row : int
    date : pandas.Timestamp
    kinds : tuple of str
        What is rare about it.
    """

    row: int
    date: pd.Timestamp
    kinds: tuple[str, ...]

    def __str__(self) -> str:
        return tell_date(self.date)


def choose(panel: Panel, count: int, first: int, after: int) -> list[Chosen]:
    """Choose some dates, the rarest first.

    Parameters
    ----------
    panel : Panel
    count : int
        How many; fewer where there are not as many rows.
    first : int
        The first row that may be chosen.
    after : int
        Rows without a bar that make a name delisted.
    """
    kinds, able = find_kinds(panel), find_able(panel, first, after)
    rarity = np.sum([kinds[name] for name in ORDER if name != ORDINARY], axis=0)
    taken: list[int] = []
    while len(taken) < count and able.any():
        before = len(taken)
        for name in ORDER:
            rows = np.flatnonzero(kinds[name] & able)
            if len(taken) == count or not len(rows):
                continue
            anchors = np.array([first - 1, len(panel.dates), *taken])
            apart = np.abs(rows[:, None] - anchors).min(axis=1)
            best = rows[np.lexsort((rows, -apart, -rarity[rows]))[0]]
            taken.append(int(best))
            able[best] = False
        if len(taken) == before:
            break
    return [_describe(row, panel, kinds) for row in taken]


def find(panel: Panel, typed: Sequence[str]) -> list[Chosen]:
    """Find the dates that were typed; ConfigError names one without a bar."""
    kinds = find_kinds(panel)
    found = []
    first, last = tell_date(panel.dates[0]), tell_date(panel.dates[-1])
    for text in typed:
        try:
            date = pd.Timestamp(text, tz="UTC")
        except ValueError:
            raise ConfigError(f"--dates {text}: no date: write 2016-12-30") from None
        row = int(panel.dates.get_indexer(pd.DatetimeIndex([date]))[0])
        if row < 0 or row == len(panel.dates) - 1:
            why = "nothing comes after it" if row >= 0 else "there is no bar on it"
            raise ConfigError(
                f"--dates {text}: {why}: choose a date with bars, from {first} to before {last}"
            )
        found.append(_describe(row, panel, kinds))
    return found


def find_able(panel: Panel, first: int, after: int) -> BoolArray:
    """Rows on which a cut shows what a run would have seen, shape (T,)."""
    rows = np.arange(len(panel.dates))
    able = (rows >= first) & (rows < len(rows) - 1) & panel.full
    spread = np.broadcast_to(rows[:, None], panel.shape)
    last = np.maximum.accumulate(np.where(panel.present, spread, -1), axis=0)
    ends = np.where(panel.present, spread, -1).max(axis=0, initial=-1)
    silent = (last >= 0) & (spread - last >= after) & (spread < ends)
    able &= ~silent.any(axis=1)
    return able


def find_kinds(panel: Panel) -> Mapping[str, BoolArray]:
    """Which rows are of which kind, each shape (T,)."""
    dates = panel.dates
    T = len(dates)
    day = dates.to_numpy("datetime64[D]")
    gaps = np.zeros(T)
    gaps[1:] = np.diff(day) / np.timedelta64(1, "D")
    present = panel.present
    known = np.flatnonzero(present.any(axis=0))
    begins = present.argmax(axis=0)[known]
    ends = (T - 1 - present[::-1].argmax(axis=0))[known]
    kinds = {
        YEAR: _differs_next(np.asarray(dates.year)),
        MONTH: _differs_next(np.asarray(dates.year * 12 + dates.month)),
        HOLIDAY: gaps > max(np.quantile(gaps[1:], USUAL) if T > 1 else 0.0, 1.0),
        LISTING: _mark(begins[begins > 0], T),
        DELISTING: _mark(ends[ends < T - 1], T),
        SPLIT: _find_splits(panel),
    }
    kinds[ORDINARY] = ~np.any([*kinds.values()], axis=0)
    return kinds


def _differs_next(period: np.ndarray[tuple[int], np.dtype[np.int64]]) -> BoolArray:
    """Rows after which another period begins; what comes after the last one is not known."""
    return np.append(period[1:] != period[:-1], False)


def _mark(rows: np.ndarray[tuple[int], np.dtype[np.intp]], length: int) -> BoolArray:
    marked = np.zeros(length, bool)
    marked[rows] = True
    return marked


def _find_splits(panel: Panel) -> BoolArray:
    """Rows on which a price moves to a plain fraction or multiple of the one before."""
    with np.errstate(invalid="ignore"):
        moved = 1.0 + panel.returns
        ratio = np.where(moved < 1.0, 1.0 / moved, moved)
        near = np.zeros(panel.shape, bool)
        for each in RATIOS:
            near |= np.abs(ratio / each - 1.0) <= NEAR
    return np.asarray(near.any(axis=1))


def _describe(row: int, panel: Panel, kinds: Mapping[str, BoolArray]) -> Chosen:
    named = tuple(name for name in ORDER if kinds[name][row])
    if YEAR in named:  # then it is a month's, too
        named = tuple(name for name in named if name != MONTH)
    return Chosen(row, panel.dates[row], named)
