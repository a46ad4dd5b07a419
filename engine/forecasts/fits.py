"""What each fit of a training has seen, and which saw what was not known yet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.forecasts.ranges import Ranges, to_ranges, to_rows
from engine.forecasts.table import IntArray, Table


@dataclass(frozen=True)
class Fit:
    """The rows that something was learnt from, as they were when it was learnt.

    Parameters
    ----------
    what : str
        ``medians``, ``scaler``, ``model``, ``early stopping``; of a sub-model after its key, as in
        ``fold 2, ridge: scaler``.
    dates : Ranges
        Of the rows.
    rows : int
        Of dates and symbols.
    latest : int
        Row of dates at which the last label among them is known.
    ahead : Ranges
        Dates inside the training that the fit was held out from; empty outside of folds.
    """

    what: str
    dates: Ranges
    rows: int
    latest: int
    ahead: Ranges = ()

    @classmethod
    def of(cls, what: str, table: Table, rows: IntArray, end: npt.NDArray[np.int64]) -> Fit:
        """Return a fit on rows of a table; labels are known at ``end``, shape (T,)."""
        return cls.on(what, to_ranges(table.dates(rows)), len(rows), end)

    @classmethod
    def on(cls, what: str, dates: Ranges, rows: int, end: npt.NDArray[np.int64]) -> Fit:
        """Return a fit on dates with a number of rows."""
        return cls(what, dates, rows, int(end[to_rows(dates)].max(initial=-1)))


def find_late(
    fits: tuple[Fit, ...],
    test: Ranges,
    end: npt.NDArray[np.int64],
    *,
    trains_on_later: bool = False,
) -> tuple[Fit, ...]:
    """Return the fits that saw something which they must not see.

    Parameters
    ----------
    fits : tuple of Fit
    test : Ranges
        The dates that are forecast.
    end : int array, shape (T,)
        Rows at whose close labels are known.
    trains_on_later : bool
        False: what is known at the close of the first forecast or later is late. True: what
        overlaps the forecasts and their labels is (`engine.forecasts.folds`).

    What overlaps the dates that a fit was held out from, and their labels, is late as well.
    """

    def is_late(fit: Fit) -> bool:
        ahead = (*fit.ahead, *test) if trains_on_later else fit.ahead
        later = not trains_on_later and fit.latest >= test[0][0]
        return later or any(_meets(fit, *block, end) for block in ahead)

    return tuple(filter(is_late, fits))


def _meets(fit: Fit, start: int, stop: int, end: npt.NDArray[np.int64]) -> bool:
    """Whether a label that was learnt from overlaps a block of forecasts and their labels."""
    rows, last = to_rows(fit.dates), end[start:stop].max()
    return bool(((rows + 1 <= last) & (end[rows] >= start)).any())
