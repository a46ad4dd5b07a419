"""Walk-forward: forecasts for each date by a model that was trained on the past alone.

1. Stack the features once: one row per (date, symbol) that may be forecast, dates ascending,
   symbols by name, so that a range of dates is a range of rows whatever the input's order.
2. Cut the dates into splits. A split's forecasts start at row s; its training rows t are those
   whose label is known before that: ``end[t] + embargo < s`` (purged by their own end, Lopez de
   Prado 2018, "Advances in Financial Machine Learning", section 7.4).
3. Impute and scale with the training rows' medians, means and deviations; divide the target by
   its training deviation, so that a penalty means the same for any target.
4. Train, on the rows or on their moments (`engine.forecasts.moments`), forecast s to the next
   split's s, multiply back to the target's units.

Steps 3 and 4 run on one BLAS thread: results do not depend on how many cores there are.

```
 dates    start        purged           test          stop          rows of the first window
 split 0  ├─ training ─┤ known too late ├─ forecasts ─┤
 split 1  ├─ training ───────────────┤ known too late ├─ forecasts ─┤
```
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from engine.core.errors import ConfigError, DataError
from engine.core.estimators import Predictor
from engine.core.kinds import Model
from engine.core.panel import BoolArray, FloatArray
from engine.forecasts.labels import Labels
from engine.forecasts.moments import Moments
from engine.forecasts.scaling import Scaler, learn_medians
from engine.forecasts.splits import Validation, Window, windows
from engine.forecasts.table import IntArray, Table
from engine.plugin import calling
from engine.study.ic import RankedOutcome, correlate  # the training statistic

BLOCK = 4096  # rows predicted at once


@dataclass(frozen=True)
class Split:
    """One training and the dates it forecasts; row indices, stops excluded.

    `purged_stop` is the first row left out of the training because its label is known too
    late; `test_start` is the first forecast. `train_ic` (over every horizon-th training date)
    and `test_ic` are mean rank ICs against the forward return; NaN when there is none.
    `importances` are |coefficients| or the estimator's own, by feature; None when it has none.
    """

    index: int
    train_start: int
    purged_stop: int
    test_start: int
    test_stop: int
    n_train: int
    train_ic: float
    test_ic: float
    seconds: float
    importances: Mapping[str, float] | None


def forecast_name(model: Model, horizon: int) -> str:
    """What bundles call a model's forecast: ``ml_alpha_{model}_{horizon}d``."""
    return f"ml_alpha_{model.name}_{horizon}d"


@dataclass(frozen=True, eq=False)
class Forecasts:
    """Out-of-sample forecasts.

    Parameters
    ----------
    name : str
        See `forecast_name`.
    values : float array, shape (T, N)
        In units of the label's target; NaN before the first split and where a symbol may
        not be forecast.
    split : int array, shape (T,)
        Which training a date's forecasts come from; -1 before the first.
    splits : tuple of Split
        Every training, in order.
    """

    name: str
    values: FloatArray
    split: npt.NDArray[np.int64]
    splits: tuple[Split, ...]


def walk_forward(
    features: Mapping[str, FloatArray],
    labels: Labels,
    model: Model,
    validation: Validation,
    *,
    seed: int,
    where: BoolArray | None = None,
    regimes: Mapping[str, FloatArray] | None = None,
    progress: Callable[[Split, int], None] | None = None,
) -> Forecasts:
    """Train a model walk-forward and forecast every date after the first training.

    Parameters
    ----------
    features : mapping of str to float array, shape (T, N)
        Known at each date's close. NaN and inf are missing.
    labels : Labels
        What to learn, and when it is known.
    model : Model
        Makes a fresh estimator per split.
    validation : Validation
        Splits, embargo, imputation and scaling.
    seed : int
        Passed to ``model.estimator``.
    where : bool array, shape (T, N), optional
        The cells that may be forecast or learnt from: members with a bar. Default: all.
        A cell without any finite feature is left out in any case.
    regimes : mapping of str to float array, shape (T,), optional
        State probabilities; further features when ``validation.use_regimes``.
    progress : callable, optional
        Called after each split with the split and the number of splits.

    Returns
    -------
    Forecasts

    Raises
    ------
    ConfigError
        Too few dates or rows for the validation; no features; unknown regimes.
    DataError
        A feature of the wrong shape, or a forecast that is not finite.
    """
    table = Table.stack(features, labels, validation, where, regimes)
    plan = windows(table.first, labels, validation)
    trainer = _Trainer(table, plan, labels, model, validation, seed)
    values = np.full(labels.values.shape, np.nan)
    number = np.full(len(values), -1, np.int64)
    splits = []
    with threadpool_limits(limits=1, user_api="blas"):
        for index, window in enumerate(plan):
            split = trainer.run(index, values)
            number[window.test : window.stop] = index
            splits.append(split)
            if progress is not None:
                progress(split, len(plan))
    return Forecasts(forecast_name(model, labels.horizon), values, number, tuple(splits))


@dataclass(frozen=True, eq=False)
class _Trainer:
    """What all splits of one run share."""

    table: Table
    plan: list[Window]
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
        return Moments.of(self.table, self.plan[0]) if self.model.is_solved else None

    def run(self, index: int, out: FloatArray) -> Split:
        """Train and forecast one split; the forecasts go into `out`, shape (T, N)."""
        began = perf_counter()
        table, window = self.table, self.plan[index]
        fit_stop, tail_start = self._tail(window)
        rows = table.select(window.start, fit_stop, learn=True)
        if len(rows) < self.validation.min_train_rows:
            raise ConfigError(
                f"split {index} has {len(rows)} training rows, validation.min_train_rows="
                f"{self.validation.min_train_rows} are needed: type validation.min_train="
                f"{2 * self.validation.min_train} or a lower validation.min_train_rows"
            )
        deviation = float(np.std(table.y[rows]))
        unit = deviation if deviation > 0.0 else 1.0
        sampled = rows[(table.dates(rows) - window.start) % self.labels.horizon == 0]
        medians = learn_medians(table, window.start, fit_stop)
        trained = self._solve(window, medians, unit)
        if trained is None:
            held = table.select(tail_start, window.purged, learn=True)
            trained = self._fit(rows, held, medians, unit)
        scaler, fitted = trained
        inside = self._predict(fitted, scaler.apply(table, sampled), index)
        ahead = table.select(window.test, window.stop, learn=False)
        forecast = self._predict(fitted, scaler.apply(table, ahead), index) * unit
        out.ravel()[table.cells[ahead]] = forecast
        return Split(
            index=index,
            train_start=window.start,
            purged_stop=window.purged,
            test_start=window.test,
            test_stop=window.stop,
            n_train=len(rows),
            train_ic=self._mean_ic(sampled, inside),
            test_ic=self._mean_ic(ahead, forecast),
            seconds=perf_counter() - began,
            importances=_importances(fitted, table.names),
        )

    def _solve(
        self, window: Window, medians: FloatArray, unit: float
    ) -> tuple[Scaler, Predictor] | None:
        """Train on the window's moments; None where the model wants rows."""
        if self.moments is None:
            return None
        return self.moments.train(self.model, window, medians, unit, self.validation.standardize)

    def _fit(
        self, rows: IntArray, held: IntArray, medians: FloatArray, unit: float
    ) -> tuple[Scaler, Predictor]:
        """Train on rows, and on those that are held out for early stopping if the model wants."""
        table = self.table
        scaler, X = Scaler.fit(table, rows, medians, self.validation.standardize)
        tail = None
        if self.model.wants_tail:
            tail = scaler.apply(table, held), table.y[held] / unit
        with calling(self.model, f"model {self.model.name!r}"):
            fresh = self.model.estimator(self.seed)
            return scaler, self.model.train(fresh, X, table.y[rows] / unit, tail)

    def _tail(self, window: Window) -> tuple[int, int]:
        """(stop of the dates to fit, start of the held-out tail), purged by the labels' ends."""
        if not self.model.wants_tail:
            return window.purged, window.purged
        days = max(1, round(self.validation.tail * (window.purged - window.start)))
        start = window.purged - days
        known = self.labels.end + self.validation.embargo
        return int(np.searchsorted(known, start, side="left")), start

    def _predict(self, fitted: Predictor, X: FloatArray, index: int) -> FloatArray:
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
        if not np.isfinite(out).all():
            raise DataError(
                f"model {self.model.name!r} forecasts NaN or inf in split {index}: "
                "look at the factors' scale, or type validation.standardize=true"
            )
        return out

    def _mean_ic(self, rows: IntArray, forecast: FloatArray) -> float:
        """Mean over dates of the rank IC against the forward return; NaN when there is none."""
        if len(rows) == 0:
            return float("nan")
        N = self.labels.values.shape[1]
        dates, row = np.unique(self.table.dates(rows), return_inverse=True)
        wide = np.full((len(dates), N), np.nan)
        wide[row, self.table.cells[rows] % N] = forecast
        daily = correlate(wide, self.outcome, rows=dates, pearson=False).rank_ic
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
