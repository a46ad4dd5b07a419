"""Which rows of a factor have to be computed, and of which symbols.

```
 a close corrected           ▼ row c
 a factor of lookback L      ├──── c … c + L ────┤                 what may be another value
 a factor of lookback None   ├──────────────────────────────────▶  to the end
 new dates                                              ├────────┤
```

Where the formula looks across symbols, or who is a member counts, all symbols; else those whose
bars have changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.core.panel import BoolArray
from engine.library.bars import Changes
from engine.library.identity import Work

PERIODS = {"weekly": "W-SUN", "monthly": "M"}


@dataclass(frozen=True)
class Todo:
    """What is to be computed of a factor.

    Parameters
    ----------
    fresh : bool array, shape (T,)
        Rows that are written whatever they hold.
    again : bool array, shape (T,)
        Rows whose values may be others than they were.
    columns : bool array, shape (N,)
        Symbols of which they may be.
    dates : bool array, shape (T,)
        Rows that the bars had before.
    symbols : bool array, shape (N,)
        Symbols that the bars had before.
    """

    fresh: BoolArray
    again: BoolArray
    columns: BoolArray
    dates: BoolArray
    symbols: BoolArray

    @property
    def start(self) -> int:
        """The row before which all is as it should be; 0 where earlier rows are made again."""
        if self.again.any():
            return 0
        return int(np.argmax(self.fresh)) if self.fresh.any() else len(self.fresh)

    @property
    def is_empty(self) -> bool:
        """Whether all is as it should be."""
        return not (self.fresh.any() or self.again.any())


def choose_rows(dates: pd.DatetimeIndex, frequency: str) -> BoolArray:
    """Whether a factor has a value on each date, shape (T,).

    A weekly or monthly one has on the last date of each week (to Sunday) or month that the bars
    have. Which one that is shows when the next period begins: the newest period has none yet, so
    that no later date ever takes a value back.
    """
    chosen = np.ones(len(dates), bool)
    if frequency != "daily" and len(dates):
        period = dates.tz_localize(None).to_period(PERIODS[frequency]).asi8
        chosen = np.append(period[1:] != period[:-1], False)
    return chosen


def find_first(work: Work, dates: pd.DatetimeIndex, symbols: int) -> Todo:
    """All rows: nothing is kept."""
    fresh, none = choose_rows(dates, work.frequency), np.zeros(len(dates), bool)
    return Todo(fresh, none, np.ones(symbols, bool), none, np.zeros(symbols, bool))


def find_changed(work: Work, dates: pd.DatetimeIndex, changes: Changes, whole: bool) -> Todo:
    """Rows that are new or whose bars have changed; with `whole`, all that are kept again."""
    chosen = choose_rows(dates, work.frequency)
    before = np.zeros(len(dates), bool)
    known = choose_rows(changes.old_dates, work.frequency)[: changes.fresh]
    before[: changes.fresh] = known
    again, columns = _find_affected(work, changes, len(dates))
    if whole:
        again, columns = np.ones(len(dates), bool), np.ones(len(columns), bool)
    fresh = chosen & ~before
    return Todo(fresh, again & chosen & before, columns, changes.there, ~changes.came)


def _find_affected(work: Work, changes: Changes, count: int) -> tuple[BoolArray, BoolArray]:
    rows, columns = np.zeros(count, bool), np.zeros(len(changes.came), bool)
    reads = work.reads
    if reads is None:  # a plugin may read anything
        return np.ones(count, bool), np.ones(len(columns), bool)
    named = [f"field {name}" for name in reads.fields]
    named += [f"group {name}" for name in reads.groups] + ["member"] * reads.crosses
    for cells in (changes.cells[what] for what in named if what in changes.cells):
        rows |= reach(cells.rows, work.lookback)
        columns |= cells.columns
    if reads.crosses:
        columns[:] = True
        rows |= changes.axis
    elif changes.came.any():
        columns |= changes.came
        rows[:] = True
    return rows, columns


def reach(rows: BoolArray, lookback: int | None) -> BoolArray:
    """Rows that look back to one of these, shape (T,)."""
    if lookback is None:
        return np.logical_or.accumulate(rows)
    before = np.append(0, np.cumsum(rows))
    first = np.maximum(np.arange(len(rows)) - lookback, 0)
    found: BoolArray = before[1:] > before[first]
    return found


def list_spans(rows: BoolArray, lookback: int) -> Iterator[slice]:
    """Rows as few spans: those with less than a lookback between them are one."""
    places = np.flatnonzero(rows)
    if not len(places):
        return
    cuts = np.flatnonzero(np.diff(places) > lookback + 1)
    starts = places[np.append(0, cuts + 1)]
    ends = places[np.append(cuts, len(places) - 1)]
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        yield slice(start, end + 1)
