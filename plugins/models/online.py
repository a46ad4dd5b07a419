"""Online: a linear model that learns date by date, and goes on while it forecasts."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np

import engine

EXTRA = "pip install 'alpha-engine[online]'"
WARM = 20  # dates after a fresh start that the watch for drift leaves out


@dataclass(frozen=True)
class Online(engine.Model):
    """A linear model that takes one step a row, and forgets by the steps' size.

    `sgd` steps along the gradient of the squared error (Bottou 2010, "Large-Scale Machine Learning
    with Stochastic Gradient Descent", section 2); `passive_aggressive` as far as the row's error
    asks, but no further than such a step (PA-I of Crammer et al. 2006, "Online Passive-Aggressive
    Algorithms", section 3). The engine teaches it the training's dates in order, and, between two
    forecasts, each date whose labels have become known; what it said of a date is never changed by
    that date's label.

    With `drift` ADWIN (Bifet & Gavalda 2007, "Learning from Time-Changing Data with Adaptive
    Windowing", section 3; by river, the extra ``online``) watches the mean squared error of each
    date, as it was before the date was learnt; where it shifts, the model begins anew from the last
    `recent` dates.
    """

    name: ClassVar[str] = "online"

    learner: str = engine.option("sgd", "how it steps", choices=("sgd", "passive_aggressive"))
    half_life: float = engine.option(
        126.0, "dates after which a date counts half, by the steps' size", unit="dates", gt=0.0
    )
    l2: float = engine.option(0.0001, "penalty on squared coefficients, of sgd", ge=0.0)
    drift: str = engine.option(
        "none", "what watches for shifts of the error", choices=("none", "adwin")
    )
    sensitivity: float = engine.option(0.002, "of adwin: how often it may be wrong", gt=0.0, lt=1.0)
    recent: int = engine.option(
        252, "dates that it begins anew from after a shift", unit="dates", ge=1
    )

    def __post_init__(self) -> None:
        if self.drift != "none" and find_spec("river") is None:
            raise engine.ConfigError(f"model.drift={self.drift} needs an extra: {EXTRA}")

    def learn(self, training: engine.Training) -> engine.OnlinePredictor:
        """Learn the training's dates, one after another."""
        made = _Online(self, training.seed)
        X, y, begins = training.X, training.y, np.diff(training.date, prepend=-1)
        for rows in np.split(np.arange(len(y)), np.flatnonzero(begins)[1:]):
            made.update(X[rows], y[rows])
        made.told["drifts"] = made.drifts
        return made


@dataclass(eq=False)
class _Online:
    """The state after some dates.

    Parameters
    ----------
    plan : Online
    seed : int
    drifts : int
        Times that it began anew.
    """

    plan: Online
    seed: int
    drifts: int = 0
    told: dict[str, Any] = field(default_factory=dict)
    estimator: Any = None
    watch: Any = None
    last: deque[tuple[engine.FloatArray, engine.FloatArray]] = field(default_factory=deque)
    seen: int = 0

    def __post_init__(self) -> None:
        self.estimator = self._make()
        self.last = deque(maxlen=self.plan.recent if self.plan.drift != "none" else 0)
        if self.plan.drift != "none":
            from river.drift import ADWIN

            self.watch = ADWIN(delta=self.plan.sensitivity)  # type: ignore[no-untyped-call]

    def update(self, X: engine.FloatArray, y: engine.FloatArray) -> None:
        """Learn rows of one date, shape (R, K) and (R,); first look whether the error shifts."""
        if self.watch is not None:
            self._look(X, y)
            self.last.append((np.array(X, order="C"), np.array(y)))
        self._step(X, y)
        self.seen += 1

    def predict(self, X: engine.FloatArray) -> engine.FloatArray:
        """Return forecasts of X's rows, shape (R,)."""
        made: engine.FloatArray = self.estimator.predict(X)
        return made

    @property
    def coef_(self) -> engine.FloatArray:
        """The coefficients as they are, shape (K,)."""
        found: engine.FloatArray = self.estimator.coef_
        return found

    def _look(self, X: engine.FloatArray, y: engine.FloatArray) -> None:
        if self.seen < WARM:
            return
        self.watch.update(float(np.mean((y - self.predict(X)) ** 2)))
        if self.watch.drift_detected:
            self.drifts += 1
            self.estimator = self._make()
            for each in self.last:
                self._step(*each)

    def _step(self, X: engine.FloatArray, y: engine.FloatArray) -> None:
        self.estimator.eta0 = np.log(2.0) / self.plan.half_life / len(y)
        self.estimator.partial_fit(X, y)

    def _make(self) -> Any:
        from sklearn.linear_model import SGDRegressor

        if self.plan.learner == "sgd":
            return SGDRegressor(
                penalty="l2" if self.plan.l2 > 0.0 else None,
                alpha=self.plan.l2,
                learning_rate="constant",
                shuffle=False,
                random_state=self.seed,
            )
        return SGDRegressor(
            loss="epsilon_insensitive",
            penalty=None,
            learning_rate="pa1",
            shuffle=False,
            random_state=self.seed,
        )
