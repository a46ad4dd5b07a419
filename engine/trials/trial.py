"""What a trial is: a strategy on data, as the ledger keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from engine.core.panel import FloatArray

REAL, NULL, SIMULATED, AUDIT = "real", "null", "simulated", "audit"
EPOCH = date(1970, 1, 1)
Days = npt.NDArray[np.int32]  # since 1970-01-01


@dataclass(frozen=True)
class Place:
    """The data that a trial is on.

    Parameters
    ----------
    kind : str
        `REAL`, `NULL`, `SIMULATED` or `AUDIT`.
    source : str
        Where bars come from, as a text without dates and secrets.
    symbols : tuple of str
    first, last : int
        Days of the first and the last bar, since 1970-01-01.
    """

    kind: str
    source: str
    symbols: tuple[str, ...]
    first: int
    last: int


@dataclass(frozen=True)
class Start:
    """A run that begins.

    Parameters
    ----------
    key : str
        Of its strategy.
    place : Place
    folder : str
    bundle : str
    overrides : tuple of str
        Without secrets.
    began : str
        UTC.
    """

    key: str
    place: Place
    folder: str
    bundle: str
    overrides: tuple[str, ...]
    began: str


@dataclass(frozen=True, eq=False)
class Result:
    """The daily returns of a run from its first position to its end, or to ruin.

    Parameters
    ----------
    days : int32 array, shape (n,)
        Since 1970-01-01, ascending.
    net, excess : float array, shape (n,)
        Simple returns after costs; the same less what cash earned.
    years : float
        In which they were made.
    """

    days: Days
    net: FloatArray
    excess: FloatArray
    years: float

    @property
    def rows_per_year(self) -> float:
        """Days with returns in a year; NaN where no time has passed."""
        return len(self.days) / self.years if self.years > 0.0 else np.nan


@dataclass(frozen=True)
class Row:
    """A trial, as the ledger tells of it; its numbers are None until it has finished.

    Parameters
    ----------
    id : int
    key : str
        Of its strategy.
    data : int
        The number of its data.
    kind, source, symbols : str
        Of its data; the last two by their hashes.
    first, last : int
        Days of its data, since 1970-01-01.
    finished : int
        1, or 0.
    n : int, optional
        Days with returns.
    sharpe : float, optional
        Per day, of returns in excess of cash.
    skew, kurtosis, error : float, optional
        Of these returns, and the standard error of `sharpe`: see `engine.study.Track`.
    rows_per_year : float, optional
    """

    id: int
    key: str
    data: int
    kind: str
    source: str
    symbols: str
    first: int
    last: int
    finished: int
    n: int | None
    sharpe: float | None
    skew: float | None
    kurtosis: float | None
    error: float | None
    rows_per_year: float | None

    @property
    def annual(self) -> float | None:
        """Sharpe ratio per year."""
        if self.sharpe is None or self.rows_per_year is None:
            return None
        return self.sharpe * float(np.sqrt(self.rows_per_year))


def to_day(number: int) -> date:
    """Return the date of a number of days."""
    return EPOCH + timedelta(days=number)


def to_number(day: date) -> int:
    """Return the days since 1970-01-01."""
    return (day - EPOCH).days
