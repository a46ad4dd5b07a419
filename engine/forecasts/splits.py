"""Splits: how a model is trained and tested through time, as it is configured."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from math import comb
from typing import ClassVar

import pandas as pd

from engine.core.options import OptionError, Options, option
from engine.forecasts.ranges import Ranges

FOLDS = ("purged_kfold", "combinatorial")
SCHEMES, IMPUTE = ("expanding", "rolling", *FOLDS), ("median", "drop")
MOST = 1000  # trainings of folds: more are a slip of the pen


@dataclass(frozen=True)
class Validation(Options):
    """How a model is trained and tested through time."""

    config_key: ClassVar[str] = "validation"

    scheme: str = option(
        "expanding",
        "learn from all the past, or from the last train_size days; or, for folds of the dates, "
        "from all other folds, later ones too: this measures a model, and is no backtest",
        choices=SCHEMES,
    )
    n_splits: int = option(10, "trainings, spread evenly over the dates that are forecast", ge=1)
    retrain_every: int = option(
        0, "between trainings; above 0 it overrides n_splits", unit="trading days", ge=0
    )
    dates: list[str] = option(
        [], "on which a training's forecasts begin; they stand above n_splits and retrain_every"
    )
    train_size: int = option(
        756, "in a rolling window; 756 are three years", unit="trading days", ge=1
    )
    min_train: int = option(504, "before the first forecast", unit="trading days", ge=1)
    n_folds: int = option(
        6, "that the dates are cut into, for purged_kfold and combinatorial", ge=2
    )
    n_test_folds: int = option(
        2,
        "that a combinatorial training forecasts: every choice of this size is one training",
        ge=1,
    )
    embargo: int = option(
        5,
        "kept free on top of the purge by label end: before the forecasts, or after a fold's",
        unit="trading days",
        ge=0,
    )
    tail: float = option(
        0.2,
        "share of a training window held out for early stopping (boosting, mlp)",
        ge=0.01,
        le=0.9,
    )
    standardize: bool = option(True, "features to mean 0, deviation 1, learnt on the training part")
    impute: str = option(
        "median",
        "rows with a missing feature: fill in the training part's median, or drop them",
        choices=IMPUTE,
    )
    min_train_rows: int = option(
        100,
        "dates × symbols that a model learns from; fewer is an error, not a weak model",
        unit="rows",
        ge=2,
    )
    use_regimes: bool = option(False, "true: regime probabilities as further features")
    learning_curve: list[int] = option(
        [],
        "train the last split again on its last 1, 2, 4, … years alone; empty: do not",
        unit="years",
    )

    def __post_init__(self) -> None:
        self._refuse_unordered_dates()
        if self.scheme in FOLDS and self.dates:
            raise self._fault(
                f"dates={self.dates}: folds begin where the dates are cut into equal parts: leave "
                "them out, or type validation.scheme=expanding"
            )
        if self.scheme == "combinatorial":
            self._refuse_odd_folds()
        if [*self.learning_curve] != sorted({y for y in self.learning_curve if y > 0}):
            raise self._fault(
                f"learning_curve={[*self.learning_curve]}: write years of 1 or more, each once, "
                "the fewest first, such as [1,2,4]"
            )

    def _refuse_unordered_dates(self) -> None:
        for text in self.dates:
            read_day(text)
        for one, other in pairwise(self.dates):
            if not read_day(one) < read_day(other):
                raise self._fault(f"dates: {other} after {one}: write each once, earliest first")

    def _refuse_odd_folds(self) -> None:
        n, k = self.n_folds, self.n_test_folds
        if k >= n:
            raise self._fault(
                f"n_test_folds={k} of n_folds={n} leaves none to learn from: type "
                f"validation.n_test_folds={n - 1} or less, or a higher validation.n_folds"
            )
        if comb(n, k) > MOST:
            raise self._fault(
                f"n_test_folds={k} of n_folds={n} are {comb(n, k)} trainings, and {MOST} are the "
                "most: type validation.n_test_folds=2, or a lower validation.n_folds"
            )

    def _fault(self, text: str) -> OptionError:
        return OptionError(self.config_key, text)

    @property
    def trains_on_later(self) -> bool:
        """Whether a training may see dates after those that it forecasts."""
        return self.scheme in FOLDS


CAUTION = "trained on later dates, too: measures a model, and is no backtest"
ELSEWHERE = "made elsewhere: what they had seen cannot be known"


@dataclass(frozen=True)
class Window:
    """Dates of one split as ranges of rows: learn from `train`, forecast `test`."""

    train: Ranges
    test: Ranges


def read_day(text: str) -> pd.Timestamp:
    """Return a date as it is written in ``validation.dates``."""
    day: pd.Timestamp | None = None
    with suppress(ValueError):
        day = pd.Timestamp(text, tz="UTC")
    if day is None or pd.isna(day):
        raise OptionError(Validation.config_key, f"dates: {text!r} is no date: write 2020-01-31")
    return day
