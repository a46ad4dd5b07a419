"""What a portfolio's decision may look at: the data up to one row, and what is held there."""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.core.errors import ConfigError
from engine.core.panel import BoolArray, FloatArray, Panel

Names = npt.NDArray[np.intp]
Memory = dict[str, "FloatArray | float"]
TIES = ("split", "symbol")
STAMPS = 1024  # dates that are made at once


class Book:
    """The account at the close of one row, and the data up to it.

    Parameters
    ----------
    row : int
        The row of the decision, counted from the first of the data.
    held : float array, shape (N,)
        What is really held at this close, as fractions of equity.
    equity, cash : float
        In currency, at this close; cash holds the proceeds of shorts.
    waiting : float array, shape (N,)
        Targets of orders that still wait for a bar to trade on; NaN without one.
    score : float array, shape (N,)
        The signal; NaN where it is not known.
    exposure : float
        What the regime allows, known at this close.
    notes : list of str
        Where a portfolio writes down which decisions it could not make as asked.
    memory : dict of str to float array or float
        What a portfolio keeps from one decision to the next; empty before the first, saved
        with the account.
    ties : {"split", "symbol"}
        Who gets a place that names with one score compete for; see `places`.
    data : Panel
        All bars. `panel` shows those up to the row, and no method here reads others.
    """

    def __init__(
        self,
        *,
        row: int,
        held: FloatArray,
        equity: float,
        cash: float,
        waiting: FloatArray,
        score: FloatArray,
        exposure: float,
        notes: list[str],
        memory: Memory,
        data: Panel,
        ties: str = "split",
    ) -> None:
        self.row, self.held, self.equity, self.cash = row, held, equity, cash
        self.waiting, self.exposure, self.notes, self.memory = waiting, exposure, notes, memory
        self._score, self._data, self._ties = score, data, ties
        self.picks, self.by_tie = 0, 0  # places given so far; those that no score decided
        self.blind = False  # whether a decision was due, and no name had a score

    @cached_property
    def panel(self) -> Panel:
        """The bars up to the row, this one included."""
        return self._data.cut(self.row + 1)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The N symbols."""
        return self._data.symbols

    @property
    def periods_per_year(self) -> float:
        """Rows a year, to annualise."""
        return self._data.periods_per_year

    @property
    def now(self) -> pd.Timestamp:
        """The date of the row."""
        return _stamp(self._data, self.row)

    @property
    def before(self) -> pd.Timestamp | None:
        """The date of the row before; None on the first."""
        return _stamp(self._data, self.row - 1) if self.row else None

    @property
    def date(self) -> str:
        """The date of the row, for messages."""
        return str(self.now.date())

    @property
    def present(self) -> BoolArray:
        """Which symbols have a bar on the row, shape (N,)."""
        present: BoolArray = self._data.present[self.row]
        return present

    @property
    def member(self) -> BoolArray:
        """Which symbols are in the universe on the row, shape (N,)."""
        member: BoolArray = self._data.member[self.row]
        return member

    @cached_property
    def tradable(self) -> BoolArray:
        """Which symbols have a bar on the row, at a price above 0, shape (N,)."""
        tradable: BoolArray = self.present & (self._data["close"][self.row] > 0.0)
        return tradable

    @cached_property
    def frozen(self) -> FloatArray:
        """Weights held, shape (N,), of symbols that this close cannot judge; 0 for the others.

        They cannot be traded now, or are in the universe and have no score.
        """
        return np.where(self.tradable & ~self.unscored, 0.0, self.held)

    @cached_property
    def unscored(self) -> BoolArray:
        """Which symbols are held, have a bar, are in the universe and have no score, (N,)."""
        held: BoolArray = self.held != 0.0
        return held & self.present & self.member & ~np.isfinite(self._score)

    def recent(self, window: int) -> FloatArray:
        """The returns of the last `window` rows, this one included, shape (≤ window, N)."""
        return self._data.returns[max(0, self.row + 1 - window) : self.row + 1]

    def market(self, window: int) -> FloatArray:
        """The members' mean return on the last `window` rows, shape (≤ window,)."""
        return self._data.market[max(0, self.row + 1 - window) : self.row + 1]

    def sectors(self, key: str, off: str) -> npt.NDArray[np.str_]:
        """Labels of the symbols as known today, (N,), "" where unknown: those form one sector.

        Raises
        ------
        ConfigError
            If there are none at all; `key` asks for them and the value `off` does without.
        """
        if "sector" not in self._data.groups:
            raise ConfigError(
                f"portfolio.{key}: the symbols have no sectors: give them in "
                f"universe.tags.sector, or write portfolio.{key}={off}"
            )
        return self._data.labels("sector", self.row)

    def sorted(self, among: BoolArray) -> Names:
        """Columns of `among` in the order of their symbols, whatever the panel's order."""
        columns = np.flatnonzero(among)
        if self._data.in_order:
            return columns
        return columns[np.argsort(self._data.places[columns])]

    def ranked(self, score: FloatArray, among: BoolArray) -> Names:
        """Columns of `among` from the highest score to the lowest; ties by symbol."""
        columns = self.sorted(among & np.isfinite(score))
        return columns[np.argsort(-score[columns], kind="stable")]

    def places(self, score: FloatArray, among: BoolArray, top: int, bottom: int = 0) -> FloatArray:
        """Who gets the places of the highest and the lowest scores, shape (N,).

        Names with one score are no better than one another. With ``ties: split`` each gets the
        same part of the places that are left for them; with ``symbol`` the first by symbol get
        the highest, the last the lowest. Never are they on both sides: what they would fill on
        one is set off against the other.

        Parameters
        ----------
        score : float array, shape (N,)
            NaN gets no place.
        among : bool array, shape (N,)
        top, bottom : int
            Places on each side; together no more than there are names.

        Returns
        -------
        float array, shape (N,)
            From 1, a whole place at the top, to -1, one at the bottom; 0 is none.
        """
        columns = self.ranked(score, among)
        ranks, made = score[columns], np.zeros(len(score))
        if not (ranks[1:] == ranks[:-1]).any() and top + bottom <= len(ranks):  # nearly always
            made[columns[:top]] = 1.0
            made[columns[len(ranks) - bottom :]] = -1.0
            self.picks += top + bottom
            return made
        starts = np.flatnonzero(np.append(True, ranks[1:] != ranks[:-1])[: len(ranks)])
        sizes = np.diff(np.append(starts, len(ranks)))
        high = np.clip(top - starts, 0, sizes)
        low = np.clip(starts + sizes - (len(ranks) - bottom), 0, sizes)
        net = high - low
        self.picks += int((high + low).sum())
        self.by_tie += int((high + low)[np.abs(net) != sizes].sum())
        if self._ties == "split":
            given = np.repeat(net / sizes, sizes)
        else:
            place, wins, many = (np.repeat(each, sizes) for each in (starts, net, sizes))
            place = np.arange(len(ranks)) - place
            given = (place < wins) * 1.0 - (place >= many + np.minimum(wins, 0))
        made[columns] = given
        return made


def _stamp(data: Panel, row: int) -> pd.Timestamp:
    """The date of a row, made with those beside it: one by one they take ten times as long."""
    block, place = divmod(row, STAMPS)
    return _stamps(data, block)[place]


@lru_cache(maxsize=1)
def _stamps(data: Panel, block: int) -> list[pd.Timestamp]:
    return [*data.dates[block * STAMPS : (block + 1) * STAMPS]]
