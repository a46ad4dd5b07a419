"""What each fit of a training has seen, and which saw what was not known yet."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from engine.forecasts.labels import Labels
from engine.forecasts.ranges import Ranges, to_ranges, to_rows
from engine.forecasts.table import IntArray, Table


@dataclass(frozen=True)
class Fit:
    """The rows that something was learnt from, as they were when it was learnt.

    Parameters
    ----------
    what : str
        ``medians``, ``scaler``, ``model``, ``early stopping``, ``updates``; of a sub-model after
        its key, as in ``fold 2, ridge: scaler``.
    dates : Ranges
        Of the rows.
    rows : int
        Of dates and symbols.
    latest : int
        Row of dates at which the last label among them is known.
    horizon : int
        Of its labels, in trading days; a model may learn other ones than the run's.
    ahead : Ranges
        Dates inside the training that the fit was held out from; empty outside of folds.
    before : tuple of int
        Of ``updates``, which a model learns between its forecasts: for each of `dates` the first
        date that was forecast with it.
    """

    what: str
    dates: Ranges
    rows: int
    latest: int
    horizon: int
    ahead: Ranges = ()
    before: tuple[int, ...] = ()

    @classmethod
    def of(cls, what: str, table: Table, rows: IntArray, labels: Labels) -> Fit:
        """Return a fit on rows of a table."""
        return cls.on(what, to_ranges(table.dates(rows)), len(rows), labels)

    @classmethod
    def on(cls, what: str, dates: Ranges, rows: int, labels: Labels) -> Fit:
        """Return a fit on dates with a number of rows."""
        latest = int(labels.end[to_rows(dates)].max(initial=-1))
        return cls(what, dates, rows, latest, labels.horizon)


@dataclass(frozen=True, eq=False)
class Fits:
    """The fits of a training, and those of the trainings inside it.

    Parameters
    ----------
    own : list of Fit
        It grows where a model learns between its forecasts.
    inside : list of (str, Ranges, Fits)
        What each is called, and the dates that it was held out from.
    """

    own: list[Fit] = field(default_factory=list)
    inside: list[tuple[str, Ranges, Fits]] = field(default_factory=list)

    def add(self, fit: Fit) -> None:
        """Write down a fit; one that stands there already is not written twice."""
        if fit not in self.own:
            self.own.append(fit)

    def list(self) -> tuple[Fit, ...]:
        """Return all fits, its own first."""
        found = [*self.own]
        for key, ahead, fits in self.inside:
            found += [
                replace(fit, what=f"{key}: {fit.what}", ahead=fit.ahead or ahead)
                for fit in fits.list()
            ]
        return tuple(found)


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

    What overlaps the dates that a fit was held out from, and their labels, is late as well. What a
    model learnt between its forecasts is late where it was not known before the first of them.
    """

    def is_late(fit: Fit) -> bool:
        if fit.before:
            return bool((_find_ends(fit) >= np.array(fit.before)).any())
        ahead = (*fit.ahead, *test) if trains_on_later else fit.ahead
        later = not trains_on_later and fit.latest >= test[0][0]
        return later or any(_meets(fit, *block, end) for block in ahead)

    return tuple(filter(is_late, fits))


def _find_ends(fit: Fit) -> npt.NDArray[np.int64]:
    """Rows at whose close the labels of a fit's dates are known."""
    return to_rows(fit.dates) + 1 + fit.horizon


def _meets(fit: Fit, start: int, stop: int, end: npt.NDArray[np.int64]) -> bool:
    """Whether a label that was learnt from overlaps a block of forecasts and their labels."""
    rows, last = to_rows(fit.dates), end[start:stop].max()
    return bool(((rows + 1 <= last) & (_find_ends(fit) >= start)).any())
