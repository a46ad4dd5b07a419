"""Forecasts that another program made, from a parquet file."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import engine
from engine.plugins._column import Column, Met

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FileModel(engine.Model):
    """Forecasts made elsewhere, taken as they stand, by date and symbol.

    Nothing is learnt, and nothing is forecast where the file has no row. The engine cannot know
    what the other program had seen when it made them: the audit says so, and so does the report.
    Forecasts of dates before the first training's (validation.min_train) are left out, as a model's
    own are.
    """

    name: ClassVar[str] = "file"
    made_elsewhere: ClassVar[bool] = True

    path: str = engine.option("", "parquet file with timestamp, symbol and the column", file=True)
    column: str = engine.option("", "column to read: forecasts as known at the close of their date")

    def learn(self, training: engine.Training) -> engine.Forecaster:
        """Read the file."""
        if not self.path or not self.column:
            raise engine.ConfigError(
                "model=file needs a file and its column: type model.path=FILE model.column=NAME"
            )
        column = Column.read(self.path, self.column, "model")
        met = Met.count(column, training.dates, training.symbols)
        if met.few:
            log.warning("%s: %s", self.path, met.text)
        values = column.lay_out(training.dates, training.symbols)
        if not np.isfinite(values).any():
            raise engine.DataError(f"{self.path}: no forecast for any bar: {met.text}")
        return _Read(values)


@dataclass(frozen=True, eq=False)
class _Read:
    values: engine.FloatArray  # (T, N), symbols by name

    def forecast(self, rows: engine.Rows) -> engine.FloatArray:
        """Return what the file has for rows, shape (R,); NaN where it has none."""
        found: engine.FloatArray = self.values[rows.date, rows.symbol]
        return np.where(np.isfinite(found), found, np.nan)
