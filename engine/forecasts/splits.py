"""Splits: which dates a model learns from, and which it then forecasts.

A split's forecasts start at row s. Its training rows t are those whose label is known before
that: ``end[t] + embargo < s`` (purged by their own end; Lopez de Prado 2018, "Advances in
Financial Machine Learning", section 7.4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.core.errors import ConfigError, did_you_mean
from engine.core.kinds import option
from engine.forecasts.labels import Labels

SCHEMES, IMPUTE = ("expanding", "rolling"), ("median", "drop")


@dataclass(frozen=True)
class Validation:
    """How a model is trained and tested through time."""

    scheme: str = option(
        "expanding", "training window: all the past, or the last train_size days", choices=SCHEMES
    )
    n_splits: int = option(10, "trainings, spread evenly over the forecast dates", ge=1)
    retrain_every: int = option(
        0, "days between trainings; above 0 it overrides n_splits", unit="trading days", ge=0
    )
    train_size: int = option(756, "length of a rolling window", unit="trading days", ge=1)
    min_train: int = option(504, "days before the first forecast", unit="trading days", ge=1)
    embargo: int = option(5, "days kept free on top of the purge", unit="trading days", ge=0)
    tail: float = option(
        0.2, "share of a training window held out for early stopping", ge=0.01, le=0.9
    )
    standardize: bool = option(True, "scale features to mean 0, deviation 1 on the training part")
    impute: str = option(
        "median", "missing features: training median, or drop the row", choices=IMPUTE
    )
    min_train_rows: int = option(
        100, "fewest rows (dates × symbols) that a model may learn from", unit="rows", ge=2
    )
    use_regimes: bool = option(False, "regime probabilities as further features")

    def __post_init__(self) -> None:
        for key, known in (("scheme", SCHEMES), ("impute", IMPUTE)):
            value = getattr(self, key)
            if value not in known:
                raise ConfigError(
                    f"validation.{key}={value!r} is unknown: {did_you_mean(value, known)}"
                )
        for key, least in (
            ("n_splits", 1),
            ("retrain_every", 0),
            ("train_size", 1),
            ("min_train", 1),
            ("embargo", 0),
            ("min_train_rows", 2),
        ):
            if getattr(self, key) < least:
                raise ConfigError(
                    f"validation.{key}={getattr(self, key)} is below {least}: "
                    f"type validation.{key}={least} or more"
                )
        if not 0.01 <= self.tail <= 0.9:
            raise ConfigError(f"validation.tail={self.tail} is not within 0.01 and 0.9: try 0.2")


@dataclass(frozen=True)
class Window:
    """Dates of one split as row indices: learn from [start, purged), forecast [test, stop)."""

    start: int
    purged: int
    test: int
    stop: int


def windows(first: int, labels: Labels, validation: Validation) -> list[Window]:
    """The splits' dates; `first` is the first date with something to learn from."""
    total = len(labels.end)
    begin, gap = first + validation.min_train, labels.horizon + 1 + validation.embargo
    if begin >= total:
        raise ConfigError(
            f"validation.min_train={validation.min_train} leaves no date to forecast: "
            f"{total - first} dates from the first label on, {validation.min_train + 1} needed; "
            f"type validation.min_train={max(gap + 1, (total - first) // 2)} or take more history"
        )
    if validation.min_train <= gap:
        raise ConfigError(
            f"validation.min_train={validation.min_train} is used up by the purge (horizon "
            f"{labels.horizon} + 1 + embargo {validation.embargo} days): "
            f"type validation.min_train={gap + 252} or more"
        )
    every, n = validation.retrain_every, validation.n_splits
    if every == 0 and total - begin < n:
        raise ConfigError(
            f"validation.n_splits={n} is more than the {total - begin} dates left to forecast: "
            f"type validation.n_splits={total - begin} or less"
        )
    starts = (
        np.arange(begin, total, every) if every > 0 else begin + np.arange(n) * (total - begin) // n
    )
    known = labels.end + validation.embargo
    found = []
    for test, stop in zip(starts, [*starts[1:], total], strict=True):
        purged = int(np.searchsorted(known, test, side="left"))
        rolled = purged - validation.train_size if validation.scheme == "rolling" else first
        found.append(Window(max(first, rolled), purged, int(test), int(stop)))
    return found
