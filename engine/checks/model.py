"""The properties of a model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from engine.checks.plugin import check_config, fresh, state
from engine.checks.probe import check_quiet, check_unchanged, check_unseeded
from engine.checks.same import first_difference
from engine.checks.verdict import Broken, Check, Noise, watch
from engine.core.kinds import Model
from engine.core.panel import FloatArray

ROWS, FEATURES, SEED = 400, 5, 7
MOMENTS = 1e-8  # of the forecasts' deviation: how far solve may be from rows


@dataclass(frozen=True, eq=False)
class Lesson:
    """Training data as the engine hands them over, and rows to forecast."""

    X: FloatArray  # (R, K), column by column in memory, standardised; the last one constant
    y: FloatArray  # (R,)
    tail: tuple[FloatArray, FloatArray]
    ahead: FloatArray  # (R, K)


def lesson(rows: int = ROWS, features: int = FEATURES, seed: int = 0) -> Lesson:
    """Return a faint linear relation with noise."""
    random = np.random.default_rng([seed, rows])
    X, tail, ahead = (
        np.asfortranarray(random.standard_normal((n, features))) for n in (rows, rows // 4, rows)
    )
    for array in (X, tail, ahead):
        array[:, -1] = 0.0
    slopes = np.linspace(0.3, -0.2, features)
    y, y_tail = (a @ slopes + random.standard_normal(len(a)) for a in (X, tail))
    return Lesson(X, y, (tail, y_tail), ahead)


def model_checks(plugin: Model) -> list[Check]:
    """Return the checks of a model."""
    trial = _Trial(plugin)
    return [
        ("config", lambda: check_config(plugin)),
        ("shape", trial.shape),
        ("dtype", trial.dtype),
        ("finite", trial.finite),
        ("purity", trial.purity),
        ("quiet", lambda: check_quiet(trial.first[1])),
        ("determinism", trial.determinism),
        ("independence", trial.independence),
        ("refit", trial.refit),
        ("blindness", trial.blindness),
        ("small data", trial.small),
        ("constant target", trial.constant),
        ("moments", trial.moments),
    ]


@dataclass(frozen=True, eq=False)
class _Trial:
    plugin: Model

    @cached_property
    def first(self) -> tuple[Any, Noise, dict[str, str], dict[str, bool]]:
        """Forecasts, what was printed, the plugin before, and which arrays were changed."""
        given, used, before = lesson(), lesson(), state(self.plugin)
        with watch(seed=0) as noise:
            fitted = _train(self.plugin, self.plugin.estimator(SEED), used)
            forecast = fitted.predict(used.ahead)
        changed = {
            "y": not np.array_equal(given.y, used.y),
            "tail": not all(map(np.array_equal, given.tail, used.tail)),
            "the X of predict": not np.array_equal(given.ahead, used.ahead),
        }
        return forecast, noise, before, changed

    def forecast(self, plugin: Model, data: Lesson) -> FloatArray:
        """Forecasts of another estimator."""
        with watch():
            return _flatten(_train(plugin, plugin.estimator(SEED), data).predict(data.ahead))

    @property
    def result(self) -> FloatArray:
        return _flatten(self.first[0])

    def shape(self) -> None:
        """Forecasts are an array with one number per row."""
        forecast = self.first[0]
        if not isinstance(forecast, np.ndarray):
            raise Broken(f"predict returns a {type(forecast).__name__}, not a numpy array")
        if forecast.shape != (ROWS,):
            raise Broken(f"predict returns shape {forecast.shape} for {ROWS} rows, not ({ROWS},)")

    def dtype(self) -> None:
        """Forecasts are real numbers; some libraries give 32 bits, and the engine takes them."""
        dtype = np.asarray(self.first[0]).dtype
        if dtype not in (np.float64, np.float32):
            raise Broken(f"predict returns {dtype}, not float64")

    def finite(self) -> None:
        """No forecast is NaN or infinite."""
        _check_finite(self.result, "predict")

    def purity(self) -> None:
        """Only the X of a training is the estimator's own."""
        _, noise, before, changed = self.first
        for name, is_so in changed.items():
            if is_so:
                raise Broken(f"changes {name} that it was given: work on a copy")
        check_unchanged(self.plugin, before)
        with watch(seed=1) as other:
            data = lesson()
            _train(self.plugin, self.plugin.estimator(SEED), data).predict(data.ahead)
        check_unseeded(noise, other)

    def determinism(self) -> None:
        """The same seed and data give the same bytes."""
        _check_equal(self.result, self.forecast(self.plugin, lesson()), "one training", "the next")
        again = self.forecast(fresh(self.plugin), lesson())
        _check_equal(self.result, again, "one instance", "another")

    def independence(self) -> None:
        """Estimators share nothing: training one leaves the other as it was."""
        with watch():
            one, two = (self.plugin.estimator(SEED) for _ in range(2))
            if one is two:
                raise Broken("estimator() returns the same object twice: make a fresh one")
            data = lesson()
            fitted = _train(self.plugin, one, data)
            before = _flatten(fitted.predict(data.ahead))
            _train(self.plugin, two, lesson(seed=1))
            after = _flatten(fitted.predict(data.ahead))
        _check_equal(before, after, "an estimator", "it when another has been trained")

    def refit(self) -> None:
        """An estimator that is trained again forgets what it knew."""
        with watch():
            estimator = self.plugin.estimator(SEED)
            _train(self.plugin, estimator, lesson(seed=1))
            data = lesson()
            again = _flatten(_train(self.plugin, estimator, data).predict(data.ahead))
        _check_equal(self.result, again, "a fresh estimator", "one that had learnt other data")

    def blindness(self) -> None:
        """A row's forecast does not depend on the rows beside it, which may be later dates."""
        data = lesson()
        with watch():
            fitted = _train(self.plugin, self.plugin.estimator(SEED), data)
            for row in (1, ROWS // 2, ROWS - 1):
                other = data.ahead.copy(order="F")
                other[row:] = 10.0 - 3.0 * other[row:]
                one, two = (_flatten(fitted.predict(X))[:row] for X in (data.ahead, other))
                place = first_difference(one, two)
                if place is not None:
                    k = place[0]
                    raise Broken(
                        f"looks ahead: the forecast of row {k} is {float(one[k])}, and "
                        f"{float(two[k])} when the rows from {row} on differ"
                    )

    def small(self) -> None:
        """A dozen rows are enough not to fail."""
        data = lesson(rows=12, features=2)
        _check_finite(self.forecast(self.plugin, data), "predict after 12 rows")

    def constant(self) -> None:
        """A target that never moves is learnt too."""
        data = lesson()
        flat = Lesson(data.X, np.zeros(ROWS), (data.tail[0], np.zeros(ROWS // 4)), data.ahead)
        _check_finite(self.forecast(self.plugin, flat), "predict after a constant target")

    def moments(self) -> None:
        """A model that learns from sums forecasts what it would have learnt from rows."""
        if not self.plugin.is_solved:
            return
        data = lesson()
        X, y = data.X - data.X.mean(axis=0), data.y - data.y.mean()
        with watch():
            weights = self.plugin.solve(X.T @ X, X.T @ y)
        if weights is None:
            return
        solved = (data.ahead - data.X.mean(axis=0)) @ weights + data.y.mean()
        off = np.abs(solved - self.result) / max(self.result.std(), 1e-300)
        if not off.max() <= MOMENTS:
            k = int(np.argmax(off))
            raise Broken(
                f"the forecast of row {k} is {float(self.result[k])} from rows and "
                f"{float(solved[k])} from solve"
            )


def _train(plugin: Model, estimator: Any, data: Lesson) -> Any:
    """Train as the engine does; X is a copy, for an estimator may overwrite it."""
    tail = data.tail if plugin.wants_tail else None
    fitted = plugin.train(estimator, data.X.copy(order="F"), data.y, tail)
    if not callable(getattr(fitted, "predict", None)):
        raise Broken(f"train returns {type(fitted).__name__}, which cannot predict")
    return fitted


def _flatten(forecast: Any) -> FloatArray:
    return np.array(forecast, np.float64).reshape(len(forecast))


def _check_finite(forecast: FloatArray, what: str) -> None:
    wrong = np.flatnonzero(~np.isfinite(forecast))
    if len(wrong):
        raise Broken(f"{what} returns {forecast[wrong[0]]} for row {int(wrong[0])}")


def _check_equal(a: FloatArray, b: FloatArray, one: str, two: str) -> None:
    place = first_difference(a, b)
    if place is not None:
        k = place[0]
        raise Broken(
            f"the forecast of row {k} is {float(a[k])} from {one} and {float(b[k])} from {two}"
        )
