"""The kind of plugin that learns: what the engine trains, and asks for forecasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.core.estimators import Estimator, Predictor
from engine.core.kind import Kind
from engine.core.panel import FloatArray
from engine.core.training import Forecaster, Training


@dataclass(frozen=True)
class Model(Kind):
    """An estimator that the engine trains walk-forward: purged, embargoed, scaled inside.

    A model of X and y overrides `estimator`, and `train` if fitting takes more than ``fit``. X has
    no NaN (imputed with training medians) and unit variance on the training part unless the
    validation says otherwise. A model that needs dates, the cross-section, regimes or other models
    overrides `learn`.
    """

    kind_name: ClassVar[str] = "model"
    config_key: ClassVar[str] = "model"

    wants_tail: ClassVar[bool] = False
    made_elsewhere: ClassVar[bool] = False
    """Whether its forecasts come from another program: what that had seen is not known, and rows
    may lack, as NaN, unless it is a member of another model."""

    @property
    def label_horizons(self) -> tuple[int, ...]:
        """Horizons in trading days, besides the run's own, whose labels it asks a training for."""
        return ()

    @property
    def forecast_keys(self) -> tuple[str, ...]:
        """What its forecasts are called after: ``ml_alpha_{key}_{horizon}d``.

        The first is that of the model itself. Others are members of a `Combination` whose forecasts
        bundles may take as well.
        """
        return (self.name,)

    def estimator(self, seed: int) -> Estimator:
        """Return a fresh, unfitted estimator."""
        raise NotImplementedError(f"{type(self).__name__} learns without an estimator of its own")

    def train(
        self,
        estimator: Estimator,
        X: FloatArray,
        y: FloatArray,
        tail: tuple[FloatArray, FloatArray] | None = None,
    ) -> Predictor:
        """Fit and return the estimator.

        `tail` is given when `wants_tail` is true: the last part of the training window,
        purged from X and y, for early stopping.
        """
        estimator.fit(X, y)
        return estimator

    def learn(self, training: Training) -> Predictor | Forecaster:
        """Learn from a training, and return what forecasts.

        A `Predictor` is asked for rows of X, scaled as the training's, and answers in the units of
        ``training.y``; a `Forecaster` is asked for `Rows`, and answers in the target's.
        """
        fresh = self.estimator(training.seed)
        return self.train(fresh, training.X, training.y, training.tail)

    def solve(self, gram: FloatArray, moment: FloatArray) -> FloatArray | None:
        """Return a linear model's coefficients, shape (K,), where sums are all that it needs.

        A model that overrides this is trained on sums that all splits share, many times faster;
        on rows where it returns None, as here, or where the sums would lose digits.

        Parameters
        ----------
        gram : float array, shape (K, K)
            ``X'X`` of the training rows, features centred.
        moment : float array, shape (K,)
            ``X'y``, the target centred.
        """
        return None

    @property
    def is_solved(self) -> bool:
        """Whether sums may train it: not where a subclass of the one that solves trains anew."""
        ways = ("solve", "estimator", "train", "learn")
        solver, *others = (next(c for c in type(self).__mro__ if w in vars(c)) for w in ways)
        return solver is not Model and all(issubclass(solver, other) for other in others)
