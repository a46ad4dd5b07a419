"""Splits: which dates a model learns from, and which it then forecasts.

A split's forecasts start at row s. Its training rows t are those whose label is known before
that: ``end[t] + embargo < s`` (purged by their own end; Lopez de Prado 2018, "Advances in
Financial Machine Learning", section 7.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.core.errors import ConfigError
from engine.core.options import OptionError, Options, option
from engine.forecasts.labels import Labels

SCHEMES, IMPUTE = ("expanding", "rolling"), ("median", "drop")


@dataclass(frozen=True)
class Validation(Options):
    """How a model is trained and tested through time."""

    config_key: ClassVar[str] = "validation"

    scheme: str = option(
        "expanding", "learn from all the past, or from the last train_size days", choices=SCHEMES
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
    embargo: int = option(
        5, "kept free on top of the purge by label end", unit="trading days", ge=0
    )
    tail: float = option(
        0.2, "share of a training window held out for early stopping (xgboost)", ge=0.01, le=0.9
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

    def __post_init__(self) -> None:
        for one, other in pairwise(self.dates):
            if not _read_day(one) < _read_day(other):
                raise OptionError(
                    self.config_key, f"dates: {other} after {one}: write each once, earliest first"
                )
        for text in self.dates:
            _read_day(text)


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
    starts = _find_starts(begin, labels, validation)
    known = labels.end + validation.embargo
    found = []
    for test, stop in zip(starts, [*starts[1:], total], strict=True):
        purged = int(np.searchsorted(known, test, side="left"))
        rolled = purged - validation.train_size if validation.scheme == "rolling" else first
        found.append(Window(max(first, rolled), purged, int(test), int(stop)))
    return found


def _find_starts(begin: int, labels: Labels, validation: Validation) -> npt.NDArray[np.int64]:
    """The first row that each training forecasts, from row `begin` on."""
    if validation.dates:
        return _find_rows(begin, labels.dates, validation)
    total, every, n = len(labels.end), validation.retrain_every, validation.n_splits
    if every > 0:
        return np.arange(begin, total, every)
    if total - begin < n:
        raise ConfigError(
            f"validation.n_splits={n} is more than the {total - begin} dates left to forecast: "
            f"type validation.n_splits={total - begin} or less"
        )
    return begin + np.arange(n) * (total - begin) // n


def _find_rows(
    begin: int, dates: pd.DatetimeIndex, validation: Validation
) -> npt.NDArray[np.int64]:
    """The rows of `validation.dates`; a date without a row means the next one."""
    rows = dates.searchsorted(pd.DatetimeIndex([_read_day(text) for text in validation.dates]))
    for text, row in zip(validation.dates, rows, strict=True):
        if row == len(dates):
            raise ConfigError(
                f"validation.dates: {text} is after the last row, {dates[-1]:%Y-%m-%d}: "
                "leave it out, or take data up to it"
            )
        if row < begin:
            raise ConfigError(
                f"validation.dates: {text} is before {dates[begin]:%Y-%m-%d}, the first date that "
                f"validation.min_train={validation.min_train} allows: type that or a later one, "
                "or a lower validation.min_train"
            )
    for k in np.flatnonzero(np.diff(rows) == 0):
        raise ConfigError(
            f"validation.dates: {validation.dates[k]} and {validation.dates[k + 1]} both mean the "
            f"row {dates[rows[k]]:%Y-%m-%d}: leave one out"
        )
    return rows.astype(np.int64)


def _read_day(text: str) -> pd.Timestamp:
    try:
        day = pd.Timestamp(text, tz="UTC")
    except ValueError:
        day = pd.NaT
    if pd.isna(day):
        raise OptionError(Validation.config_key, f"dates: {text!r} is no date: write 2020-01-31")
    return day
