"""A fitted model with what its forecasts need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from engine.core.errors import DataError, PluginError
from engine.core.estimators import Predictor
from engine.core.kinds import Model
from engine.core.panel import FloatArray
from engine.core.training import Forecaster, OnlinePredictor, Rows
from engine.forecasts.fits import Fits
from engine.forecasts.known import Known
from engine.forecasts.rows import TableRows, find_rows
from engine.forecasts.scaling import Scaler
from engine.forecasts.table import IntArray
from engine.plugin import calling

BLOCK = 4096  # rows predicted at once
SCALED = 32 * BLOCK  # rows scaled at once


@dataclass(frozen=True, eq=False)
class Taught:
    """A fitted model with what its forecasts need; see `engine.core.training.Forecaster`.

    Parameters
    ----------
    show : callable
        Rows of the table, shape (R,), as a model sees them.
    rows : int array, shape (R,)
        That it learnt from.
    unit : float
        What the target was divided by.
    scaler : Scaler, optional
        Of a predictor's features.
    fits : Fits
        What it was taught on.
    known : Known, optional
        Later labels, which an online predictor is taught between its forecasts; None where it may
        not be.
    partial : bool
        Whether forecasts may be NaN.
    chosen : tuple of str, optional
        The features that it sees, where these are not all.
    blind : sequence of one bool
        Whether it may not be asked of rows that it learnt from: while the model that it is part of
        learns.
    """

    show: Callable[[IntArray], TableRows]
    model: Model
    where: str
    rows: IntArray
    unit: float
    scaler: Scaler | None
    fitted: Predictor | Forecaster
    fits: Fits
    known: Known | None = None
    partial: bool = False
    blind: Sequence[bool] = (False,)
    chosen: tuple[str, ...] | None = None

    def ask(self, rows: IntArray) -> FloatArray:
        """Return forecasts of rows of the table, shape (R,), in the target's units."""
        return self.forecast(self.show(rows))

    def forecast_columns(self, rows: Rows, columns: Mapping[str, FloatArray]) -> FloatArray:
        """Return forecasts of a model that was taught on columns, shape (R,)."""
        found = find_rows(rows)
        table = found.table.put(found.rows, columns, found.table.y[found.rows])
        return self.forecast(replace(found, table=table))

    def forecast(self, rows: Rows) -> FloatArray:
        """Return forecasts of rows, shape (R,), in the target's units."""
        found = find_rows(rows)
        if self.blind[0] and np.isin(found.rows, self.rows).any():
            raise PluginError(
                f"{self.where}: {self.model.name!r} is asked of rows that it learnt from, where it "
                "is better than on any other: learn from training.forecast_outside"
            )
        if self.chosen is not None:
            found = replace(found, table=found.table.pick(self.chosen))
        if isinstance(self.fitted, Forecaster):
            with calling(self.model, f"model {self.model.name!r}", often=True):
                given = self.fitted.forecast(found)
            return self.take(given, len(found.rows))
        return self.take(self._predict(self.fitted, found) * self.unit, len(found.rows))

    def take(self, given: FloatArray, count: int) -> FloatArray:
        """Return forecasts as the engine's own; DataError where they are none."""
        made = np.array(given, np.float64)
        if made.shape != (count,):
            raise DataError(
                f"model {self.model.name!r} forecasts shape {made.shape} for {count} rows in "
                f"{self.where}: return one number a row"
            )
        bad = np.isinf(made) if self.partial else ~np.isfinite(made)
        if bad.any() and self.model.made_elsewhere:
            raise DataError(
                f"model {self.model.name!r} lacks {int(bad.sum())} of {count} forecasts in "
                f"{self.where}: a member of another model must have all; take it alone, or as a "
                "factor of the bundle"
            )
        if bad.any():
            raise DataError(
                f"model {self.model.name!r} forecasts NaN or inf in {self.where}: "
                "look at the factors' scale, or type validation.standardize=true"
            )
        return made

    def _predict(self, fitted: Predictor, rows: TableRows) -> FloatArray:
        """Forecasts of rows, shape (R,), whose features are scaled some at a time."""
        assert self.scaler is not None
        out = np.empty(len(rows.rows))
        if isinstance(fitted, OnlinePredictor) and self.known is not None:
            self._go_on(out, deepcopy(fitted), rows, self.scaler, self.known)
            return out
        for start in range(0, len(out), SCALED):
            some = slice(start, start + SCALED)
            self._fill(out[some], fitted, self.scaler.apply(rows.table, rows.rows[some]))
        return out

    def _go_on(
        self,
        out: FloatArray,
        fitted: OnlinePredictor,
        rows: TableRows,
        scaler: Scaler,
        known: Known,
    ) -> None:
        """Fill in forecasts date by date; before each, teach what has become known by then."""
        table, learnt = rows.table, list[tuple[int, int]]()
        count, since = 0, known.since
        begins = np.append(np.flatnonzero(np.diff(rows.date, prepend=-1)), len(out))
        for start, stop in pairwise(begins.tolist()):
            date = int(rows.date[start])
            for t in known.find_new(since, date):
                some = table.select(((t, t + 1),), learn=True)
                if len(some):
                    with calling(self.model, f"model {self.model.name!r}", often=True):
                        fitted.update(scaler.apply(table, some), table.y[some] / self.unit)
                    learnt.append((t, date))
                    count += len(some)
                since = t + 1
            self._fill(out[start:stop], fitted, scaler.apply(table, rows.rows[start:stop]))
        if learnt:
            self.fits.add(known.note(learnt, count))

    def _fill(self, out: FloatArray, fitted: Predictor, X: FloatArray) -> None:
        """Fill in forecasts of X's rows, in blocks of one size.

        BLAS rounds a row differently in matrices of different heights; in blocks a forecast
        is the same to the last bit whether or not more dates follow.
        """
        for start in range(0, len(X), BLOCK):
            part = X[start : start + BLOCK]
            block = np.zeros((BLOCK, X.shape[1]), order="F")
            block[: len(part)] = part
            with calling(self.model, f"model {self.model.name!r}", often=True):
                forecast = np.asarray(fitted.predict(block), np.float64).reshape(BLOCK)
            out[start : start + BLOCK] = forecast[: len(part)]
