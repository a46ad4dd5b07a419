"""One training: fit on a window's rows or their sums, forecast its test rows, judge both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from time import perf_counter

import numpy as np

from engine.core.errors import ConfigError, DataError
from engine.core.estimators import Predictor
from engine.core.kinds import Model
from engine.core.panel import FloatArray
from engine.forecasts.errors import Errors
from engine.forecasts.fits import Fit
from engine.forecasts.labels import Labels
from engine.forecasts.moments import Moments
from engine.forecasts.ranges import Ranges, clip, to_rows
from engine.forecasts.scaling import Scaler
from engine.forecasts.splits import Validation, Window
from engine.forecasts.table import IntArray, Table
from engine.kernels.medians import Medians
from engine.plugin import calling
from engine.study.ic import RankedOutcome, correlate  # the training statistic

BLOCK = 4096  # rows predicted at once
SCALED = 32 * BLOCK  # rows scaled at once


@dataclass(frozen=True)
class Split:
    """One training and the dates it forecasts.

    `window` has the dates, as ranges of rows. `fits` are what was learnt, and from which rows.
    `inside` are the errors over every horizon-th training date, `outside` those of the forecasts.
    `importances` are |coefficients| or the estimator's own, by feature; None when it has none.
    """

    index: int
    window: Window
    n_train: int
    inside: Errors
    outside: Errors
    seconds: float
    importances: Mapping[str, float] | None
    fits: tuple[Fit, ...]

    @property
    def train_start(self) -> int:
        """First training date."""
        return self.window.train[0][0]

    @property
    def purged_stop(self) -> int:
        """First row after the last training date."""
        return self.window.train[-1][1]

    @property
    def test_start(self) -> int:
        """First date that is forecast."""
        return self.window.test[0][0]

    @property
    def test_stop(self) -> int:
        """First row after the last date that is forecast."""
        return self.window.test[-1][1]

    @property
    def train_ic(self) -> float:
        """Mean rank IC over every horizon-th training date; NaN when there is none."""
        return self.inside.rank_ic

    @property
    def test_ic(self) -> float:
        """Mean rank IC of the forecasts; NaN when there is none."""
        return self.outside.rank_ic


@dataclass(frozen=True, eq=False)
class Ahead:
    """Forecasts of one training's test rows, in the target's units.

    Parameters
    ----------
    rows : int array, shape (R,)
        Of the table.
    values : float array, shape (R,)
    dates : int array, shape (D,)
        That have a row.
    rank_ic : float array, shape (D,)
        Against the forward return.
    """

    rows: IntArray
    values: FloatArray
    dates: IntArray
    rank_ic: FloatArray


@dataclass(frozen=True, eq=False)
class Trained:
    """A fitted model with what its forecasts need."""

    rows: IntArray
    unit: float  # what the target was divided by
    scaler: Scaler
    fitted: Predictor
    fits: tuple[Fit, ...]


@dataclass(frozen=True, eq=False)
class Trainer:
    """What all trainings of one run share; `first` is the first window."""

    table: Table
    first: Window
    labels: Labels
    model: Model
    validation: Validation
    seed: int

    @cached_property
    def outcome(self) -> RankedOutcome:
        """Forward returns, ranked once for all splits; they judge forecasts, and train nothing."""
        return RankedOutcome.of(self.labels.values)

    @cached_property
    def moments(self) -> Moments | None:
        """The sums that splits share; None for a model that is trained on rows."""
        return Moments.of(self.table, self.first) if self.model.is_solved else None

    def run(self, index: int, window: Window) -> tuple[Split, Ahead]:
        """Train on a window, and forecast its test dates."""
        began, table = perf_counter(), self.table
        trained = self._train(index, window)
        sampled = self._sample(trained.rows, window)
        inside = self._predict(trained, sampled, index)
        learnt = Errors.of(
            inside * trained.unit, table.y[sampled], _mean(self._rank(sampled, inside)[1])
        )
        rows = table.select(window.test, learn=False)
        values = self._predict(trained, rows, index)
        values *= trained.unit
        ahead = Ahead(rows, values, *self._rank(rows, values))
        split = Split(
            index=index,
            window=window,
            n_train=len(trained.rows),
            inside=learnt,
            outside=Errors.of(values, table.y[rows], _mean(ahead.rank_ic)),
            seconds=perf_counter() - began,
            importances=_importances(trained.fitted, table.names),
            fits=trained.fits,
        )
        return split, ahead

    def _train(self, index: int, window: Window) -> Trained:
        table, end = self.table, self.labels.end
        fit, tail = self._divide(window)
        rows = table.select(fit, learn=True)
        self._refuse_few(index, rows)
        deviation = _deviate(table.y[rows])
        unit = deviation if deviation > 0.0 else 1.0
        medians = self._learn_medians(rows)
        filled = Fit.of("medians", table, rows, end)
        if self.moments is not None:
            solved = self.moments.train(
                self.model, window, medians, unit, self.validation.standardize
            )
            if solved is not None:
                model = Fit.on("model", solved.dates, solved.rows, end)
                fits = (filled, replace(model, what="scaler"), model)
                return Trained(rows, unit, solved.scaler, solved.weights, fits)
        return self._fit(rows, table.select(tail, learn=True), medians, unit, filled)

    def _sample(self, rows: IntArray, window: Window) -> IntArray:
        """The training rows of every horizon-th date."""
        dates = self.table.dates(rows) - window.train[0][0]
        sampled: IntArray = rows[dates % self.labels.horizon == 0]
        return sampled

    @cached_property
    def _medians(self) -> Medians:
        return Medians(self.table.columns, self.table.hidden)

    def _learn_medians(self, rows: IntArray) -> FloatArray:
        """Each feature's median over rows, shape (K,); 0 without any."""
        keep = np.zeros(self.labels.values.size, bool)
        keep[self.table.cells[rows]] = True
        return np.nan_to_num(self._medians.over(keep), copy=False)

    def _refuse_few(self, index: int, rows: IntArray) -> None:
        chosen = self.validation
        if len(rows) >= chosen.min_train_rows:
            return
        ways = ["a lower validation.min_train_rows"]
        if chosen.learning_curve:
            ways.insert(0, "more years in validation.learning_curve")
        if not chosen.trains_on_later:
            ways.insert(0, f"validation.min_train={2 * chosen.min_train}")
        raise ConfigError(
            f"split {index} has {len(rows)} training rows, validation.min_train_rows="
            f"{chosen.min_train_rows} are needed: type {' or '.join(ways)}"
        )

    def _fit(
        self, rows: IntArray, held: IntArray, medians: FloatArray, unit: float, filled: Fit
    ) -> Trained:
        """Train on rows, and on those that are held out for early stopping if the model wants."""
        table, end = self.table, self.labels.end
        scaler, X = Scaler.fit(table, rows, medians, self.validation.standardize)
        fits = [filled, *(Fit.of(what, table, rows, end) for what in ("scaler", "model"))]
        tail = None
        if self.model.wants_tail:
            tail = scaler.apply(table, held), table.y[held] / unit
            fits.append(Fit.of("early stopping", table, held, end))
        with calling(self.model, f"model {self.model.name!r}"):
            fresh = self.model.estimator(self.seed)
            fitted = self.model.train(fresh, X, table.y[rows] / unit, tail)
        return Trained(rows, unit, scaler, fitted, tuple(fits))

    def _divide(self, window: Window) -> tuple[Ranges, Ranges]:
        """The dates to fit, and those held out for early stopping, purged by the labels' ends."""
        if not self.model.wants_tail:
            return window.train, ()
        dates = to_rows(window.train)
        start = int(dates[-max(1, round(self.validation.tail * len(dates)))])
        known = self.labels.end + self.validation.embargo
        fit_stop = int(np.searchsorted(known, start, side="left"))
        first, last = window.train[0][0], window.train[-1][1]
        return clip(window.train, first, fit_stop), clip(window.train, start, last)

    def _predict(self, trained: Trained, rows: IntArray, index: int) -> FloatArray:
        """Forecasts of rows, shape (rows,), whose features are scaled some at a time."""
        out = np.empty(len(rows))
        for start in range(0, len(rows), SCALED):
            some = slice(start, start + SCALED)
            self._fill(out[some], trained.fitted, trained.scaler.apply(self.table, rows[some]))
        if not np.isfinite(out).all():
            raise DataError(
                f"model {self.model.name!r} forecasts NaN or inf in split {index}: "
                "look at the factors' scale, or type validation.standardize=true"
            )
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

    def _rank(self, rows: IntArray, forecast: FloatArray) -> tuple[IntArray, FloatArray]:
        """The dates of rows, and the rank IC on each against the forward return."""
        if len(rows) == 0:
            return np.empty(0, np.intp), np.empty(0)
        N = self.labels.values.shape[1]
        begins = np.diff(self.table.dates(rows), prepend=-1) > 0
        dates = self.table.dates(rows[begins]).astype(np.intp)
        wide = np.full((len(dates), N), np.nan)
        wide[np.cumsum(begins) - 1, self.table.cells[rows] % N] = forecast
        return dates, correlate(wide, self.outcome, rows=dates, pearson=False).rank_ic


def _deviate(y: FloatArray) -> float:
    """`numpy.std`, to the last bit, in the memory of its argument."""
    y -= y.sum() / len(y)
    np.multiply(y, y, out=y)
    return float(np.sqrt(y.sum() / len(y)))


def _mean(daily: FloatArray) -> float:
    """Mean of the dates that have one; NaN without any."""
    daily = daily[np.isfinite(daily)]
    return float(daily.mean()) if len(daily) else float("nan")


def _importances(fitted: Predictor, names: tuple[str, ...]) -> Mapping[str, float] | None:
    """|Coefficient| or the estimator's importance of each feature; None when it has neither."""
    weights = getattr(fitted, "coef_", None)
    if weights is None:
        weights = getattr(fitted, "feature_importances_", None)
    if weights is None:
        return None
    sizes = np.abs(np.asarray(weights, np.float64)).ravel()
    return dict(zip(names, sizes.tolist(), strict=True)) if len(sizes) == len(names) else None
