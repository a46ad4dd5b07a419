"""Which trials count against one: those that looked at the same data, or half of them.

1. The same kind, from the same source.
2. Of the symbols, the smaller set lies in the larger one by half or more.
3. Of the dates, from the first bar to the last, the shorter span lies in the longer one by half or
   more.
4. A strategy counts once, however often it ran: of its trials there, that of the row itself stands
   for it, then a finished one, then the newest.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain

import numpy as np
import numpy.typing as npt

from engine.core.panel import FloatArray
from engine.trials.database import FLOAT, Database
from engine.trials.trial import Days, Row

DRAW = 500  # trials whose returns are read: more are drawn from
LIKE = "SELECT id, symbols, first, last FROM data WHERE kind = ? AND source = ?"
TRIALS = """
    SELECT id, ifnull(sharpe, 9e999), ifnull(rows_per_year, 9e999), iif(finished, n, -1){one}
    FROM trials WHERE data IN (SELECT value FROM json_each(:data)) {each} ORDER BY key
"""  # keys are hashes: the first ones are a draw by lot
ONE = ", max((id = :id) * (1 << 62) + finished * (1 << 61) + id)"  # the row that the others are of


@dataclass(frozen=True, eq=False)
class Family:
    """The trials that count against one, itself among them; one for each strategy, by its key.

    Parameters
    ----------
    row : Row
        The one.
    ids : int array, shape (N,)
    sharpes, years : float array, shape (N,)
        Sharpe ratios per day, and rows per year; NaN where there is none.
    n : int array, shape (N,)
        Days with returns.
    finished : bool array, shape (N,)
    """

    row: Row
    ids: npt.NDArray[np.int64]
    sharpes: FloatArray
    years: FloatArray
    n: npt.NDArray[np.int64]
    finished: npt.NDArray[np.bool_]

    @property
    def annual(self) -> FloatArray:
        """Sharpe ratios per year."""
        return self.sharpes * np.sqrt(self.years)

    @property
    def known(self) -> FloatArray:
        """The Sharpe ratios per day that there are."""
        return self.sharpes[np.isfinite(self.sharpes)]


def find_family(database: Database, row: Row) -> Family:
    """Return the trials that count against one."""
    near = find_near(database, row)
    many = len(near) > 1  # of one strategy there is one trial on each
    query = TRIALS.format(one=ONE if many else "", each="GROUP BY key" if many else "")
    found = database.list_rows(query, {"id": row.id, "data": json.dumps(near)})
    width = len(found[0])
    numbers = np.fromiter(chain.from_iterable(found), np.float64, width * len(found))
    ids, sharpes, years, days = numbers.reshape(-1, width)[:, :4].T
    return Family(
        row,
        ids.astype(np.int64),
        np.where(np.isinf(sharpes), np.nan, sharpes),
        np.where(np.isinf(years), np.nan, years),
        np.maximum(days, 0).astype(np.int64),
        days >= 0,
    )


def find_near(database: Database, row: Row) -> list[int]:
    """Return the numbers of the data that overlap a trial's by half or more."""
    own, length = database.read_symbols(row.symbols), row.last - row.first + 1

    @cache
    def is_alike(name: str) -> bool:
        other = database.read_symbols(name)
        return 2 * len(own & other) >= min(len(own), len(other))

    return [
        number
        for number, name, first, last in database.list_rows(LIKE, (row.kind, row.source))
        if 2 * (min(last, row.last) - max(first, row.first) + 1) >= min(last - first + 1, length)
        and is_alike(name)
    ]


@dataclass(frozen=True, eq=False)
class Returns:
    """Returns of trials, each over its own days.

    Parameters
    ----------
    ids : list of int
    days : list of int32 array, shape (n,)
        Since 1970-01-01.
    excess : list of float32 array, shape (n,)
        In excess of cash.
    """

    ids: list[int]
    days: list[Days]
    excess: list[npt.NDArray[np.float32]]

    def take(self, places: Sequence[int]) -> Returns:
        """Return some of them."""
        ids, days, excess = self.ids, self.days, self.excess
        return Returns(
            [ids[at] for at in places],
            [days[at] for at in places],
            [excess[at] for at in places],
        )


def read_returns(database: Database, family: Family, most: int = DRAW) -> Returns:
    """Return the daily returns of a family's trials, by key: of the first `most`, and its own."""
    chosen = [*map(int, family.ids[np.isfinite(family.sharpes)])]
    drawn = chosen[:most]
    if family.row.id in chosen and family.row.id not in drawn:
        drawn[-1] = family.row.id
    rows = database.list_rows(
        "SELECT trial, calendar, excess FROM returns "
        "WHERE trial IN (SELECT value FROM json_each(?))",
        (json.dumps(drawn),),
    )
    calendars = {name: database.read_days(name) for name in {row[1] for row in rows}}
    place = {trial: at for at, trial in enumerate(drawn)}
    rows.sort(key=lambda each: place[each[0]])
    return Returns(
        [row[0] for row in rows],
        [calendars[row[1]] for row in rows],
        [np.frombuffer(row[2], FLOAT) for row in rows],
    )
