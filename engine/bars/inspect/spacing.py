"""Whether the dates have as many rows a year as decisions count."""

from __future__ import annotations

import numpy as np

from engine.bars.inspect.finding import DataFinding, Example
from engine.bars.inspect.tape import Tape
from engine.core.periods import advice, mismatch
from engine.core.periods import periods_per_year as by_the_dates

WHAT = "rows a year, over all dates, more than 5 % off those that decisions count"


def spacing(bars: Tape, periods_per_year: float | None) -> DataFinding:
    """The finding that all dates together are spaced otherwise than decisions take them to be.

    Parameters
    ----------
    bars : Tape
    periods_per_year : float, optional
        Rows a year that decisions count; by default read from the first dates.
    """
    dates = bars.days[np.flatnonzero(np.bincount(bars.day, minlength=len(bars.days)))]
    constant = by_the_dates(dates) if periods_per_year is None else periods_per_year
    rate = mismatch(dates, constant)
    examples = () if rate is None else (Example("", "", rate, advice(constant, rate)),)
    count = len(examples)
    return DataFinding(
        "spacing", count, float(count), "warning", WHAT, examples, "time.periods_per_year"
    )
