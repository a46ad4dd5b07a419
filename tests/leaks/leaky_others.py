"""A regime, portfolios and models that look ahead, and beside each the same idea without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

import engine

LEARNT = 100  # rows of the market that a regime learns its states from


@dataclass(frozen=True)
class Smoothed(engine.Regime):
    """A hidden Markov model of the first 100 rows, asked for all rows at once.

    Its parameters are honest. `predict_proba` smooths: each row's answer knows the rows after it.
    """

    name: ClassVar[str] = "smoothed_hmm"

    @property
    def states(self) -> tuple[str, ...]:
        return ("calm", "turbulent")

    def probabilities(self, panel: engine.Panel) -> engine.FloatArray:
        from hmmlearn.hmm import GaussianHMM

        x = np.nan_to_num(panel.market)[:, None]
        if len(x) < LEARNT:
            return np.full((len(x), 2), np.nan)
        model = GaussianHMM(2, n_iter=5, tol=1e9, random_state=7).fit(x[:LEARNT])
        order = np.argsort(model.covars_[:, 0, 0])
        out = np.asarray(model.predict_proba(x)[:, order], float)
        out[: LEARNT - 1] = np.nan
        return out


def spread(score: engine.FloatArray) -> engine.FloatArray:
    """Long above a date's mean, short below it, as much of each; NaN on a date without a score."""
    known = np.isfinite(score)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    centre = np.where(known, score, 0.0).sum(axis=1, keepdims=True) / count
    side = np.where(known, np.sign(np.where(known, score, centre) - centre), 0.0)
    gross = np.abs(side).sum(axis=1, keepdims=True)
    return np.where(gross > 0.0, side / np.maximum(gross, 1.0), np.nan)


@dataclass(frozen=True)
class SameBar(engine.Portfolio):
    """Decides a row early, so that an order fills on the very bar that its score is made of."""

    name: ClassVar[str] = "same_bar"
    early: ClassVar[int] = 1

    def weights(
        self, signal: engine.FloatArray, panel: engine.Panel, exposure: engine.FloatArray
    ) -> engine.FloatArray:
        wanted = spread(signal) * exposure[:, None]
        out = np.full(wanted.shape, np.nan)
        out[: len(out) - self.early] = wanted[self.early :]
        return out


@dataclass(frozen=True)
class NextBar(SameBar):
    """Decides when the score is known; the engine fills on the next bar."""

    name: ClassVar[str] = "next_bar"
    early: ClassVar[int] = 0


FITS: list[float] = []  # what a model should not keep


class Average:
    """Forecasts the first feature, and the mean target of all fits, or of its own."""

    def __init__(self, keeps: bool) -> None:
        self.seen = FITS if keeps else []

    def fit(self, X: engine.FloatArray, y: engine.FloatArray) -> Average:
        self.seen.append(float(y[-1]))
        self.mean = float(np.mean(self.seen))
        return self

    def predict(self, X: engine.FloatArray) -> engine.FloatArray:
        return np.asarray(X[:, 0] + self.mean)


@dataclass(frozen=True)
class Remembers(engine.Model):
    """A model that keeps memory between fits."""

    name: ClassVar[str] = "remembers"

    def estimator(self, seed: int) -> Any:
        return Average(keeps=True)


@dataclass(frozen=True)
class Forgets(engine.Model):
    """The same, of its own fit alone."""

    name: ClassVar[str] = "forgets"

    def estimator(self, seed: int) -> Any:
        return Average(keeps=False)


class Centring:
    """Takes away a mean: that of the rows it is asked about, or of those it learnt from."""

    def __init__(self, anew: bool) -> None:
        self.anew = anew

    def fit(self, X: engine.FloatArray, y: engine.FloatArray) -> Centring:
        self.mean = X.mean(axis=0)
        return self

    def predict(self, X: engine.FloatArray) -> engine.FloatArray:
        mean = X.mean(axis=0) if self.anew else self.mean
        return np.asarray((X - mean)[:, 0])


@dataclass(frozen=True)
class ScalesTest(engine.Model):
    """A model that scales the rows that it forecasts by their own mean."""

    name: ClassVar[str] = "scales_test"

    def estimator(self, seed: int) -> Any:
        return Centring(anew=True)


@dataclass(frozen=True)
class ScalesTraining(engine.Model):
    """The same, by the mean of its training."""

    name: ClassVar[str] = "scales_training"

    def estimator(self, seed: int) -> Any:
        return Centring(anew=False)


class Spy:
    """Notes the last date, by the first feature, of each fit; and how many targets it saw."""

    def fit(self, X: engine.FloatArray, y: engine.FloatArray) -> Spy:
        SPIED.append((float(X[:, 0].max()), len(y)))
        return self

    def predict(self, X: engine.FloatArray) -> engine.FloatArray:
        return np.zeros(len(X))


SPIED: list[tuple[float, int]] = []


@dataclass(frozen=True)
class Spies(engine.Model):
    """A model that would like to see the targets of the rows that it forecasts."""

    name: ClassVar[str] = "spies"

    def estimator(self, seed: int) -> Any:
        return Spy()


@engine.hookimpl
def register_regimes() -> list[type[engine.Regime]]:
    return [Smoothed]


@engine.hookimpl
def register_portfolios() -> list[type[engine.Portfolio]]:
    return [SameBar, NextBar]


@engine.hookimpl
def register_models() -> list[type[engine.Model]]:
    return [Remembers, Forgets, ScalesTest, ScalesTraining, Spies]
