"""How many rows a year has: of data, for decisions; of a finished series, for reports.

Decisions need one number that later rows cannot change, so it is read once, when the panel is
built, from the first dates. Reports look back: a series' own rows over its own elapsed time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.core.options import Options, option

Days = npt.NDArray[np.datetime64]

CONSTANTS = (1, 4, 12, 52, 252, 365)
DAILY = 252.0  # of a single date
READ = 60  # dates whose spacing is read
FULL = 5  # dates whose bars are counted, below a day
CALENDAR, WEEKDAYS = 365.25, 365.25 * 5 / 7  # days a year
DAYS_AT_MOST = 400  # rows a year; more are bars below a day
CLOSE = 0.05  # a constant that is off by more is told of
SLACK = 5  # rows: a few holidays in a short sample tell nothing


@dataclass(frozen=True)
class Time(Options):
    """The conf node ``time``.

    Parameters
    ----------
    periods_per_year : number or "auto"
        Rows a year, by which factors, regimes and volatility targets annualise.
    """

    config_key: ClassVar[str] = "time"

    periods_per_year: int | float | str = option(
        "auto",
        "rows a year, such as 252, by which decisions annualise; auto: by the spacing of the dates",
        choices=("auto",),
        gt=0,
    )

    @property
    def number(self) -> float | None:
        """Rows a year; None for ``auto``."""
        return None if isinstance(self.periods_per_year, str) else float(self.periods_per_year)


def periods_per_year(dates: pd.DatetimeIndex) -> float:
    """Rows a year by the spacing of the first dates: one of `CONSTANTS`, or a multiple.

    1. The first 60 days that have a row are read, all of them where there are fewer; nothing
       after them counts.
    2. Days on weekdays alone are spaced in weekdays, others in calendar days. The constant
       nearest to the days a year over the mean spacing is taken, so weekdays alone are 252:
       60 days cannot tell 252 from 260.
    3. Where a day has several rows, the constant is multiplied by the most that one of the
       first five full days has: those after the first, up to the last but one.

    Parameters
    ----------
    dates : pandas.DatetimeIndex, shape (T,)
        UTC, unique, ascending.

    Returns
    -------
    float
        252 for fewer than two days.
    """
    day, counts = np.unique(_days(dates), return_counts=True)
    full = counts[1 : min(FULL + 1, len(counts) - 1)]
    rows = int(max(full, default=max(counts, default=1)))
    return _nearest(day[:READ]) * rows


def _days(dates: pd.DatetimeIndex) -> Days:
    days: Days = dates.tz_localize(None).to_numpy().astype("datetime64[D]")
    return days


def _nearest(day: Days) -> float:
    """The constant of some days, ascending and unique."""
    if len(day) < 2:
        return DAILY
    if np.is_busday(day).all():
        year, length = WEEKDAYS, float(np.busday_count(day[0], day[-1]))
    else:
        year, length = CALENDAR, float((day[-1] - day[0]).astype(int))
    rate = year * (len(day) - 1) / length
    return float(min(CONSTANTS, key=lambda constant: abs(constant - rate)))


@dataclass(frozen=True)
class Span:
    """Rows of returns, and the time in which they were made.

    Parameters
    ----------
    rows : int
    years : float
        Of 365.25 days, from the close before the first row to the last row.
    """

    rows: int
    years: float

    @property
    def rows_per_year(self) -> float:
        """NaN where no time has passed."""
        return self.rows / self.years if self.years > 0.0 else np.nan

    def text(self) -> str:
        """Both numbers in words."""
        return f"{self.rows} rows in {self.years:.2f} years, {self.rows_per_year:.1f} a year"

    def as_dict(self) -> dict[str, float]:
        """Both numbers, and their ratio."""
        return {"rows": self.rows, "years": self.years, "rows_per_year": self.rows_per_year}


def span(dates: pd.DatetimeIndex, eve: pd.Timestamp | None = None) -> Span:
    """The rows of some returns, and the time in which they were made.

    Parameters
    ----------
    dates : pandas.DatetimeIndex, shape (T,)
        Ascending.
    eve : pandas.Timestamp, optional
        The close before the first of them; by default as far before it as the dates are apart.
    """
    rows = len(dates)
    if rows and eve is not None:
        return Span(rows, count_years(pd.DatetimeIndex([eve, dates[-1]])))
    return Span(rows, count_years(dates) * rows / (rows - 1) if rows > 1 else 0.0)


def spell(rows: int, rows_per_year: float | None) -> str:
    """A number of rows in words: as days, but where a day has several rows."""
    unit = "row" if (rows_per_year or 0.0) > DAYS_AT_MOST else "day"
    return f"{rows} {unit}" if rows == 1 else f"{rows} {unit}s"


def count_rows_a_year(dates: pd.DatetimeIndex) -> float:
    """Rows a year over all dates, from the first one to the last; NaN for fewer than two."""
    years = count_years(dates)
    return (len(dates) - 1) / years if years > 0.0 else np.nan


def count_years(dates: pd.DatetimeIndex) -> float:
    """Years of 365.25 days from the first date to the last; 0 for fewer than two."""
    if len(dates) < 2:
        return 0.0
    return float((dates[-1] - dates[0]) / pd.Timedelta(days=CALENDAR))


def mismatch(dates: pd.DatetimeIndex, constant: float) -> float | None:
    """The rows a year that these dates have, where the constant is off by more than 5 %.

    A difference of up to 5 rows in all is none. The answer is rounded as one would write it.
    """
    rate, rows = count_rows_a_year(dates), len(dates) - 1
    if not abs(rate / constant - 1.0) > CLOSE or abs(rows - constant * count_years(dates)) <= SLACK:
        return None
    return float(f"{rate:.3g}") if rate < 100.0 else float(round(rate))


def advice(constant: float, rate: float) -> str:
    """One line: what was found, and what to type."""
    return (
        f"the bars have {rate:g} rows a year, and decisions count {constant:g}: "
        f"set time.periods_per_year={rate:g}"
    )
