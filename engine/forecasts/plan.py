"""The plan of a validation: which dates each training learns from, and which it forecasts.

Walk-forward: a split's forecasts start at row s. Its training rows t are those whose label is
known before that: ``end[t] + embargo < s`` (purged by their own end; Lopez de Prado 2018,
"Advances in Financial Machine Learning", section 7.4). Folds: see `engine.forecasts.folds`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.core.errors import ConfigError
from engine.forecasts import folds
from engine.forecasts.labels import Labels
from engine.forecasts.splits import Validation, Window, read_day


@dataclass(frozen=True, eq=False)
class Plan:
    """All trainings, and the series of forecasts that they come to.

    Parameters
    ----------
    windows : tuple of Window
        One a training.
    paths : int array, shape (P, T)
        In each path, the training that a date's forecasts come from; -1 where there are none.
        Walk-forward has one path.
    """

    windows: tuple[Window, ...]
    paths: npt.NDArray[np.int64]

    @classmethod
    def of(cls, first: int, labels: Labels, validation: Validation) -> Plan:
        """Return the plan; `first` is the first date with something to learn from."""
        if validation.trains_on_later:
            return cls(*folds.cut(first, labels, validation))
        windows = walk(first, labels, validation)
        path = np.full(len(labels.end), -1, np.int64)
        for index, window in enumerate(windows):
            for start, stop in window.test:
                path[start:stop] = index
        return cls(tuple(windows), path[None])


def walk(first: int, labels: Labels, validation: Validation) -> list[Window]:
    """The windows of a walk-forward; `first` is the first date with something to learn from."""
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
        found.append(Window(((max(first, rolled), purged),), ((int(test), int(stop)),)))
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
    rows = dates.searchsorted(pd.DatetimeIndex([read_day(text) for text in validation.dates]))
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
