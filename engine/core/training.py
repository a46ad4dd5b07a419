"""What a model learns from and what it forecasts, beyond X and y: dates, symbols, regimes, folds.

The engine makes them; a model that overrides `Model.learn` is handed a `Training`. Whatever it
learns goes through one of these objects, so that the engine purges, scales and writes down each fit
that is made inside a training as it does outside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.core.estimators import Predictor
from engine.core.panel import BoolArray, FloatArray

IntArray = npt.NDArray[np.int64]


class Rows(Protocol):
    """Rows to forecast: one per date and symbol, dates ascending, symbols by name."""

    @property
    def date(self) -> IntArray:
        """The panel's row of each date, shape (R,)."""

    @property
    def symbol(self) -> IntArray:
        """The place of each symbol among all, by name, shape (R,)."""

    @property
    def dates(self) -> pd.DatetimeIndex:
        """The panel's dates, UTC, shape (T,): ``dates[date]`` are those of the rows."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """All symbols, by name, N of them: ``symbol`` counts in them."""

    @property
    def regimes(self) -> Mapping[str, FloatArray]:
        """Filtered probability of each market state on each row's date, shape (R,); may be NaN."""


class Held(Rows, Protocol):
    """Rows that were held out inside a training."""

    def shuffle(self, name: str, seed: int) -> Rows:
        """Return the rows with a feature's values exchanged among those of each date."""


@runtime_checkable
class Forecaster(Protocol):
    """What is left of a model that sees more of a row than its features."""

    def forecast(self, rows: Rows) -> FloatArray:
        """Return forecasts of rows, shape (R,), in the target's units."""


@runtime_checkable
class Combination(Forecaster, Protocol):
    """What is left of a model whose forecasts are made of its members'.

    A run then shows how well each member, and their plain mean, ordered the names beside it.
    """

    def ask_members(self, rows: Rows) -> Mapping[str, FloatArray]:
        """Return each member's forecasts of rows, shape (R,), in the target's units."""

    def combine(self, rows: Rows, said: Mapping[str, FloatArray]) -> FloatArray:
        """Return forecasts of rows, shape (R,), made of the members'."""

    def set_apart(self, said: Mapping[str, FloatArray]) -> Mapping[str, FloatArray]:
        """Return what the model's further `forecast_keys` stand for, shape (R,) each."""


@runtime_checkable
class OnlinePredictor(Predictor, Protocol):
    """What is left of a model that goes on learning while it forecasts.

    The engine asks it for one date after another, and teaches it each date's rows as soon as their
    labels are known, and never before. Inside folds, and where a validation trains on later dates,
    it is not taught further.
    """

    def update(self, X: FloatArray, y: FloatArray) -> None:
        """Learn rows of one date, shape (R, K), scaled as the training's, and (R,)."""


class Taught(Protocol):
    """A model that the engine has trained inside another one's training.

    While the other one learns it must not be asked of rows that it learnt from (PluginError): what
    it says of them tells nothing of how far it can be trusted.
    """

    def forecast(self, rows: Rows) -> FloatArray:
        """Return forecasts of rows, shape (R,), in the target's units."""

    def forecast_columns(self, rows: Rows, columns: Mapping[str, FloatArray]) -> FloatArray:
        """Return forecasts of a model that was taught on columns: those of these rows, (R,) each.

        Shape (R,), in the target's units.
        """


class Learner(Protocol):
    """A model: what a training teaches."""

    def learn(self, training: Training) -> Predictor | Forecaster:
        """Learn from a training, and return what forecasts."""


class Training(Rows, Protocol):
    """Rows to learn from: each label is known before the first forecast."""

    @property
    def names(self) -> tuple[str, ...]:
        """The features, K of them."""

    @property
    def X(self) -> FloatArray:  # noqa: N802
        """Features, shape (R, K), imputed and scaled by these rows; the model's own."""

    @property
    def y(self) -> FloatArray:
        """Target over its deviation on these rows, shape (R,)."""

    @property
    def target(self) -> FloatArray:
        """Target in its own units, shape (R,)."""

    @property
    def label_end(self) -> IntArray:
        """The panel's row at whose close each label is known, shape (R,)."""

    @property
    def tail(self) -> tuple[FloatArray, FloatArray] | None:
        """X and y of the last dates, purged from these rows, where the model `wants_tail`."""

    @property
    def seed(self) -> int:
        """For whatever the model draws."""

    def scale(self, rows: Rows) -> FloatArray:
        """Return features of other rows, imputed and scaled as `X` is, shape (R, K)."""

    def window(self, k: int) -> IntArray:
        """Return where in `X` each symbol's last k dates are, shape (R, k), the row itself last.

        -1 where the symbol has no such row: before its first one, or where one is missing.
        """

    def at(self, horizon: int) -> Training:
        """Return the training on labels of another horizon, one of the model's `label_horizons`.

        It has the rows whose labels are known no later than the last one of these dates, so
        whatever these rows were purged from, those of a longer horizon are too.
        """

    def keep(self, where: BoolArray) -> Training:
        """Return the training on some of its rows, shape (R,); scaled by those alone."""

    def teach(
        self,
        key: str,
        model: Learner,
        *,
        features: Sequence[str] | None = None,
        columns: Mapping[str, FloatArray] | None = None,
        target: FloatArray | None = None,
    ) -> Taught:
        """Train another model on these rows, as the engine trains it alone.

        Parameters
        ----------
        key : str
            What the fit is called.
        model : Model
        features : sequence of str, optional
            Those of the training's features that it sees; by default all.
        columns : mapping of str to float array, shape (R,), optional
            Features in place of the training's, such as what other models forecast.
        target : float array, shape (R,), optional
            Target in place of the training's.

        Rows with NaN in a column or in the target are left out.
        """

    def forecast_outside(
        self, models: Mapping[str, Learner], folds: int
    ) -> Mapping[str, FloatArray]:
        """Return what each model forecasts of each row when the row's fold is held out from it.

        Shape (R,) each, in the target's units; see `inner`.
        """

    def measure_rank_ic(self, forecast: FloatArray) -> FloatArray:
        """Return the rank IC of forecasts, shape (R,), against the target, by date, shape (D,).

        Dates ascend; NaN where fewer than two rows have both.
        """

    def inner(self, folds: int) -> Sequence[Inner]:
        """Cut these rows into folds of dates, each held out from a training on the others, purged.

        Raises
        ------
        ConfigError
            A fold, or a training beside it, would have no rows.
        """


class Inner(Protocol):
    """A fold inside a training: what to learn from, and what is held out."""

    @property
    def training(self) -> Training:
        """The other dates, less those whose labels overlap the fold's."""

    @property
    def ahead(self) -> Held:
        """The fold."""

    @property
    def rows(self) -> IntArray:
        """Where the fold's rows are among those of the whole training."""
