"""From a column of dates, however it was saved, to UTC; refused where a reading is a guess.

1. Read the column: dates and times as such, text by the format or as ISO 8601, numbers by the
   unit that `date_format` names.
2. Refuse what is no date, and naive times among aware ones, with the first such row.
3. Midnights are dates and stay so, whatever their zone; everything else is an instant.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.core.errors import ConfigError, DataError

EXCEL = "excel"
COUNTS = {EXCEL: "D", "s": "s", "ms": "ms", "us": "us", "ns": "ns"}
YEARS = (1800, 2200)  # beyond them it is a placeholder, or a count in another unit
# From which size on a bare number looks like a count in a unit.
LOOKS = ((1e17, "ns"), (1e14, "us"), (1e11, "ms"), (1e8, "s"), (1e4, EXCEL))
OFFSET = r"(?<=\d)\s*(?:[Zz]|[+-]\d{2}(?::?\d{2})?)$"
BARE = re.compile(r"(1[89]|2[01])\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")  # 20200131
BETWEEN = re.compile(r"\d{1,2}([/.-])\d{1,2}\1\d{2,4}")
AWARE = r"\d[T ]\d{2}.*" + OFFSET


def stamps(
    column: pd.Series, what: str, timezone: str, date_format: str | None
) -> pd.DatetimeIndex:
    """Return a column of dates or times in UTC.

    Plain dates (every stamp a midnight where it was taken) stay the dates they are, as
    midnights in UTC. Other stamps are instants: those without a timezone are in `timezone`.

    Parameters
    ----------
    column : pandas.Series
        Its index counts the file's rows from 0.
    what : str
        Names the file and the column in messages.
    timezone : str
        Of times without one.
    date_format : str, optional
        Of text; or a key of `COUNTS` for numbers since 1970 or of a spreadsheet's days.

    Raises
    ------
    DataError
        A value is no date, or null, or naive among aware ones; the message names `what`, the
        value and its row.
    ConfigError
        `timezone` is not a timezone, or `date_format` no format.
    """
    found = _parse(column, what, date_format)
    wrong = np.flatnonzero(found.isna() | (found.year < YEARS[0]) | (found.year > YEARS[1]))
    if len(wrong):
        value = column.iloc[wrong[0]]
        raise DataError(
            f"{what} is not a date in {len(wrong)} rows, first {str(value)!r} "
            f"in row {row_of(column, wrong)}: {_hint(value, date_format)}"
        )
    try:
        own = timezone if found.tz is None else str(found.tz)
        aware = found.tz_localize(timezone) if found.tz is None else found
        for zone in (own, timezone):
            local = aware.tz_convert(zone).tz_localize(None)
            if found.tz is None:
                local = found  # a midnight that daylight saving skips is a date all the same
            if (local == local.normalize()).all():
                return local.tz_localize("UTC")
        return aware.tz_convert("UTC")
    except (KeyError, ValueError) as error:
        reason = str(error).split("\n")[0]
        raise ConfigError(f"source.timezone={timezone} does not fit {what}: {reason}") from error


def row_of(column: pd.Series, wrong: npt.NDArray[np.intp]) -> int:
    """The first wrong row as one counts them in the file, other symbols' rows among them."""
    return int(column.index[wrong[0]]) + 1


def _parse(column: pd.Series, what: str, date_format: str | None) -> pd.DatetimeIndex:
    """Dates as far as they can be read, NaT elsewhere."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return pd.DatetimeIndex(column)
    if date_format in COUNTS:
        return _parse_counts(column, str(date_format))
    if pd.api.types.is_numeric_dtype(column):  # 20200131; never nanoseconds since 1970
        whole = column.where(column.astype("Float64") % 1 == 0)
        column, date_format = whole.astype("Int64").astype("str"), date_format or "%Y%m%d"
    code, values = pd.factorize(column)
    text = pd.Series(values, dtype=object).astype(str).str.strip()
    parsed = _iso(text, column, what) if date_format is None else _parse_format(text, date_format)
    return pd.DatetimeIndex(parsed.take(code).where(code >= 0))


def _parse_counts(column: pd.Series, unit: str) -> pd.DatetimeIndex:
    """Numbers of days or seconds; whole numbers keep their nanoseconds."""
    plain = column if pd.api.types.is_numeric_dtype(column) else column.astype(object)
    number = pd.to_numeric(plain, errors="coerce")
    if not pd.api.types.is_integer_dtype(number) and (number.dropna() % 1 == 0).all():
        number = number.astype("Int64")
    origin = "1899-12-30" if unit == EXCEL else "unix"
    read = pd.to_datetime(number, unit=COUNTS[unit], origin=origin, errors="coerce")  # type: ignore[call-overload]  # COUNTS' values are its units
    index = pd.DatetimeIndex(read)
    return index.round("s") if unit == EXCEL else index.tz_localize("UTC")


def _iso(text: pd.Series, column: pd.Series, what: str) -> pd.DatetimeIndex:
    text = text.mask(text.str.fullmatch(r"\d{1,7}|\d{9,}"))  # 2020 is a number, not a day
    aware = text.str.contains(AWARE, na=False)
    naive = ~aware & text.notna()
    if aware.any() and naive.any():
        few = aware if aware.sum() < naive.sum() else naive
        rows = np.flatnonzero(column.astype(str).str.strip().isin(text[few]))
        raise DataError(
            f"{what} has times with and without a timezone: {int(aware.sum())} with, "
            f"{int(naive.sum())} without, first {text[few].iloc[0]!r} in row "
            f"{row_of(column, rows)}: write all of them one way"
        )
    if not aware.any():
        return pd.DatetimeIndex(pd.to_datetime(text, format="ISO8601", errors="coerce"))
    wall = text.str.replace(OFFSET, "", regex=True)
    local = pd.DatetimeIndex(pd.to_datetime(wall, format="ISO8601", errors="coerce"))
    if (local == local.normalize()).all():  # NaT is not: it is refused by the caller
        return local
    return pd.DatetimeIndex(pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True))


def _parse_format(text: pd.Series, date_format: str) -> pd.DatetimeIndex:
    try:
        try:
            return pd.DatetimeIndex(pd.to_datetime(text, format=date_format, errors="coerce"))
        except ValueError:  # offsets differ, as over a change to daylight saving time
            read = pd.to_datetime(text, format=date_format, errors="coerce", utc=True)
            return pd.DatetimeIndex(read)
    except ValueError as error:
        reason = str(error).split("\n")[0]
        raise ConfigError(
            f"source.date_format={date_format}: {reason}; write it like %d/%m/%Y, or one of "
            f"{', '.join(COUNTS)}"
        ) from error


def _hint(value: object, date_format: str | None) -> str:
    text = str(value).strip()
    if date_format is not None:
        return f"expected {date_format}; mend it, or set source.date_format to what it is"
    between = BETWEEN.match(text)
    if between:
        day, month = orders(between[1])
        return f"day or month first? write 2020-01-31, or set source.date_format={day} or ={month}"
    unit = guess_unit(text)
    if unit is not None:
        name = "Excel's day numbers" if unit == EXCEL else f"{unit} since 1970"
        return f"if these are {name}, set source.date_format={unit}"
    return "expected 2020-01-31; mend it, or set source.date_format='%d/%m/%Y'"


def orders(sign: str) -> tuple[str, str]:
    """Return the formats of 31/01/2020 and of 01/31/2020, with this sign between the parts."""
    return f"%d{sign}%m{sign}%Y", f"%m{sign}%d{sign}%Y"


def guess_unit(text: str) -> str | None:
    """Return the key of `COUNTS` that a bare number looks like; None for other text."""
    if not re.fullmatch(r"\d+(\.\d+)?", text) or float(text) >= 8e18 or BARE.fullmatch(text):
        return None
    return next((unit for size, unit in LOOKS if float(text) >= size), None)
