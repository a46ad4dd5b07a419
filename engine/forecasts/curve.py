"""Learning curve: the last training again, on its last years alone."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from engine.core.errors import ConfigError
from engine.forecasts.labels import Labels
from engine.forecasts.ranges import clip
from engine.forecasts.splits import Validation, Window
from engine.forecasts.training import Split


@dataclass(frozen=True)
class Point:
    """The last training on its last `years`, judged on the dates that it forecasts anyway."""

    years: int
    split: Split


def shorten(window: Window, labels: Labels, validation: Validation) -> list[tuple[int, Window]]:
    """Return the window with its last years of training dates, for each number of years."""
    start, stop = window.train[0][0], window.train[-1][1]
    begins = [_begin(labels.dates, stop, years) for years in validation.learning_curve]
    there = [y for y, row in zip(validation.learning_curve, begins, strict=True) if row >= start]
    if len(there) < len(begins):
        listed = str(there).replace(" ", "")
        raise ConfigError(
            f"validation.learning_curve={[*validation.learning_curve]}: the last training has "
            f"{labels.dates[start]:%Y-%m-%d} to {labels.dates[stop - 1]:%Y-%m-%d} to learn from: "
            f"type validation.learning_curve={listed}"
        )
    return [
        (years, Window(clip(window.train, row, stop), window.test))
        for years, row in zip(validation.learning_curve, begins, strict=True)
    ]


def _begin(dates: pd.DatetimeIndex, stop: int, years: int) -> int:
    """The first row within the years up to the row before `stop`; -1 where data begin later."""
    since = dates[stop - 1] - pd.DateOffset(years=years)
    return -1 if since < dates[0] else int(dates.searchsorted(since, side="right"))
