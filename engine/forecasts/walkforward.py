"""Forecasts for each date by a model that was trained on other dates: in walk-forward, the past.

1. Stack the features once: one row per (date, symbol) that may be forecast, dates ascending,
   symbols by name, so that a range of dates is a range of rows whatever the input's order.
2. Plan the trainings (`engine.forecasts.plan`). In walk-forward a split's forecasts start at row
   s; its training rows t are those whose label is known before that: ``end[t] + embargo < s``.
3. Impute and scale with the training rows' medians, means and deviations; divide the target by
   its training deviation, so that a penalty means the same for any target.
4. Train, on the rows or on their moments (`engine.forecasts.moments`), forecast s to the next
   split's s, multiply back to the target's units.
5. Write down of each fit which rows it saw (`engine.forecasts.fits`).

Steps 3 and 4 run on one BLAS thread: results do not depend on how many cores there are.

```
 dates    start        purged           test          stop          rows of the first window
 split 0  ├─ training ─┤ known too late ├─ forecasts ─┤
 split 1  ├─ training ───────────────┤ known too late ├─ forecasts ─┤
```
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from engine.core.kinds import Model
from engine.core.nesting import list_nested
from engine.core.panel import BoolArray, FloatArray
from engine.forecasts.curve import Point, shorten
from engine.forecasts.labels import Labels
from engine.forecasts.plan import Plan
from engine.forecasts.splits import Validation
from engine.forecasts.table import Table
from engine.forecasts.teaching import Teacher
from engine.forecasts.training import Ahead, Split, Trainer


def list_forecasts(model: Model, horizon: int) -> tuple[str, ...]:
    """Return what bundles call a model's forecasts, its own first: ``ml_alpha_ridge_20d``."""
    return tuple(f"ml_alpha_{key}_{horizon}d" for key in model.forecast_keys)


def list_horizons(model: Model) -> tuple[int, ...]:
    """Return the horizons whose labels a model asks for besides the run's, at any depth."""
    found = {*model.label_horizons}
    for _, inner in list_nested(model):
        found |= {*list_horizons(inner)} if isinstance(inner, Model) else set()
    return tuple(sorted(found))


@dataclass(frozen=True, eq=False)
class Path:
    """A whole series of forecasts.

    Parameters
    ----------
    split : int array, shape (T,)
        Which training a date's forecasts come from; -1 before the first.
    rank_ic : float array, shape (T,)
        Of the forecasts against the forward return, names of any age; NaN without.
    """

    split: npt.NDArray[np.int64]
    rank_ic: FloatArray


@dataclass(frozen=True, eq=False)
class Forecasts:
    """Forecasts of dates that the model was not trained on.

    Parameters
    ----------
    name : str
        See `list_forecasts`.
    values : float array, shape (T, N)
        Of the first path, in units of the label's target; NaN before the first split and where
        a symbol may not be forecast.
    split : int array, shape (T,)
        Of the first path: which training a date's forecasts come from; -1 before the first.
    splits : tuple of Split
        Every training, in order.
    paths : tuple of Path
        One in walk-forward; all that combinatorial trainings come to.
    curve : tuple of Point
        The learning curve, the fewest years first; empty unless it was asked for.
    apart : mapping of str to float array, shape (T, N)
        Forecasts of models side by side, by their names; empty of most models.
    """

    name: str
    values: FloatArray
    split: npt.NDArray[np.int64]
    splits: tuple[Split, ...]
    paths: tuple[Path, ...] = ()
    curve: tuple[Point, ...] = ()
    apart: Mapping[str, FloatArray] = field(default_factory=dict)

    @property
    def columns(self) -> dict[str, FloatArray]:
        """All forecasts by their names, that of the model itself first."""
        return {self.name: self.values, **self.apart}


def walk_forward(
    features: Mapping[str, FloatArray],
    labels: Labels,
    model: Model,
    validation: Validation,
    *,
    seed: int,
    where: BoolArray | None = None,
    hidden: Mapping[str, BoolArray] | None = None,
    regimes: Mapping[str, FloatArray] | None = None,
    further: Mapping[int, Labels] | None = None,
    progress: Callable[[Split, int], None] | None = None,
) -> Forecasts:
    """Train a model as the validation says, and forecast every date that it leaves to forecast.

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
    hidden : mapping of str to bool array, shape (T, N), optional
        The cells in which a feature is missing, whatever stands there.
    regimes : mapping of str to float array, shape (T,), optional
        State probabilities; further features when ``validation.use_regimes``.
    further : mapping of int to Labels, optional
        By horizon: those that the model asks for besides (`list_horizons`).
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
    table = Table.stack(features, labels, validation, where, regimes, hidden)
    plan = Plan.of(table.first, labels, validation)
    again = shorten(plan.windows[-1], labels, validation)
    first = plan.windows[0]
    teacher = Teacher(table, first, labels, validation, seed, regimes or {}, further or {})
    trainer = Trainer(teacher, model)
    names = list_forecasts(model, labels.horizon)
    made = {name: np.full(labels.values.shape, np.nan) for name in names}
    rank_ic = np.full(plan.paths.shape, np.nan)
    splits = []
    with threadpool_limits(limits=1, user_api="blas"):
        for index, window in enumerate(plan.windows):
            split, ahead = trainer.run(index, window)
            _place(index, ahead, table, plan, made, rank_ic)
            splits.append(split)
            if progress is not None:
                progress(split, len(plan.windows))
        curve = [Point(years, trainer.run(index, window)[0]) for years, window in again]
    return Forecasts(
        name=names[0],
        values=made.pop(names[0]),
        split=plan.paths[0],
        splits=tuple(splits),
        paths=tuple(map(Path, plan.paths, rank_ic)),
        curve=tuple(curve),
        apart=made,
    )


def _place(
    index: int,
    ahead: Ahead,
    table: Table,
    plan: Plan,
    made: Mapping[str, FloatArray],
    rank_ic: FloatArray,
) -> None:
    """Put a training's forecasts into the first path's, and their rank IC into all paths."""
    own = plan.paths[0, table.dates(ahead.rows)] == index
    for array, values in zip(made.values(), (ahead.values, *ahead.apart), strict=True):
        array.ravel()[table.cells[ahead.rows[own]]] = values[own]
    path, date = np.nonzero(plan.paths[:, ahead.dates] == index)
    rank_ic[path, ahead.dates[date]] = ahead.rank_ic[date]
