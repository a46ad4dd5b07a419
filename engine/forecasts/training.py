"""One training of a run: taught on a window's dates, asked for its test dates, judged on both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter
from typing import Any

import numpy as np

from engine.core.kinds import Model
from engine.core.panel import FloatArray
from engine.core.training import Combination
from engine.forecasts.errors import Errors
from engine.forecasts.fits import Fit
from engine.forecasts.rows import Part
from engine.forecasts.splits import Window
from engine.forecasts.table import IntArray
from engine.forecasts.taught import Taught
from engine.forecasts.teaching import Teacher
from engine.plugin import calling
from engine.study.ic import RankedOutcome, correlate  # the training statistic

EQUAL = "equal weights"


@dataclass(frozen=True)
class Split:
    """One training and the dates it forecasts.

    `window` has the dates, as ranges of rows. `fits` are what was learnt, and from which rows.
    `inside` are the errors over every horizon-th training date, `outside` those of the forecasts.
    `importances` are |coefficients| or the estimator's own, by feature; None when it has none.
    `told` is what a model says of what it chose, such as weights of its members; None from most.
    `members` are the mean rank ICs out of sample of a combination's members, and of their plain
    mean (`EQUAL`); None of a model that is none.
    """

    index: int
    window: Window
    n_train: int
    inside: Errors
    outside: Errors
    seconds: float
    importances: Mapping[str, float] | None
    fits: tuple[Fit, ...]
    told: Mapping[str, Any] | None = None
    members: Mapping[str, float] | None = None

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
    apart : tuple of float array, shape (R,)
        Forecasts of models side by side, in the order of the model's `forecast_keys`.
    """

    rows: IntArray
    values: FloatArray
    dates: IntArray
    rank_ic: FloatArray
    apart: tuple[FloatArray, ...] = ()


@dataclass(frozen=True, eq=False)
class Trainer:
    """Trains one model on one window after another, and judges it."""

    teacher: Teacher
    model: Model

    @cached_property
    def outcome(self) -> RankedOutcome:
        """Forward returns, ranked once for all splits; they judge forecasts, and train nothing."""
        return RankedOutcome.of(self.teacher.labels.values)

    def run(self, index: int, window: Window) -> tuple[Split, Ahead]:
        """Train on a window, and forecast its test dates."""
        began, table = perf_counter(), self.teacher.table
        taught = self.teacher.teach(self.model, Part(window.train), f"split {index}")
        dates = table.dates(taught.rows) - window.train[0][0]
        sampled = taught.rows[dates % self.teacher.labels.horizon == 0]
        inside = taught.ask(sampled)
        learnt = Errors.of(inside, table.y[sampled], _mean(self._rank(sampled, inside)[1]))
        rows = table.select(window.test, learn=False)
        values, said = self._ask(taught, rows)
        aside = self._set_apart(taught, said)
        apart = tuple(aside[key] for key in self.model.forecast_keys[1:])
        ahead = Ahead(rows, values, *self._rank(rows, values), apart)
        split = Split(
            index=index,
            window=window,
            n_train=len(taught.rows),
            inside=learnt,
            outside=Errors.of(values, table.y[rows], _mean(ahead.rank_ic)),
            seconds=perf_counter() - began,
            importances=_importances(taught.fitted, table.names),
            fits=taught.fits.list(),
            told=getattr(taught.fitted, "told", None) or None,
            members=self._judge(rows, said),
        )
        return split, ahead

    def _ask(self, taught: Taught, rows: IntArray) -> tuple[FloatArray, Mapping[str, FloatArray]]:
        """Forecasts of rows, and those of a combination's members."""
        fitted, shown = taught.fitted, self.teacher.show(rows)
        if not isinstance(fitted, Combination):
            return taught.forecast(shown), {}
        with calling(self.model, f"model {self.model.name!r}", often=True):
            said = fitted.ask_members(shown)
            return taught.take(fitted.combine(shown, said), len(rows)), said

    def _set_apart(
        self, taught: Taught, said: Mapping[str, FloatArray]
    ) -> Mapping[str, FloatArray]:
        """Forecasts beside the model's own, by its further `forecast_keys`."""
        if not isinstance(taught.fitted, Combination):
            return {}
        with calling(self.model, f"model {self.model.name!r}", often=True):
            return taught.fitted.set_apart(said)

    def _judge(self, rows: IntArray, said: Mapping[str, FloatArray]) -> dict[str, float] | None:
        """How well members, and their plain mean, ordered rows; None without any."""
        if not said:
            return None
        each = {**said, EQUAL: np.mean([said[key] for key in sorted(said)], axis=0)}
        return {key: _mean(self._rank(rows, each[key])[1]) for key in sorted(each)}

    def _rank(self, rows: IntArray, forecast: FloatArray) -> tuple[IntArray, FloatArray]:
        """The dates of rows, and the rank IC on each against the forward return."""
        if len(rows) == 0:
            return np.empty(0, np.intp), np.empty(0)
        table, N = self.teacher.table, self.teacher.labels.values.shape[1]
        begins = np.diff(table.dates(rows), prepend=-1) > 0
        dates = table.dates(rows[begins]).astype(np.intp)
        wide = np.full((len(dates), N), np.nan)
        wide[np.cumsum(begins) - 1, table.cells[rows] % N] = forecast
        return dates, correlate(wide, self.outcome, rows=dates, pearson=False).rank_ic


def _mean(daily: FloatArray) -> float:
    """Mean of the dates that have one; NaN without any."""
    daily = daily[np.isfinite(daily)]
    return float(daily.mean()) if len(daily) else float("nan")


def _importances(fitted: object, names: tuple[str, ...]) -> Mapping[str, float] | None:
    """|Coefficient| or the estimator's importance of each feature; None when it has neither."""
    weights = getattr(fitted, "coef_", None)
    if weights is None:
        weights = getattr(fitted, "feature_importances_", None)
    if weights is None:
        return None
    sizes = np.abs(np.asarray(weights, np.float64)).ravel()
    return dict(zip(names, sizes.tolist(), strict=True)) if len(sizes) == len(names) else None
