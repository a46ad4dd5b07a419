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
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.core.errors import ConfigError, PluginError
from engine.core.kinds import Model
from engine.core.panel import BoolArray, FloatArray
from engine.core.training import Forecaster, Learner, Rows
from engine.forecasts.fits import Fit, Fits
from engine.forecasts.folds import purge
from engine.forecasts.known import Known, clip_to_known
from engine.forecasts.labels import Labels
from engine.forecasts.moments import Moments, Solved
from engine.forecasts.ranges import to_ranges, to_rows
from engine.forecasts.rows import Part, TableRows, find_rows
from engine.forecasts.scaling import Scaler, measure_unit
from engine.forecasts.splits import Validation, Window
from engine.forecasts.table import IntArray, Table
from engine.forecasts.taught import Taught
from engine.kernels.medians import Medians
from engine.plugin import calling
from engine.study.ic import RankedOutcome, correlate  # what members are weighed by


@dataclass(frozen=True, eq=False)
class Teacher:
    """What all trainings of one run share.

    `first` is the first window, `states` are the probabilities of market states, shape (T,), and
    `further` the labels of other horizons.
    """

    table: Table
    first: Window
    labels: Labels
    validation: Validation
    seed: int
    states: Mapping[str, FloatArray]
    further: Mapping[int, Labels] = field(default_factory=dict)

    @cached_property
    def moments(self) -> Moments:
        """The sums that trainings share; of no use to a model that is trained on rows."""
        return Moments.of(self.table, self.first)

    @cached_property
    def _medians(self) -> Medians:
        return Medians(self.table.columns, self.table.hidden)

    def learn_medians(self, rows: IntArray) -> FloatArray:
        """Return each feature's median over rows, shape (K,); 0 without any."""
        keep = np.zeros(self.labels.values.size, bool)
        keep[self.table.cells[rows]] = True
        return np.nan_to_num(self._medians.over(keep), copy=False)

    def teach(self, model: Model, part: Part, where: str) -> Taught:
        """Train a model; `where` says which training it is, for messages."""
        table = self.table
        fit, tail = self._divide(model, part)
        rows = fit.select(table)
        self._refuse_few(where, rows)
        unit = measure_unit(table.y[rows])
        if model.is_solved and part.kept is None:
            medians = self.learn_medians(rows)
            solved = self.moments.train(
                model, fit.dates, medians, unit, self.validation.standardize
            )
            if solved is not None:
                fits, weights = self._list_fits(rows, solved), solved.weights
                return Taught(self.show, model, where, rows, unit, solved.scaler, weights, fits)
        lesson = Lesson(self, model, fit, tail, where, rows, unit)
        with calling(model, f"model {model.name!r}"):
            fitted = model.learn(lesson)
        lesson.learning[0] = False
        scaler = None if isinstance(fitted, Forecaster) else lesson.scaler
        fits, known = lesson.close_fits(), self._find_known(fit)
        return Taught(
            self.show, model, where, rows, unit, scaler, fitted, fits, known, model.made_elsewhere
        )

    def show(self, rows: IntArray) -> TableRows:
        """Return rows of the table as a model sees them."""
        return TableRows(self.table, rows, self.states, self.labels.dates, self.symbols)

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """All symbols, by name."""
        return tuple(sorted(self.labels.symbols))

    def _find_known(self, part: Part) -> Known | None:
        """What may be learnt later; nothing where only some rows of the dates count."""
        if part.kept is not None or self.validation.trains_on_later:
            return None
        return Known(self.labels, self.validation.embargo, part.dates[-1][1])

    def _list_fits(self, rows: IntArray, solved: Solved) -> Fits:
        learnt = Fit.on("model", solved.dates, solved.rows, self.labels)
        medians = Fit.of("medians", self.table, rows, self.labels)
        return Fits([medians, replace(learnt, what="scaler"), learnt])

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
class Lesson:
    """Rows to learn from; see `engine.core.training.Training`."""

    teacher: Teacher
    model: Model
    part: Part
    held: Part  # for early stopping
    where: str
    chosen: IntArray  # rows of the table
    unit: float
    label: str = ""  # before the names of its sub-models
    ahead: Part | None = None  # what is held out from it, where it is a training inside another
    fits: Fits = field(default_factory=Fits)
    learning: list[bool] = field(default_factory=lambda: [True])  # until `learn` returns

    @cached_property
    def seen(self) -> TableRows:
        """Its rows of the table."""
        return self.teacher.show(self.chosen)

    @property
    def date(self) -> npt.NDArray[np.int64]:
        """The panel's row of each date, shape (R,)."""
        return self.seen.date

    @property
    def symbol(self) -> npt.NDArray[np.int64]:
        """The place of each symbol among all, by name, shape (R,)."""
        return self.seen.symbol

    @property
    def dates(self) -> pd.DatetimeIndex:
        """The panel's dates, shape (T,)."""
        return self.teacher.labels.dates

    @property
    def symbols(self) -> tuple[str, ...]:
        """All symbols, by name."""
        return self.teacher.symbols

    @property
    def regimes(self) -> Mapping[str, FloatArray]:
        """Probability of each market state on each row's date, shape (R,)."""
        return self.seen.regimes

    @property
    def names(self) -> tuple[str, ...]:
        """The features, K of them."""
        return self.teacher.table.names

    @property
    def seed(self) -> int:
        """For whatever the model draws."""
        return self.teacher.seed

    @property
    def target(self) -> FloatArray:
        """Target in its own units, shape (R,)."""
        return self.teacher.table.y[self.chosen]

    @property
    def y(self) -> FloatArray:
        """Target over its deviation on these rows, shape (R,)."""
        return self.target / self.unit

    @property
    def label_end(self) -> npt.NDArray[np.int64]:
        """The panel's row at whose close each label is known, shape (R,)."""
        ends: npt.NDArray[np.int64] = self.teacher.labels.end[self.date]
        return ends

    @property
    def X(self) -> FloatArray:  # noqa: N802
        """Features, shape (R, K), imputed and scaled by these rows."""
        return self._fitted[1]

    @property
    def scaler(self) -> Scaler:
        """What was learnt of the features."""
        return self._fitted[0]

    @property
    def tail(self) -> tuple[FloatArray, FloatArray] | None:
        """X and y of the last dates, where the model wants a tail."""
        return self._tail if self.model.wants_tail else None

    def scale(self, rows: Rows) -> FloatArray:
        """Return features of other rows, imputed and scaled as `X` is, shape (R, K)."""
        found = find_rows(rows)
        return self.scaler.apply(found.table, found.rows)

    def window(self, k: int) -> npt.NDArray[np.int64]:
        """Return where in `X` each symbol's last k dates are, shape (R, k); -1 where missing."""
        place = np.full((int(self.date[-1]) + 1, int(self.symbol.max()) + 1), -1, np.int64)
        place[self.date, self.symbol] = np.arange(len(self.chosen))
        back = self.date[:, None] - np.arange(k - 1, -1, -1)
        found = place[np.maximum(back, 0), self.symbol[:, None]]
        return np.where(back < 0, -1, found)

    def at(self, horizon: int) -> Lesson:
        """Return the training on labels of another horizon, known no later than these."""
        own = self.teacher.labels
        if horizon == own.horizon:
            return self
        if horizon not in self.teacher.further:
            raise PluginError(
                f"{self.where}: {self.model.name!r} asks for labels of {horizon} days, which its "
                "label_horizons do not name: add it there"
            )
        labels = self.teacher.further[horizon]
        table = self.teacher.table
        table = replace(table, y=labels.target.ravel()[table.cells])
        teacher = replace(self.teacher, table=table, labels=labels)
        part = Part(clip_to_known(self.part.dates, own, labels), self.part.kept)
        chosen = part.select(table)
        return replace(
            self,
            teacher=teacher,
            part=part,
            held=Part(()),
            chosen=chosen,
            unit=measure_unit(table.y[chosen]),
            label=f"{self.label}{horizon}d, ",
        )

    def keep(self, where: BoolArray) -> Lesson:
        """Return the training on some of its rows, shape (R,); scaled by those alone."""
        kept = np.zeros(len(self.teacher.table.y), bool)
        kept[self.chosen[where]] = True
        part, chosen = Part(self.part.dates, kept), self.chosen[where]
        return replace(self, part=part, held=Part(()), chosen=chosen)

    def teach(
        self,
        key: str,
        model: Learner,
        *,
        features: Sequence[str] | None = None,
        columns: Mapping[str, FloatArray] | None = None,
        target: FloatArray | None = None,
    ) -> Taught:
        """Train another model on these rows, as the engine trains it alone."""
        assert isinstance(model, Model)
        teacher = self.teacher
        if features is not None:
            teacher = replace(teacher, table=teacher.table.pick(features))
        if columns is not None or target is not None:
            table = teacher.table.put(
                self.chosen, columns, self.target if target is None else target
            )
            teacher = replace(teacher, table=table)
        made = teacher.teach(model, self.part, f"{self.where}, {self.label}{key}")
        ahead = () if self.ahead is None else self.ahead.dates
        self.fits.inside.append((f"{self.label}{key}", ahead, made.fits))
        chosen = None if features is None else tuple(features)
        known = None if ahead else made.known  # what is held out stays so
        return replace(made, known=known, partial=False, blind=self.learning, chosen=chosen)

    def forecast_outside(self, models: Mapping[str, Learner], folds: int) -> dict[str, FloatArray]:
        """Return what each model forecasts of each row when its fold is held out, shape (R,)."""
        made = {key: np.full(len(self.chosen), np.nan) for key in models}
        for fold in self.inner(folds):
            for key, model in models.items():
                made[key][fold.rows] = fold.training.teach(key, model).forecast(fold.ahead)
        return made

    def measure_rank_ic(self, forecast: FloatArray) -> FloatArray:
        """Return the rank IC of forecasts, shape (R,), against the target, by date, shape (D,)."""
        dates, row = np.unique(self.date, return_inverse=True)
        wide = np.full((2, len(dates), len(self.teacher.table.place)), np.nan)
        wide[:, row, self.symbol] = forecast, self.target
        ranked = RankedOutcome.of(wide[1])
        return correlate(wide[0], ranked, rows=np.arange(len(dates)), pearson=False).rank_ic

    def inner(self, folds: int) -> tuple[Fold, ...]:
        """Cut these rows into folds of dates, each held out from a training on the others."""
        dates = np.unique(self.date)
        if folds > len(dates):
            raise ConfigError(
                f"{self.where}: {folds} folds of {len(dates)} dates: ask for fewer folds, or "
                "type a higher validation.min_train"
            )
        found = []
        for number, block in enumerate(np.array_split(dates, folds), start=1):
            found.append(self._hold(number, folds, block, dates))
        return tuple(found)

    def _hold(
        self,
        number: int,
        count: int,
        block: npt.NDArray[np.int64],
        dates: npt.NDArray[np.int64],
    ) -> Fold:
        end, embargo = self.teacher.labels.end, self.teacher.validation.embargo
        name = f"fold {number}"
        ahead = Part(to_ranges(block), self.part.kept)
        free = purge(ahead.dates, int(dates[0]), end, embargo)
        left = np.intersect1d(to_rows(free), dates)
        if len(left) == 0:
            raise ConfigError(
                f"{self.where}: {name} of {count} of the {len(dates)} training dates leaves none "
                f"to learn from: ask for fewer folds, or type a higher validation.min_train"
            )
        part = Part(to_ranges(left), self.part.kept)
        table, rows = self.teacher.table, ahead.select(self.teacher.table)
        chosen = part.select(table)
        training = replace(
            self,
            part=part,
            held=Part(()),
            chosen=chosen,
            unit=measure_unit(table.y[chosen]),
            label=f"{self.label}{name}, ",
            ahead=ahead,
        )
        places = np.searchsorted(self.chosen, rows).astype(np.int64)
        return Fold(training, self.teacher.show(rows), places)

    def close_fits(self) -> Fits:
        """Write down what was learnt, from which rows: of the features, the target, the tail."""
        table, labels = self.teacher.table, self.teacher.labels
        if "_fitted" in vars(self):
            for what in ("medians", "scaler"):
                self.fits.add(Fit.of(what, table, self.chosen, labels))
        self.fits.add(Fit.of("model", table, self.chosen, labels))
        if "_tail" in vars(self):
            held = self.held.select(table)
            self.fits.add(Fit.of("early stopping", table, held, labels))
        return self.fits

    @cached_property
    def _fitted(self) -> tuple[Scaler, FloatArray]:
        table = self.teacher.table
        medians = self.teacher.learn_medians(self.chosen)
        return Scaler.fit(table, self.chosen, medians, self.teacher.validation.standardize)

    @cached_property
    def _tail(self) -> tuple[FloatArray, FloatArray]:
        table = self.teacher.table
        rows = self.held.select(table)
        return self.scaler.apply(table, rows), table.y[rows] / self.unit


@dataclass(frozen=True, eq=False)
class Fold:
    """A fold inside a training; see `engine.core.training.Inner`."""

    training: Lesson
    ahead: TableRows
    rows: npt.NDArray[np.int64]
