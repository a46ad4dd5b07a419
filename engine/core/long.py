"""Arrays of dates and symbols as the rows of a long frame, all at once or some at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd


@dataclass(frozen=True, eq=False)
class Long:
    """The rows of a long frame, sorted by timestamp, then symbol.

    The frame of thirty columns is as large as the arrays themselves, so what goes through it
    once, such as a writer of files, takes some rows at a time.

    Parameters
    ----------
    dates : pandas.DatetimeIndex, length T
    symbols : tuple of str, length N
    columns : mapping of str to array, shape (T, N)
    flat : int array, shape (n,)
        The cells that are rows, ascending, by their place in a flat array.
    """

    dates: pd.DatetimeIndex
    symbols: tuple[str, ...]
    columns: Mapping[str, npt.NDArray[np.generic]]
    flat: npt.NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.flat)

    def __getitem__(self, rows: slice) -> Long:
        """Some of the rows."""
        return replace(self, flat=self.flat[rows])

    def frame(self) -> pd.DataFrame:
        """Return the frame: ``timestamp`` (UTC), ``symbol`` (categorical), one per array."""
        row, column = np.divmod(self.flat, len(self.symbols))
        kind = pd.CategoricalDtype(list(self.symbols))
        codes: npt.NDArray[np.int64] = column.astype(np.int64)
        data = {
            "timestamp": self.dates[row],
            "symbol": pd.Categorical.from_codes(codes, dtype=kind),
        }
        keys = pd.DataFrame(data)
        values = {
            name: array.ravel()[self.flat] if array.flags.c_contiguous else array[row, column]
            for name, array in self.columns.items()
        }
        if not values:
            return keys
        return pd.concat([keys, pd.DataFrame(values, copy=False)], axis=1)
