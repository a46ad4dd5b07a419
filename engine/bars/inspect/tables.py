"""Tables that are no bars: whether their rows were known when their dates say so."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from engine.bars.inspect.finding import EXAMPLES, DataFinding, Example, by_severity, worst
from engine.core.errors import ConfigError, DataError, did_you_mean
from engine.core.panel import BoolArray, FloatArray
from engine.reading import Reading, needs, stamps

PLAIN = Reading()
USUAL = "16:00"  # when a market closes that is not named
_DAY = pd.Timedelta(days=1)
COPIED = 0.5  # of the rows, above which a column is taken for a copy of another


def inspect_known_at(
    frame: pd.DataFrame, known: str, period: str, reading: Reading = PLAIN
) -> list[DataFinding]:
    """Return rows that were known before the period that they report had ended.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per report; ``symbol`` is shown where there is one.
    known, period : str
        Columns of dates: when a row was known, and when its period ended.
    reading : Reading
        How the dates are written.

    Returns
    -------
    list of DataFinding
        ``known_before_period`` (error: such a date cannot be right), ``known_at_period_end``
        (error: of most rows, so that the end of the period stands for the day on which it was
        known) and ``known_missing`` (warning: it cannot be said when the row was known), where
        there are any. A row without an end of period is skipped.

    Raises
    ------
    DataError
        A column is not there, or holds no dates.
    """
    filed, ended = _moments(frame, known, reading), _moments(frame, period, reading)
    ahead = _days(ended - filed)
    late = "rows with {} before {}: known before the period ended"
    copied = "rows with {} equal to {}: nobody knew them when the period ended"
    equal = ahead == 0.0
    return by_severity(
        [
            _rows(
                frame, "known_before_period", "error", late.format(known, period),
                ahead > 0, ahead, ended,
                lambda i: f"{known} {filed[i]:%Y-%m-%d}, {period} {ended[i]:%Y-%m-%d}",
            ),
            _rows(
                frame, "known_at_period_end", "error", copied.format(known, period),
                equal & bool(equal.mean() > COPIED), np.zeros(len(frame)), ended,
                lambda i: f"{known} and {period} are {ended[i]:%Y-%m-%d}",
            ),
            _rows(
                frame, "known_missing", "warning", f"rows without {known}",
                np.asarray(filed.isna()), np.zeros(len(frame)), ended,
                lambda i: f"{known} is empty",
            ),
        ]
    )  # fmt: skip


def inspect_dates(
    frame: pd.DataFrame,
    stamp: str,
    date: str,
    zone: str,
    reading: Reading = PLAIN,
    close: str | None = None,
) -> list[DataFinding]:
    """Return rows whose time, on the clocks of `zone`, is of another day than their date.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per event, or per day; ``symbol`` is shown where there is one.
    stamp : str
        Column of times; those without a zone are taken for UTC.
    date : str
        Column of dates, as local days.
    zone : str
        Such as ``America/New_York``.
    reading : Reading
        How the dates are written.
    close : str, optional
        When the market closes, such as ``16:00``: what is later belongs to the next day.

    Returns
    -------
    list of DataFinding
        ``later_than_date`` (error: joining on the date looks ahead), ``earlier_than_date``
        (warning: the date is of another clock) and, without `close`, ``late_on_date`` (warning:
        later than most markets close), where there are any.

    Raises
    ------
    ConfigError
        `zone` is not known, or `close` is no time.
    DataError
        A column is not there, or holds no dates.
    """
    try:
        clock = zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        hint = did_you_mean(zone, zoneinfo.available_timezones())
        raise ConfigError(f"--zone={zone} is not known: {hint}") from error
    moment = _moments(frame, stamp, reading)
    wall = moment.tz_convert(clock).tz_localize(None)
    local = (wall + (_DAY - _read_time(close))).normalize() if close else wall.normalize()
    said = _moments(frame, date, reading).tz_localize(None).normalize()
    days = _days(local - said)

    def note(i: int) -> str:
        after = f", after {close} on {wall[i]:%Y-%m-%d}" if local[i] > wall[i] else ""
        return f"{stamp} {moment[i]:%Y-%m-%d %H:%M} UTC is {local[i]:%Y-%m-%d} in {zone}{after}"

    def find(name: str, severity: str, order: str, sign: float) -> DataFinding:
        what = f"rows whose {stamp} is on {order} day than {date}, in {zone}"
        return _rows(frame, name, severity, what, sign * days > 0, sign * days, said, note)

    late = (days == 0) & np.asarray(wall - local >= _read_time(USUAL))
    after = f"rows whose {stamp} is after {USUAL} in {zone}: for a market that closes, add --close"
    return by_severity(
        [
            find("later_than_date", "error", "a later", 1.0),
            find("earlier_than_date", "warning", "an earlier", -1.0),
            _rows(
                frame, "late_on_date", "warning", after, late, np.zeros(len(frame)), said,
                lambda i: f"{stamp} is {wall[i]:%Y-%m-%d %H:%M} in {zone}",
            ),
        ]
    )  # fmt: skip


def _read_time(text: str) -> pd.Timedelta:
    """A time of the day, as hours and minutes."""
    try:
        time = pd.Timedelta(f"{text}:00")
    except ValueError:
        time = _DAY
    if not pd.Timedelta(0) <= time < _DAY:
        raise ConfigError(f"--close={text} is no time of the day: write 16:00")
    return time


def inspect_table(frame: pd.DataFrame) -> list[DataFinding]:
    """Return what is odd about any table: cells that are empty, and rows that are there twice.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any table.

    Returns
    -------
    list of DataFinding
        ``empty_cells`` (info), with the emptiest columns, and ``same_row`` (warning).
    """
    empty = frame.isna()
    per_column = empty.sum()
    columns = [name for name in frame.columns if per_column[name]]
    order = sorted(columns, key=lambda name: -per_column[name])[:EXAMPLES]
    examples = tuple(
        Example(
            "", str(name), float(per_column[name]), f"{per_column[name] / len(frame):.1%} empty"
        )
        for name in order
    )
    again = np.asarray(frame.duplicated())
    day = pd.DatetimeIndex([pd.NaT] * len(frame))
    count = int(per_column.sum())
    return by_severity(
        [
            DataFinding(
                "empty_cells", count, count / max(empty.size, 1), "info",
                f"cells without a value, in {len(columns)} columns", examples,
            ),
            _rows(
                frame, "same_row", "warning", "rows that are there twice, cell for cell",
                again, np.zeros(len(frame)), day, lambda i: f"row {i + 1}",
            ),
        ]
    )  # fmt: skip


def hint(frame: pd.DataFrame, reading: Reading) -> str:
    """Return what else can be asked about a table, with its own columns of dates."""
    dates = [str(name) for name in frame.columns if _looks_dated(frame[name])]
    if len(dates) < 2:
        words = needs(frame.head(1000), reading, None)
        return f"bars under other names? Add {' '.join(words).replace('=…', '=COLUMN')}"
    first, second = dates[:2]
    return (
        f"its dates are {', '.join(dates)}: ask --known {second} --period {first}, or "
        f"--stamp {second} --date {first} --zone America/New_York"
    )


def _looks_dated(column: pd.Series[Any]) -> bool:
    if pd.api.types.is_datetime64_any_dtype(column):
        return True
    if pd.api.types.is_numeric_dtype(column) or not column.notna().any():
        return False
    head = column.dropna().head(20).astype(str)
    return bool(head.str.match(r"\d{4}-\d\d-\d\d").all())


def _moments(frame: pd.DataFrame, column: str, reading: Reading) -> pd.DatetimeIndex:
    """A column as times in UTC; NaT where it is empty."""
    if column not in frame:
        hint = did_you_mean(column, map(str, frame.columns))
        raise DataError(f"the table has no column {column!r}: {hint}")
    values = frame[column]
    if reading.date_format is not None:
        known = values.dropna()
        what = f"column {column!r}"
        days = pd.Series(stamps(known, what, reading.timezone, reading.date_format), known.index)
        return pd.DatetimeIndex(days.reindex(values.index))
    if pd.api.types.is_numeric_dtype(values):
        raise DataError(
            f"column {column!r} holds numbers, not dates: name another one, or set "
            "source.date_format"
        )
    try:
        return pd.DatetimeIndex(pd.to_datetime(values, utc=True, format="ISO8601"))
    except (ValueError, TypeError) as error:
        reason = str(error).split("\n")[0]
        raise DataError(f"column {column!r} does not hold dates: {reason}") from error


def _days(difference: pd.TimedeltaIndex) -> FloatArray:
    days: FloatArray = np.asarray(difference / pd.Timedelta(days=1), np.float64)
    return days


def _rows(
    frame: pd.DataFrame,
    name: str,
    severity: str,
    what: str,
    found: BoolArray,
    badness: FloatArray,
    date: pd.DatetimeIndex,
    note: Callable[[int], str],
) -> DataFinding:
    at = np.flatnonzero(found)

    def describe(row: int, value: float) -> Example:
        day = "" if pd.isna(date[row]) else f"{date[row]:%Y-%m-%d}"
        symbol = str(frame["symbol"].iloc[row]) if "symbol" in frame else ""
        return Example(day, symbol, value, note(row))

    share = len(at) / max(len(frame), 1)
    return DataFinding(name, len(at), share, severity, what, worst(at, badness[at], describe))
