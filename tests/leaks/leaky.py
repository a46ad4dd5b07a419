"""Factors that look ahead as one meets them, and beside each the same idea without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import engine

FIRST = 100  # rows from which an honest one learns what a leak learns from all
HORIZON = 5
CANDIDATES = 20


def shift(x: engine.FloatArray, rows: int) -> engine.FloatArray:
    """The value of some rows ago, or of rows ahead where `rows` is below 0."""
    out = np.full(x.shape, np.nan)
    if 0 <= rows < len(x):
        out[rows:] = x[: len(x) - rows]
    elif -len(x) < rows < 0:
        out[:rows] = x[-rows:]
    return out


def running_mean(x: engine.FloatArray) -> engine.FloatArray:
    """The mean of each column's values so far; NaN before the first."""
    count = np.cumsum(np.isfinite(x), axis=0, dtype=float)
    total = np.cumsum(np.nan_to_num(x), axis=0)
    return np.divide(total, count, out=np.full(x.shape, np.nan), where=count > 0)


def mean(x: engine.FloatArray, axis: int | None = None) -> engine.FloatArray:
    """The mean of what is known; NaN where nothing is."""
    known = np.isfinite(x)
    count = np.asarray(known.sum(axis=axis), float)
    total = np.where(known, x, 0.0).sum(axis=axis)
    return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)


def deviation(x: engine.FloatArray) -> engine.FloatArray:
    """Of each column, from all of its rows."""
    return np.sqrt(mean((x - mean(x, axis=0)) ** 2, axis=0))


def over(x: engine.FloatArray, y: engine.FloatArray) -> engine.FloatArray:
    """A quotient; NaN where it has none."""
    out = np.full(np.broadcast_shapes(x.shape, y.shape), np.nan)
    return np.divide(x, y, out=out, where=np.isfinite(y) & (y != 0.0))


@dataclass(frozen=True)
class ZScore(engine.Factor):
    """A return less its symbol's mean, over its deviation: both of the whole sample."""

    name: ClassVar[str] = "zscore_all"

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        x = panel.returns
        return over(x - mean(x, axis=0), deviation(x))


@dataclass(frozen=True)
class ZScoreSoFar(engine.Factor):
    """The same with mean and deviation of the rows up to each."""

    name: ClassVar[str] = "zscore_so_far"

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        x = panel.returns
        centre = running_mean(x)
        spread = np.sqrt(np.fmax(running_mean(x * x) - centre**2, 0.0))
        return over(x - centre, np.where(spread > 1e-9, spread, np.nan))


@dataclass(frozen=True)
class LastLabel(engine.Factor):
    """The last label as a feature: a return of 5 rows from the close after a decision.

    It is moved down by its horizon. A label is known one row later than that.
    """

    name: ClassVar[str] = "label_shifted_by_horizon"
    delay: ClassVar[int] = HORIZON

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        close = panel["close"]
        label = over(shift(close, -HORIZON - 1), shift(close, -1)) - 1.0
        return shift(label, self.delay)


@dataclass(frozen=True)
class LastKnownLabel(LastLabel):
    """The same, moved down by the horizon and the row between decision and entry."""

    name: ClassVar[str] = "label_shifted_by_horizon_and_1"
    delay: ClassVar[int] = HORIZON + 1


@dataclass(frozen=True)
class Scaled(engine.Factor):
    """Two features, each divided by its deviation over all rows, then added."""

    name: ClassVar[str] = "scaled_before_split"
    learnt: ClassVar[int | None] = None  # rows that it learns from; None is all of them

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        close = panel["close"]
        features = [over(close, shift(close, rows)) - 1.0 for rows in (1, HORIZON)]
        units = [np.sqrt(mean(x[: self.learnt] ** 2)) for x in features]
        out = np.sum([over(x, unit) for x, unit in zip(features, units, strict=True)], axis=0)
        out[: (self.learnt or 1) - 1] = np.nan
        return np.asarray(out)


@dataclass(frozen=True)
class ScaledAfter(Scaled):
    """The same with deviations of the first 100 rows, from the last of them on."""

    name: ClassVar[str] = "scaled_after_split"
    learnt: ClassVar[int | None] = FIRST


@dataclass(frozen=True)
class Selected(engine.Factor):
    """Of 20 earlier returns, the one that went best with the next return over all rows."""

    name: ClassVar[str] = "selected_before_split"
    learnt: ClassVar[int | None] = None

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        x = panel.returns[: self.learnt]
        later = shift(x, -1)
        products = [mean(shift(x, lag) * later) for lag in range(CANDIDATES)]
        best = int(np.argmax(np.nan_to_num(np.abs(products))))
        out = shift(panel.returns, best)
        out[: (self.learnt or 1) - 1] = np.nan
        return out


@dataclass(frozen=True)
class SelectedAfter(Selected):
    """The same, selected on the first 100 rows and given from the last of them on."""

    name: ClassVar[str] = "selected_after_split"
    learnt: ClassVar[int | None] = FIRST


@dataclass(frozen=True)
class Encoded(engine.Factor):
    """Each symbol as the mean of its label over all rows."""

    name: ClassVar[str] = "target_encoded"

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        close = panel["close"]
        label = over(shift(close, -HORIZON), close) - 1.0
        return np.where(panel.present, mean(label, axis=0), np.nan)


@dataclass(frozen=True)
class EncodedSoFar(engine.Factor):
    """Each symbol as the mean of those labels that had ended by each row."""

    name: ClassVar[str] = "target_encoded_so_far"

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        close = panel["close"]
        ended = over(close, shift(close, HORIZON)) - 1.0
        return np.where(panel.present, running_mean(ended), np.nan)


@dataclass(frozen=True)
class Centred(engine.Factor):
    """The mean return of five rows, of which this one is the middle."""

    name: ClassVar[str] = "centred_window"
    lags: ClassVar[tuple[int, ...]] = (-2, -1, 0, 1, 2)

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        return mean(np.stack([shift(panel.returns, lag) for lag in self.lags]), axis=0)


@dataclass(frozen=True)
class Trailing(Centred):
    """The mean return of five rows, of which this one is the last."""

    name: ClassVar[str] = "trailing_window"
    lags: ClassVar[tuple[int, ...]] = (0, 1, 2, 3, 4)


@dataclass(frozen=True)
class RareDate(engine.Factor):
    """A return, and on the last session of December alone that of the next session."""

    name: ClassVar[str] = "last_of_december"

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        values = panel.returns.copy()
        last = np.flatnonzero(np.diff(np.asarray(panel.dates.year)))
        values[last] = panel.returns[last + 1]
        return values


@dataclass(frozen=True)
class RareDateKnown(engine.Factor):
    """A return, and from 29 December to the year's end half of it: the calendar is known."""

    name: ClassVar[str] = "end_of_december"

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        days = panel.dates
        late = np.asarray((days.month == 12) & (days.day >= 29))
        return np.where(late[:, None], 0.5, 1.0) * panel.returns


@dataclass(frozen=True)
class Level(engine.Factor):
    """The adjusted close itself."""

    name: ClassVar[str] = "adjusted_level"

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        return panel["close"].copy()


@dataclass(frozen=True)
class Relative(engine.Factor):
    """The adjusted close over that of 20 rows ago."""

    name: ClassVar[str] = "adjusted_ratio"

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        return over(panel["close"], shift(panel["close"], 20))


LEAKS = (ZScore, LastLabel, Scaled, Selected, Encoded, Centred, RareDate, Level)
HONEST = (
    ZScoreSoFar,
    LastKnownLabel,
    ScaledAfter,
    SelectedAfter,
    EncodedSoFar,
    Trailing,
    RareDateKnown,
    Relative,
)


@engine.hookimpl
def register_factors() -> list[type[engine.Factor]]:
    return [*LEAKS, *HONEST]
