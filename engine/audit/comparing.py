"""Where two results part: date, column, and both values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.audit.views import View
from engine.core.panel import BoolArray, FloatArray

FAINT = 1e-6  # of a value: a difference that could be taken for rounding
ROUNDING = 1e-9  # of a row's largest: what sums over other columns may round otherwise
SAME, ROUNDED, PARTED = "same", "rounded", "parted"


@dataclass(frozen=True)
class Difference:
    """The first cell in which a result is another.

    Parameters
    ----------
    item : str
        Of what: a factor, a price, the score.
    row : int
    date : str
    column : str
        The symbol, or the state; "" for what has one value a date.
    run, variant : str
        The value in the run, and in the variant.
    cells : int
        In how many cells they differ.
    largest : str
        Where they differ most, if the first difference could be taken for rounding.
    """

    item: str
    row: int
    date: str
    column: str
    run: str
    variant: str
    cells: int
    largest: str = ""


@dataclass(frozen=True)
class Outcome:
    """How two results compare; of what parted, where first."""

    how: str
    first: Difference | None = None


def compare(
    item: str, ours: View, theirs: View, dates: pd.DatetimeIndex, stop: int, exact: bool
) -> Outcome:
    """Compare the first `stop` rows of the run's view with those of a variant's.

    Parameters
    ----------
    item : str
    ours, theirs : View
        Columns that the variant lacks are of names that nobody had heard of.
    dates : pandas.DatetimeIndex, shape (T,)
        The run's.
    stop : int
    exact : bool
        Whether the least bit counts. It does not where the columns are others, and sums round
        otherwise.
    """
    one, two = np.asarray(ours.values)[:stop], np.asarray(theirs.values)[:stop]
    columns = ours.columns
    if columns is not None and theirs.columns is not None and columns != theirs.columns:
        common, here, there = np.intersect1d(columns, theirs.columns, return_indices=True)
        one, two, columns = one[:, here], two[:, there], tuple(map(str, common))
    if one.shape != two.shape:
        first = Difference(item, 0, "", "", f"{len(one)} rows", f"{len(two)} rows", 0)
        return Outcome(PARTED, first)
    same = _find_same(one, two)
    if same.all():
        return Outcome(SAME)
    if not exact and one.dtype.kind == "f":
        same |= _find_rounded(one, two)
        if same.all():
            return Outcome(ROUNDED)
    at = tuple(int(i) for i in np.argwhere(~same)[0])
    column = "" if columns is None else columns[at[1]]
    cells = int((~same).sum())
    date, values = tell_date(dates[at[0]]), (_write(one[at]), _write(two[at]))
    largest = _tell_largest(one, two, at, dates, columns)
    return Outcome(PARTED, Difference(item, at[0], date, column, *values, cells, largest))


def _tell_largest(
    one: npt.NDArray[Any],
    two: npt.NDArray[Any],
    at: tuple[int, ...],
    dates: pd.DatetimeIndex,
    columns: tuple[str, ...] | None,
) -> str:
    """Where two results differ most; "" where their first difference, `at`, is plain enough."""
    if one.dtype.kind != "f" or not abs(one[at] - two[at]) <= FAINT * abs(one[at]):
        return ""
    gaps = np.abs(one - two)
    flat = int(np.where(np.isfinite(gaps), gaps, -1.0).argmax())
    most = [int(place) for place in np.unravel_index(flat, gaps.shape)]
    where = tell_date(dates[most[0]]) + ("" if columns is None else f" {columns[most[1]]}")
    return f"{where}: {_write(one[*most])} and {_write(two[*most])}"


def tell_date(date: pd.Timestamp) -> str:
    """A date as it is typed, with its time where it has one."""
    return f"{date:%Y-%m-%d %H:%M}".removesuffix(" 00:00")


def _find_same(one: npt.NDArray[Any], two: npt.NDArray[Any]) -> BoolArray:
    same: BoolArray = one == two
    if one.dtype.kind == "f" and two.dtype.kind == "f":
        same |= np.isnan(one) & np.isnan(two)
    return same


def _find_rounded(one: FloatArray, two: FloatArray) -> BoolArray:
    """Where two values differ by rounding alone: of their row, or of a series by itself."""
    sizes = np.fmax(np.abs(one), np.abs(two))
    sizes = np.where(np.isfinite(sizes), sizes, 0.0)
    largest = sizes.max(axis=-1 if one.ndim == 2 else 0, initial=0.0, keepdims=True)
    with np.errstate(invalid="ignore"):
        rounded: BoolArray = np.abs(one - two) <= ROUNDING * largest
    return rounded


def _write(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (str, np.str_)):
        return str(value) or "none"
    if isinstance(value, (int, np.integer)):
        return str(value)
    return "none" if np.isnan(value) else repr(float(value))
