"""Corporate actions: from factor and map files to what a price of then is in shares of now.

A factor row holds for the dates up to its own, from the row before on; so the last row before an
event is dated the event's eve. A map row says under which ticker a security traded up to its date;
the first one is the day of its listing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine import DataError, FloatArray

Days = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Factors:
    """A security's factors; arrays of shape (E,), dates ascending."""

    until: Days
    split: FloatArray  # shares of then for one of the file's end
    dividend: FloatArray  # what reinvested dividends leave of a price

    def at(self, dates: Days, adjusted: str) -> FloatArray:
        """Return the factor of each date, shape (T,): 1 after the last row."""
        both = {"none": self.split * 0 + 1, "splits": self.split}
        factor = both.get(adjusted, self.split * self.dividend)
        at = np.searchsorted(self.until, dates, side="left")
        found: FloatArray = np.append(factor, 1.0)[at]
        return found

    def ratio(self, dates: Days, adjusted: str, now: np.datetime64) -> FloatArray:
        """Return what prices of `dates` are multiplied by for shares of `now`, shape (T,).

        Only events between a date and `now` count: the later ones divide out.
        """
        return self.at(dates, adjusted) / self.at(np.array([now]), adjusted)


@dataclass(frozen=True)
class Tickers:
    """Under which tickers a security traded; arrays of shape (M,), dates ascending."""

    start: np.datetime64
    until: Days
    names: tuple[str, ...]

    def spans(self) -> list[tuple[str, np.datetime64, np.datetime64]]:
        """Each ticker with its first and last day; neighbours of one name are one span."""
        spans: list[tuple[str, np.datetime64, np.datetime64]] = []
        first = self.start
        for name, last in zip(self.names, self.until, strict=True):
            if last < first:
                continue
            if spans and spans[-1][0] == name:
                spans[-1] = (name, spans[-1][1], last)
            else:
                spans.append((name, first, last))
            first = last + np.timedelta64(1, "D")
        return spans


def read_factors(path: Path) -> Factors:
    """Read date, dividend factor and split factor; further columns are left alone.

    Raises
    ------
    DataError
        The file is missing, is no such table, or has a factor that is not positive.
    """
    table = _table(path, 3)
    factors = table[[1, 2]].apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    wrong = np.flatnonzero(~(factors > 0).all(axis=1))
    if len(wrong):
        row = ",".join(map(str, table.iloc[wrong[0]]))
        raise DataError(f"{path} has a factor that is not positive in {row!r}: mend it")
    order = np.argsort(table["day"].to_numpy(), kind="stable")
    day = table["day"].to_numpy()[order]
    return Factors(day, split=factors[order, 1], dividend=factors[order, 0])


def read_tickers(path: Path) -> Tickers:
    """Read date and ticker.

    Raises
    ------
    DataError
        The file is missing, or is no such table.
    """
    table = _table(path, 2).sort_values("day", kind="stable")
    day = table["day"].to_numpy()
    return Tickers(day[0], day, tuple(str(name).lower() for name in table[1]))


def _table(path: Path, width: int) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(f"there is no file {path}: put it there, or leave its symbol out")
    try:
        table = pd.read_csv(path, header=None, dtype=str, keep_default_na=False)
        table["day"] = pd.to_datetime(table[0], format="%Y%m%d").astype("datetime64[s]")
    except (ValueError, OSError) as error:
        reason = str(error).split("\n")[0]
        raise DataError(f"{path} cannot be read ({reason}): expected 20200131,… rows") from error
    if table.shape[1] <= width:
        raise DataError(f"{path} has {table.shape[1] - 1} columns, {width} are needed: mend it")
    return table
