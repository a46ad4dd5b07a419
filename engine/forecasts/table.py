"""The features as one table: a row per (date, symbol), a column per feature.

```
 X (K, R)   feature 0  | date 0: A B C | date 1: A C | date 2: A B C D | …  memory →
            feature 1  | …
 start (T + 1,)          0               3             5                 9
```
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from engine.core.errors import ConfigError, DataError
from engine.core.panel import BoolArray, FloatArray
from engine.forecasts.labels import Labels
from engine.forecasts.ranges import Ranges
from engine.forecasts.splits import Validation

IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Table:
    """The features, stacked: R rows (date-major, symbols by name), K columns."""

    names: tuple[str, ...]
    X: FloatArray  # (K, R): a feature is contiguous, a window of dates a slice of it
    y: FloatArray  # (R,)
    cells: IntArray  # (R,) flat positions in a (T, N) array
    place: IntArray  # (N,) of each column among the symbols by name
    start: IntArray  # (T + 1,) where each date's rows begin
    first: int  # first date with something to learn from
    complete_only: bool  # a row without one of its features is not used

    @classmethod
    def stack(
        cls,
        features: Mapping[str, FloatArray],
        labels: Labels,
        validation: Validation,
        where: BoolArray | None,
        regimes: Mapping[str, FloatArray] | None,
    ) -> Table:
        """Stack features, each of shape (T, N), and regimes, each of shape (T,)."""
        if not features:
            raise ConfigError(
                "a model needs at least one factor: choose one, such as factors=core_ta_price"
            )
        shape = labels.values.shape
        some = np.zeros(shape, bool)
        for name, array in features.items():
            if array.shape != shape:
                raise DataError(f"factor {name!r} has shape {array.shape}, the labels have {shape}")
            some |= np.isfinite(array)
        some &= True if where is None else where
        order = np.argsort(np.array(labels.symbols))
        rows, columns = np.nonzero(some[:, order])
        cells = rows * shape[1] + order[columns]
        start = np.searchsorted(rows, np.arange(shape[0] + 1))
        states = _regime_features(regimes, validation)
        names = (*sorted(features), *sorted(states))
        X = np.empty((len(names), len(cells)))
        for k, name in enumerate(sorted(features)):
            np.take(features[name].ravel(), cells, out=X[k])
        for k, name in enumerate(sorted(states), start=len(features)):
            np.take(states[name], rows, out=X[k])
        y = labels.target.ravel()[cells]
        usable = rows[np.isfinite(y)]
        first = int(usable[0]) if len(usable) else shape[0]
        return cls(names, X, y, cells, np.argsort(order), start, first, validation.impute == "drop")

    def put(
        self, rows: IntArray, columns: Mapping[str, FloatArray] | None, target: FloatArray
    ) -> Table:
        """Return a table with other features or another target on some rows, and on no other.

        Parameters
        ----------
        rows : int array, shape (r,)
        columns : mapping of str to float array, shape (r,), or None
            In place of the features. A row that lacks one of them has no target.
        target : float array, shape (r,)
        """
        y = np.full(len(self.y), np.nan)
        y[rows] = target
        if columns is None:
            return replace(self, y=y)
        X = np.full((len(columns), len(self.y)), np.nan)
        for k, name in enumerate(sorted(columns)):
            X[k, rows] = columns[name]
            y[rows[~np.isfinite(columns[name])]] = np.nan
        return replace(self, names=tuple(sorted(columns)), X=X, y=y)

    def dates(self, rows: IntArray) -> IntArray:
        """Return the date of each row."""
        dates: IntArray = self._date[rows]
        return dates

    @cached_property
    def _date(self) -> IntArray:
        dates: IntArray = np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))
        return dates

    @cached_property
    def symbols(self) -> IntArray:
        """The place of each row's symbol among all, by name, shape (R,)."""
        places: IntArray = self.place[self.cells % len(self.place)]
        return places

    def span(self, start: int, stop: int) -> slice:
        """Return the rows of the dates [start, stop)."""
        return slice(int(self.start[start]), int(self.start[max(start, stop)]))

    def select(self, ranges: Ranges, *, learn: bool) -> IntArray:
        """Return the rows of ranges of dates that may be forecast, or learnt from."""
        allowed = self.learnable if learn else self.usable
        spans = [self.span(*some) for some in ranges]
        found = [np.flatnonzero(allowed[span]) + span.start for span in spans]
        chosen: IntArray = np.concatenate([np.empty(0, np.intp), *found])
        return chosen

    @cached_property
    def usable(self) -> BoolArray:
        """Whether a row may be forecast, shape (R,)."""
        usable = np.ones(len(self.y), bool)
        if self.complete_only:
            for column in self.X:
                usable &= np.isfinite(column)
        return usable

    @cached_property
    def learnable(self) -> BoolArray:
        """Whether a row may be forecast and has a target, shape (R,)."""
        learnable: BoolArray = self.usable & np.isfinite(self.y)
        return learnable


def _regime_features(
    regimes: Mapping[str, FloatArray] | None, validation: Validation
) -> Mapping[str, FloatArray]:
    if not validation.use_regimes:
        return {}
    if not regimes:
        raise ConfigError(
            "validation.use_regimes=true needs a regime: choose one, such as regime=threshold"
        )
    return {f"regime_{state}": column for state, column in regimes.items()}
