"""How the engine trains a model on rows of a table, at whatever depth.

1. The last dates are held out where the model wants a tail; rows are purged from them.
2. The model is handed a `Lesson`. A model of X and y takes its scaled features; one that is made of
   others has each trained here again, on the same rows or on those of a fold, so that a sub-model
   learns as it would alone.
3. Each fit leaves which rows it saw (`engine.forecasts.fits`); those of sub-models are named after
   their keys: ``fold 2, ridge: scaler``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from engine.core.errors import ConfigError, DataError, PluginError
from engine.core.estimators import Predictor
from engine.core.kinds import Model
from engine.core.panel import FloatArray
from engine.core.training import Forecaster, Rows
from engine.forecasts.fits import Fit
from engine.forecasts.labels import Labels
from engine.forecasts.lesson import Lesson
from engine.forecasts.moments import Moments, Solved
from engine.forecasts.ranges import to_rows
from engine.forecasts.rows import Part, TableRows, find_rows
from engine.forecasts.scaling import Scaler, learn_medians
from engine.forecasts.splits import Validation, Window
from engine.forecasts.table import IntArray, Table
from engine.plugin import calling

BLOCK = 4096  # rows predicted at once


@dataclass(frozen=True, eq=False)
class Teacher:
    """What all trainings of one run share; `first` is the first window."""

    table: Table
    first: Window
    labels: Labels
    validation: Validation
    seed: int
    states: Mapping[str, FloatArray]

    @cached_property
    def moments(self) -> Moments:
        """The sums that trainings share; of no use to a model that is trained on rows."""
        return Moments.of(self.table, self.first)

    def teach(self, model: Model, part: Part, where: str) -> Taught:
        """Train a model; `where` says which training it is, for messages."""
        table, end = self.table, self.labels.end
        fit, tail = self._divide(model, part)
        rows = fit.select(table)
        self._refuse_few(where, rows)
        deviation = float(np.std(table.y[rows]))
        unit = deviation if deviation > 0.0 else 1.0
        if model.is_solved and part.kept is None:
            medians = learn_medians(table, rows)
            solved = self.moments.train(
                model, fit.dates, medians, unit, self.validation.standardize
            )
            if solved is not None:
                return self._take(model, where, rows, unit, medians, solved)
        lesson = Lesson(self, model, fit, tail, where, rows, unit)
        with calling(model, f"model {model.name!r}"):
            fitted = model.learn(lesson)
        lesson.learning[0] = False
        learnt = Fit.of("model", table, rows, end)
        scaler = None if isinstance(fitted, Forecaster) else lesson.scaler
        return Taught(self, model, where, rows, unit, scaler, fitted, lesson.list_fits(learnt))

    def show(self, rows: IntArray) -> TableRows:
        """Return rows of the table as a model sees them."""
        return TableRows(self.table, rows, self.states)

    def _take(
        self,
        model: Model,
        where: str,
        rows: IntArray,
        unit: float,
        medians: FloatArray,
        solved: Solved,
    ) -> Taught:
        end = self.labels.end
        learnt = Fit.on("model", solved.dates, solved.rows, end)
        fits = (
            Fit.of("medians", self.table, rows, end),
            replace(learnt, what="scaler"),
            learnt,
        )
        return Taught(self, model, where, rows, unit, solved.scaler, solved.weights, fits)

    def _refuse_few(self, where: str, rows: IntArray) -> None:
        chosen = self.validation
        if len(rows) >= chosen.min_train_rows:
            return
        ways = ["a lower validation.min_train_rows"]
        if chosen.learning_curve:
            ways.insert(0, "more years in validation.learning_curve")
        if not chosen.trains_on_later:
            ways.insert(0, f"validation.min_train={2 * chosen.min_train}")
        raise ConfigError(
            f"{where} has {len(rows)} training rows, validation.min_train_rows="
            f"{chosen.min_train_rows} are needed: type {' or '.join(ways)}"
        )

    def _divide(self, model: Model, part: Part) -> tuple[Part, Part]:
        """The rows to fit, and those held out for early stopping, purged by the labels' ends."""
        if not model.wants_tail:
            return part, Part(())
        dates = to_rows(part.dates)
        start = int(dates[-max(1, round(self.validation.tail * len(dates)))])
        known = self.labels.end + self.validation.embargo
        fit_stop = int(np.searchsorted(known, start, side="left"))
        first, last = part.dates[0][0], part.dates[-1][1]
        return part.clip(first, fit_stop), part.clip(start, last)


@dataclass(frozen=True, eq=False)
class Taught:
    """A fitted model with what its forecasts need; see `engine.core.training.Forecaster`.

    Parameters
    ----------
    rows : int array, shape (R,)
        That it learnt from.
    unit : float
        What the target was divided by.
    scaler : Scaler, optional
        Of a predictor's features.
    fits : tuple of Fit
    blind : sequence of one bool
        Whether it may not be asked of rows that it learnt from: while the model that it is part of
        learns.
    """

    teacher: Teacher
    model: Model
    where: str
    rows: IntArray
    unit: float
    scaler: Scaler | None
    fitted: Predictor | Forecaster
    fits: tuple[Fit, ...]
    blind: Sequence[bool] = (False,)

    def ask(self, rows: IntArray) -> FloatArray:
        """Return forecasts of rows of the table, shape (R,), in the target's units."""
        return self.forecast(self.teacher.show(rows))

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
        if isinstance(self.fitted, Forecaster):
            with calling(self.model, f"model {self.model.name!r}", often=True):
                given = self.fitted.forecast(found)
            return self.take(given, len(found.rows))
        assert self.scaler is not None
        made = self._predict(self.fitted, self.scaler.apply(found.table, found.rows))
        return self.take(made * self.unit, len(found.rows))

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

    def _predict(self, fitted: Predictor, X: FloatArray) -> FloatArray:
        """Forecasts, shape (rows,), in blocks of one size.

        BLAS rounds a row differently in matrices of different heights; in blocks a forecast
        is the same to the last bit whether or not more dates follow.
        """
        out = np.empty(len(X))
        for start in range(0, len(X), BLOCK):
            part = X[start : start + BLOCK]
            block = np.zeros((BLOCK, X.shape[1]), order="F")
            block[: len(part)] = part
            with calling(self.model, f"model {self.model.name!r}", often=True):
                forecast = np.asarray(fitted.predict(block), np.float64).reshape(BLOCK)
            out[start : start + BLOCK] = forecast[: len(part)]
        return out
