"""A fitted model with what its forecasts need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.core.errors import DataError, PluginError
from engine.core.estimators import Predictor
from engine.core.kinds import Model
from engine.core.panel import FloatArray
from engine.core.training import Forecaster, Rows
from engine.forecasts.fits import Fit
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
    fits : tuple of Fit
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
    fits: tuple[Fit, ...]
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
        if not np.isfinite(made).all():
            raise DataError(
                f"model {self.model.name!r} forecasts NaN or inf in {self.where}: "
                "look at the factors' scale, or type validation.standardize=true"
            )
        return made

    def _predict(self, fitted: Predictor, rows: TableRows) -> FloatArray:
        """Forecasts of rows, shape (R,), whose features are scaled some at a time."""
        assert self.scaler is not None
        out = np.empty(len(rows.rows))
        for start in range(0, len(out), SCALED):
            some = slice(start, start + SCALED)
            self._fill(out[some], fitted, self.scaler.apply(rows.table, rows.rows[some]))
        return out

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
