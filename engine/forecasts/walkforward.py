"""Walk-forward: forecasts for each date by a model that was trained on the past alone.

1. Stack the features once: one row per (date, symbol) that may be forecast, dates ascending,
   symbols by name, so that a range of dates is a range of rows whatever the input's order.
2. Cut the dates into splits. A split's forecasts start at row s; its training rows t are those
   whose label is known before that: ``end[t] + embargo < s`` (purged by their own end, Lopez de
   Prado 2018, "Advances in Financial Machine Learning", section 7.4).
3. Impute and scale with the training rows' medians, means and deviations; divide the target by
   its training deviation, so that a penalty means the same for any target.
4. Train, forecast s to the next split's s, multiply back to the target's units.

Steps 3 and 4 run on one BLAS thread: results do not depend on how many cores there are.

```
 X (K, R)     feature 0 │ date 0: A B C │ date 1: A C │ date 2: A B C │ …    R rows ≤ T · N
              feature 1 │               │             │               │
 y (R,)                 │               │             │               │
 dates        ├─ training ───────────┤ purged, embargo ├─ forecasts ──┤
              window.start            window.purged     window.test    window.stop
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
from engine.core.kinds import Estimator, Model
from engine.core.panel import BoolArray, FloatArray
from engine.forecasts.labels import Labels
from engine.forecasts.splits import Validation, Window, windows
from engine.kernels.threads import share
from engine.plugin import calling
from engine.study.ic import RankedOutcome, correlate  # the training statistic

IntArray = npt.NDArray[np.intp]
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
    table = _Table.stack(features, labels, validation, where, regimes)
    trainer = _Trainer(table, labels, model, validation, seed)
    plan = windows(table.first, labels, validation)
    values = np.full(labels.values.shape, np.nan)
    number = np.full(len(values), -1, np.int64)
    splits = []
    with threadpool_limits(limits=1, user_api="blas"):
        for index, window in enumerate(plan):
            split = trainer.run(index, window, values)
            number[window.test : window.stop] = index
            splits.append(split)
            if progress is not None:
                progress(split, len(plan))
    return Forecasts(forecast_name(model, labels.horizon), values, number, tuple(splits))


@dataclass(frozen=True, eq=False)
class _Table:
    """The features, stacked: R rows (date-major, symbols by name), K columns."""

    names: tuple[str, ...]
    X: FloatArray  # (K, R): a feature is contiguous, a window of dates a slice of it
    y: FloatArray  # (R,)
    cells: IntArray  # (R,) flat positions in a (T, N) array
    start: IntArray  # (T + 1,) where each date's rows begin
    first: int  # first date with something to learn from

    @classmethod
    def stack(
        cls,
        features: Mapping[str, FloatArray],
        labels: Labels,
        validation: Validation,
        where: BoolArray | None,
        regimes: Mapping[str, FloatArray] | None,
    ) -> _Table:
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
        return cls(names, X, y, cells, start, int(usable[0]) if len(usable) else shape[0])

    def dates(self, rows: IntArray) -> IntArray:
        """The date of each row."""
        return np.searchsorted(self.start, rows, side="right") - 1


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


@dataclass(frozen=True, eq=False)
class _Trainer:
    """What all splits of one run share."""

    table: _Table
    labels: Labels
    model: Model
    validation: Validation
    seed: int

    @cached_property
    def outcome(self) -> RankedOutcome:
        """Forward returns, ranked once for all splits; they judge forecasts, and train nothing."""
        return RankedOutcome.of(self.labels.values)

    def run(self, index: int, window: Window, out: FloatArray) -> Split:
        """Train and forecast one split; the forecasts go into `out`, shape (T, N)."""
        began = perf_counter()
        table = self.table
        fit_stop, tail_start = self._tail(window)
        rows = self._learnable(window.start, fit_stop)
        if len(rows) < self.validation.min_train_rows:
            raise ConfigError(
                f"split {index} has {len(rows)} training rows, validation.min_train_rows="
                f"{self.validation.min_train_rows} are needed: type validation.min_train="
                f"{2 * self.validation.min_train} or a lower validation.min_train_rows"
            )
        scaler, X = _Scaler.fit(table, rows, self.validation.standardize)
        y = table.y[rows]
        deviation = float(np.std(y))
        unit = deviation if deviation > 0.0 else 1.0
        sampled = np.flatnonzero((table.dates(rows) - window.start) % self.labels.horizon == 0)
        inside = np.asfortranarray(X[sampled])  # a copy: an estimator may overwrite X
        tail = None
        if self.model.wants_tail:
            held = self._learnable(tail_start, window.purged)
            tail = scaler.apply(table, held), table.y[held] / unit
        with calling(self.model, f"model {self.model.name!r}"):
            fitted = self.model.train(self.model.estimator(self.seed), X, y / unit, tail)
        del X, tail

        ahead = self._complete(np.arange(table.start[window.test], table.start[window.stop]))
        forecast = self._predict(fitted, scaler.apply(table, ahead), index) * unit
        out.ravel()[table.cells[ahead]] = forecast
        return Split(
            index=index,
            train_start=window.start,
            purged_stop=window.purged,
            test_start=window.test,
            test_stop=window.stop,
            n_train=len(rows),
            train_ic=self._mean_ic(rows[sampled], self._predict(fitted, inside, index)),
            test_ic=self._mean_ic(ahead, forecast),
            seconds=perf_counter() - began,
            importances=_importances(fitted, table.names),
        )

    def _tail(self, window: Window) -> tuple[int, int]:
        """(stop of the dates to fit, start of the held-out tail), purged by the labels' ends."""
        if not self.model.wants_tail:
            return window.purged, window.purged
        days = max(1, round(self.validation.tail * (window.purged - window.start)))
        start = window.purged - days
        known = self.labels.end + self.validation.embargo
        return int(np.searchsorted(known, start, side="left")), start

    def _learnable(self, start: int, stop: int) -> IntArray:
        """Table rows of the dates [start, stop) that have a target."""
        if stop <= start:
            return np.empty(0, np.intp)
        rows = np.arange(self.table.start[start], self.table.start[stop])
        return self._complete(rows[np.isfinite(self.table.y[rows])])

    def _complete(self, rows: IntArray) -> IntArray:
        """The rows, or those without a missing feature when the others are to be dropped."""
        if self.validation.impute != "drop":
            return rows
        keep = np.ones(len(rows), bool)
        for column in self.table.X:
            keep &= np.isfinite(column[rows])
        return rows[keep]

    def _predict(self, fitted: Estimator, X: FloatArray, index: int) -> FloatArray:
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


@dataclass(frozen=True, eq=False)
class _Scaler:
    """Imputation and scaling, per feature, as learnt from the training rows."""

    median: FloatArray
    mean: FloatArray
    scale: FloatArray  # 0 turns a constant feature into 0

    @classmethod
    def fit(cls, table: _Table, rows: IntArray, standardize: bool) -> tuple[_Scaler, FloatArray]:
        """The scaler, and the training rows scaled, shape (rows, K)."""
        K = len(table.X)
        median, mean, scale = np.zeros(K), np.zeros(K), np.ones(K)
        out = np.empty((K, len(rows)))

        def learn(some: slice) -> None:
            k = some.start
            x = np.take(table.X[k], rows, out=out[k], mode="clip")  # in range: not buffered
            missing = ~np.isfinite(x)
            known = x[~missing] if missing.any() else x
            median[k] = np.median(known) if len(known) else 0.0
            x[missing] = median[k]
            if standardize:
                mean[k] = x.mean()
                x -= mean[k]
                deviation = np.sqrt(np.dot(x, x) / len(x))
                constant = deviation <= 1e-12 * max(abs(mean[k]), 1e-300)
                scale[k] = 0.0 if constant else 1.0 / deviation
                x *= scale[k]

        share([slice(k, k + 1) for k in range(K)], learn)
        return cls(median, mean, scale), out.T

    def apply(self, table: _Table, rows: IntArray) -> FloatArray:
        """Other rows, scaled alike, shape (rows, K)."""
        out = np.empty((len(table.X), len(rows)))

        def scaled(some: slice) -> None:
            k = some.start
            x = np.take(table.X[k], rows, out=out[k], mode="clip")  # in range: not buffered
            x[~np.isfinite(x)] = self.median[k]
            x -= self.mean[k]
            x *= self.scale[k]

        share([slice(k, k + 1) for k in range(len(table.X))], scaled)
        return out.T


def _importances(fitted: Estimator, names: tuple[str, ...]) -> Mapping[str, float] | None:
    """|Coefficient| or the estimator's importance of each feature; None when it has neither."""
    weights = getattr(fitted, "coef_", None)
    if weights is None:
        weights = getattr(fitted, "feature_importances_", None)
    if weights is None:
        return None
    sizes = np.abs(np.asarray(weights, np.float64)).ravel()
    return dict(zip(names, sizes.tolist(), strict=True)) if len(sizes) == len(names) else None
