"""Comparing results, and saying where they part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from engine.checks.verdict import Broken
from engine.core.panel import FloatArray

SUMS = 1e-9  # of a row's largest value: what another order of summation may change


@dataclass(frozen=True, eq=False)
class Result:
    """One array that a plugin returned.

    `columns` names its second axis; None for an array of shape (T,). `unbounded` marks one
    that may be infinite, `inner` which part of the plugin gave it.
    """

    array: Any
    columns: tuple[str, ...] | None
    inner: str = ""
    unbounded: bool = False

    @property
    def who(self) -> str:
        """The part, as the start of a message; "" when there is only one."""
        return f"{self.inner}: " if self.inner else ""


Results = dict[str, Result]


def check_shape(results: Results, rows: int) -> None:
    """Raise Broken unless every array has one row per date and its columns."""
    for result in results.values():
        if not isinstance(result.array, np.ndarray):
            kind = type(result.array).__name__
            raise Broken(f"{result.who}returns a {kind}, not a numpy array")
        expected = (rows,) if result.columns is None else (rows, len(result.columns))
        if result.array.shape != expected:
            raise Broken(f"{result.who}has shape {result.array.shape}, not {expected}")


def check_dtype(results: Results) -> None:
    """Raise Broken unless every array is float64."""
    for result in results.values():
        if np.asarray(result.array).dtype != np.float64:
            raise Broken(f"{result.who}is {np.asarray(result.array).dtype}, not float64")


def check_finite(results: Results, dates: pd.DatetimeIndex) -> None:
    """Raise Broken at the first infinite cell."""
    for result in results.values():
        infinite = np.argwhere(np.isinf(np.asarray(result.array, np.float64)))
        if len(infinite) and not result.unbounded:
            place = tuple(int(i) for i in infinite[0])
            raise Broken(
                f"{result.who}on {where(place, dates, result.columns)} is "
                f"{result.array[place]}: write NaN where it is not known"
            )


def where(place: Sequence[int], dates: pd.DatetimeIndex, columns: tuple[str, ...] | None) -> str:
    """``2020-03-11 S03``, the date and column of a cell."""
    day = f"{dates[place[0]]:%Y-%m-%d}"
    return day if columns is None else f"{day} {columns[place[1]]}"


def first_difference(
    a: FloatArray, b: FloatArray, tolerance: float = 0.0
) -> tuple[int, ...] | None:
    """Return the place of the first cell, by row, that differs; None when there is none.

    NaN equals NaN. `tolerance` is a fraction of the row's largest size; with 0 the values
    must be equal to the last bit.
    """
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    if tolerance:
        sizes = np.fmax(np.abs(a), np.abs(b))
        sizes = np.where(np.isfinite(sizes), sizes, 0.0)
        largest = sizes if a.ndim == 1 else sizes.max(axis=1, initial=0.0, keepdims=True)
        with np.errstate(invalid="ignore"):
            same |= np.abs(a - b) <= tolerance * largest
    parted = np.argwhere(~same)
    return tuple(int(i) for i in parted[0]) if len(parted) else None


def check_same(
    one: Results,
    two: Results,
    dates: pd.DatetimeIndex,
    text: str,
    tolerance: float = 0.0,
) -> None:
    """Raise Broken where the common first rows of two results part.

    `text` is the message, with ``{at}``, ``{one}`` and ``{two}`` for the place and values.
    """
    if set(one) != set(two):
        raise Broken(f"returns {sorted(one)} once and {sorted(two)} another time")
    for name, result in one.items():
        a, b = np.asarray(result.array), np.asarray(two[name].array)
        rows = min(len(a), len(b), len(dates)) if a.ndim and b.ndim else 0
        if a.shape[1:] != b.shape[1:] or not rows:
            raise Broken(f"{result.who}has shape {a.shape} once and {b.shape} another time")
        place = first_difference(a[:rows], b[:rows], tolerance)
        if place is not None:
            at = where(place, dates, result.columns)
            raise Broken(result.who + text.format(at=at, one=float(a[place]), two=float(b[place])))
