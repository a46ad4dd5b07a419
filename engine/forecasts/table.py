"""The features as one table: a row per (date, symbol), a column per feature.

The features stay where they lie, in arrays of dates and symbols: all of them once more would be as
much memory as the engine needs for everything else. A row knows its cell.

```
 columns[k] (T·N,)   date 0: A B C D | date 1: A B C D | date 2: A B C D | …   memory →
 cells (R,)                  0 1 2           4   6             8 9 10 11       rows have something
 start (T + 1,)              0               3                 5
```
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
DateArray = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Table:
    """The features, stacked: R rows (date-major, symbols by name), K columns."""

    names: tuple[str, ...]
    columns: tuple[FloatArray, ...]  # K of (T * N,)
    hidden: tuple[BoolArray | None, ...]  # K of (T * N,): what of a column is not to be read
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
        hidden: Mapping[str, BoolArray] | None = None,
    ) -> Table:
        """Stack features, each of shape (T, N), and regimes, each of shape (T,)."""
        if not features:
            raise ConfigError(
                "a model needs at least one factor: choose one, such as factors=core_ta_price"
            )
        shape, hidden = labels.values.shape, hidden or {}
        some = np.zeros(shape, bool)
        for name, array in features.items():
            if array.shape != shape:
                raise DataError(f"factor {name!r} has shape {array.shape}, the labels have {shape}")
            known = np.isfinite(array)
            some |= known & ~hidden[name] if name in hidden else known
        some &= True if where is None else where
        order = np.argsort(np.array(labels.symbols))
        cells = _list_cells(some, order)
        start = np.append(0, np.cumsum(some.sum(axis=1)))
        states = _regime_features(regimes, validation)
        names = (*sorted(features), *sorted(states))
        columns = [np.ascontiguousarray(features[name]).ravel() for name in sorted(features)]
        columns += [np.repeat(states[name], shape[1]) for name in sorted(states)]
        masks = [hidden[name].ravel() if name in hidden else None for name in sorted(features)]
        masks += [None] * len(states)
        y = labels.target.ravel()[cells]
        usable = np.flatnonzero(np.isfinite(y))[:1]
        first = int(np.searchsorted(start, usable[0], "right")) - 1 if len(usable) else shape[0]
        return cls(
            names=names,
            columns=tuple(columns),
            hidden=tuple(masks),
            y=y,
            cells=cells,
            place=np.argsort(order),
            start=start,
            first=first,
            complete_only=validation.impute == "drop",
        )

    def pick(self, names: Sequence[str]) -> Table:
        """Return the table with some of its features, in their order; nothing is copied."""
        at = [k for k, name in enumerate(self.names) if name in set(names)]
        return replace(
            self,
            names=tuple(self.names[k] for k in at),
            columns=tuple(self.columns[k] for k in at),
            hidden=tuple(self.hidden[k] for k in at),
        )

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
        names, laid = tuple(sorted(columns)), []
        for name in names:
            column = np.full(len(self.columns[0]), np.nan)
            column[self.cells[rows]] = columns[name]
            laid.append(column)
            y[rows[~np.isfinite(columns[name])]] = np.nan
        hidden = (None,) * len(names)
        return replace(self, names=names, columns=tuple(laid), hidden=hidden, y=y)

    def read(self, k: int, cells: IntArray, out: FloatArray | None = None) -> FloatArray:
        """Return a feature's values in the cells of some rows; NaN where there is none."""
        values = np.take(self.columns[k], cells, out=out, mode="clip")  # in range: not buffered
        hidden = self.hidden[k]
        if hidden is not None:
            values[hidden[cells]] = np.nan
        return values

    def dates(self, rows: IntArray) -> DateArray:
        """Return the date of each row."""
        dates: DateArray = self._date[rows]
        return dates

    @cached_property
    def _date(self) -> DateArray:
        return np.repeat(np.arange(len(self.start) - 1, dtype=np.int32), np.diff(self.start))

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
        none = np.empty(0, np.intp)
        chosen: IntArray = found[0] if len(found) == 1 else np.concatenate([none, *found])
        return chosen

    @cached_property
    def usable(self) -> BoolArray:
        """Whether a row may be forecast, shape (R,)."""
        usable = np.ones(len(self.y), bool)
        if self.complete_only:
            for k in range(len(self.columns)):
                usable &= np.isfinite(self.read(k, self.cells))
        return usable

    @cached_property
    def learnable(self) -> BoolArray:
        """Whether a row may be forecast and has a target, shape (R,)."""
        learnable: BoolArray = self.usable & np.isfinite(self.y)
        return learnable


def _list_cells(some: BoolArray, order: IntArray) -> IntArray:
    """Flat positions of some cells, date by date, the symbols of each in an order."""
    if (order == np.arange(len(order))).all():
        return np.flatnonzero(some)
    rows, columns = np.nonzero(some[:, order])
    return rows * len(order) + order[columns]


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
