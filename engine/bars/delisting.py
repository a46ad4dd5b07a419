"""Delistings: which names end before the sample does, and what their holders get.

1. A name is delisted when its last bar lies `after` or more rows before the last row. It is
   gone from the row after that bar on; that it is, and not suspended, is known `after` rows
   after that bar.
2. Whoever holds it is paid last close × (1 + return) then, once. Until then it cannot be traded,
   as in a suspension: an account that had the money earlier would decide by what nobody knew.
   The return is
   a. what the source states in a field ``delisting_return``, the last value up to the last
      bar: for longs and shorts alike; decisions are taken on a panel without this field;
   b. else what is assumed: `long_return` for a long, `short_return` for a short. ``auto``
      assumes a loss only for a name that had fallen: the others were bought out.

`outcomes` judges by the whole sample: it books what happened, and no decision sees it before
it is known. A sample that ends in a suspension of `after` rows or more takes it for a delisting;
where suspensions are long, `after` should be longer than they are.
`judge_so_far` judges each row by the rows up to it: what a model may be trained on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from engine.core.errors import DataError
from engine.core.options import Options, option
from engine.core.panel import BoolArray, FloatArray, Panel, forward_fill

AUTO = "auto"
STATED = "delisting_return"  # the field of a source that knows what holders got
LOSS = -0.3  # the mean of performance-related delistings on NYSE and AMEX (Shumway 1997, table I)
FALL, HIGH_ROWS = 0.5, 252  # fallen: below this share of the highest close of these rows
IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Delisting(Options):
    """What holders of a delisted name get, beside what the source states.

    Parameters
    ----------
    long_return : float or "auto"
        From the last close to what a long got, -1 to 0. ``auto`` is -0.3 for a name whose last
        close is below half of its highest close of 252 rows, else 0.
    short_return : float
        The same for a short, 0 or more: an assumed loss never pays a short.
    after : int
        Rows without a bar at the end of the sample that make a name delisted.
    """

    config_key: ClassVar[str] = "delisting"

    long_return: float | int | str = option(
        AUTO,
        "last close to what longs got; auto: -0.3 if fallen",
        unit="fraction",
        choices=(AUTO,),
        ge=-1,
        le=0,
    )
    short_return: float = option(
        0.0, "last close to what shorts pay for; a loss pays them nothing", unit="fraction", ge=0
    )
    after: int = option(5, "rows without a bar at the end that make a name delisted", ge=1)


USUAL = Delisting()


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Which names were delisted, and what their holders got.

    Parameters
    ----------
    gone : bool array, shape (T, N)
        Rows after the last bar of a delisted name.
    known_from : int array, shape (N,)
        The row on which a name is known to be delisted, and paid out; T for the others.
    long, short : float array, shape (N,)
        Return from the last close to what a long got, and a short paid for, as fractions,
        -1 or more; 0 for a name that was not delisted.
    """

    gone: BoolArray
    known_from: IntArray
    long: FloatArray
    short: FloatArray

    @property
    def paid(self) -> BoolArray:
        """The row on which each delisted name is paid out, shape (T, N)."""
        on: BoolArray = np.arange(len(self.gone))[:, None] == self.known_from
        return on


def outcomes(panel: Panel, delisting: Delisting) -> Outcomes:
    """Return what became of the names that ended, judged by the whole sample.

    Raises
    ------
    DataError
        If the source states a return below -1.
    """
    length = len(panel.dates)
    rows = np.arange(length)[:, None]
    last = np.where(panel.present, rows, -1).max(axis=0, initial=-1)
    ended = np.flatnonzero((last >= 0) & (length - 1 - last >= delisting.after))
    gone = np.zeros(panel.shape, bool)
    gone[:, ended] = rows > last[ended]
    known_from = np.full(panel.shape[1], length)
    known_from[ended] = last[ended] + delisting.after
    long, short = np.zeros((2, panel.shape[1]))
    stated = _read_stated(panel, last[ended], ended)
    known = np.isfinite(stated)
    long[ended] = np.where(known, stated, _assume(panel, delisting, last[ended], ended))
    short[ended] = np.where(known, stated, delisting.short_return)
    return Outcomes(gone, known_from, long, short)


def judge_so_far(panel: Panel, delisting: Delisting) -> tuple[BoolArray, FloatArray]:
    """Return which names count as delisted on each row, and a long's return, by the rows so far.

    Returns
    -------
    gone : bool array, shape (T, N)
        Whether the last bar so far lies `after` or more rows back.
    long : float array, shape (T, N)
        Return from that bar's close to what a long gets, as a fraction; NaN before the first
        such row of a name. Only where `gone` it means something.

    Raises
    ------
    DataError
        If the source states a return below -1.
    """
    rows = np.arange(len(panel.dates))[:, None]
    last = np.maximum.accumulate(np.where(panel.present, rows, -1), axis=0)
    silent = np.where(last >= 0, rows - last, 0)
    begins, column = np.nonzero(silent == delisting.after)  # once in every long pause
    at = last[begins, column]
    stated = _read_stated(panel, at, column)
    long = np.full(panel.shape, np.nan)
    long[begins, column] = np.where(
        np.isfinite(stated), stated, _assume(panel, delisting, at, column)
    )
    return silent >= delisting.after, forward_fill(long)


def hide_stated(panel: Panel) -> Panel:
    """The panel without what the source states: on its last bar nobody knew what would be paid."""
    fields = {name: array for name, array in panel.fields.items() if name != STATED}
    return replace(panel, fields=fields) if STATED in panel else panel


def _read_stated(panel: Panel, rows: IntArray, columns: IntArray) -> FloatArray:
    """What the source states for names whose last bars lie on `rows`; NaN where nothing."""
    if STATED not in panel:
        return np.full(len(rows), np.nan)
    stated: FloatArray = forward_fill(panel[STATED])[rows, columns]
    for at in np.flatnonzero(stated < -1.0)[:1]:
        raise DataError(
            f"{STATED} of {panel.symbols[columns[at]]} is {stated[at]:g} on "
            f"{panel.dates[rows[at]]:%Y-%m-%d}: mend the data, a return is a fraction from -1 on"
        )
    return stated


def _assume(panel: Panel, delisting: Delisting, rows: IntArray, columns: IntArray) -> FloatArray:
    """What is assumed for longs of names whose last bars lie on `rows`, one a name."""
    if delisting.long_return != AUTO:
        return np.full(len(rows), float(delisting.long_return))
    close = panel.finite("close")
    last, high = close[rows, columns], _highest(close, rows, columns)
    return np.where((high > 0.0) & (last < FALL * high), LOSS, 0.0)


def _highest(array: FloatArray, rows: IntArray, columns: IntArray) -> FloatArray:
    """Highest of the `HIGH_ROWS` rows up to each of some cells, one a cell; NaN is skipped."""
    windows = (
        array[max(row + 1 - HIGH_ROWS, 0) : row + 1, column]
        for row, column in zip(rows, columns, strict=True)
    )
    return np.array([np.fmax.reduce(window) for window in windows], np.float64)
