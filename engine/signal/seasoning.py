"""Which values are old enough to count: a 200-row factor of a name with two bars says nothing.

The language gives a window a value from its first row on; that rule stands, and so do the
factors as they are written. What reads them as knowledge (the signal, training, statistics)
takes a value only from the row on which its symbol has had a share of the longest window in
bars.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.core.panel import ROUNDING, BoolArray, FloatArray, Panel


def is_young(panel: Panel, rows: float) -> BoolArray:
    """Where a symbol has had fewer bars than these, the row's own included, shape (T, N)."""
    early: BoolArray = find_age(panel) < rows - ROUNDING
    return early


def find_age(panel: Panel) -> npt.NDArray[np.int32]:
    """How many bars a symbol has had, the row's own included, shape (T, N)."""
    return np.cumsum(panel.present, axis=0, dtype=np.int32)


@dataclass(frozen=True, eq=False)
class Masked(Mapping[str, FloatArray]):
    """Columns without the values of names that are too young, made when they are asked for.

    A second copy of all factors is as large as the first; most are read once, or never.

    Parameters
    ----------
    columns : mapping of str to float array, shape (T, N)
    age : int array, shape (T, N)
        Bars that a symbol has had, the row's own included.
    least : mapping of str to float
        Bars that a value needs, of the columns in which some have fewer.
    """

    columns: Mapping[str, FloatArray]
    age: npt.NDArray[np.int32]
    least: Mapping[str, float]

    def __getitem__(self, name: str) -> FloatArray:
        column = self.columns[name]
        if name not in self.least:
            return column
        return np.where(self.age < self.least[name] - ROUNDING, np.nan, column)

    def find_young(self) -> dict[str, BoolArray]:
        """Where values are taken out, shape (T, N), of the columns that have some."""
        young = {least: self.age < least - ROUNDING for least in {*self.least.values()}}
        return {name: young[least] for name, least in self.least.items()}

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def add(self, name: str, column: FloatArray) -> Masked:
        """The same with one more column, which is not masked."""
        least = {each: rows for each, rows in self.least.items() if each != name}
        return Masked({**self.columns, name: column}, self.age, least)


def mask_young(
    columns: Mapping[str, FloatArray], windows: Mapping[str, int], panel: Panel, share: float
) -> Masked:
    """Return the columns with NaN where their symbols are too young for their windows.

    Parameters
    ----------
    columns : mapping of str to float array, shape (T, N)
    windows : mapping of str to int
        Rows of each column's longest window.
    panel : Panel
    share : float
        Of the longest window, that a symbol must have in bars.

    Returns
    -------
    mapping of str to float array, shape (T, N)
        Row t depends on the bars up to t. Where nothing is too young it is the array itself.
    """
    age, least = find_age(panel), {}
    for rows in sorted({windows[name] for name in columns if share * windows[name] > 1.0}):
        early = age < share * rows - ROUNDING
        for name in columns:
            if windows[name] == rows and np.isfinite(columns[name][early]).any():
                least[name] = share * rows
    return Masked(columns, age, least)
