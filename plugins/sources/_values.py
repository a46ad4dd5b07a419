"""From the values of a file's columns to numbers, dates and names; refused where they are not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine import ConfigError, DataError, FloatArray


def numbers(column: pd.Series, what: str, hint: str = "") -> FloatArray:
    """Return a column as float64, shape (R,); null becomes NaN.

    Raises
    ------
    DataError
        A value is text; the message names `what`, the first such value and its row.
    """
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(np.float64, na_value=np.nan)
    parsed = pd.to_numeric(column.astype(object), errors="coerce")
    wrong = np.flatnonzero((parsed.isna() & column.notna()).to_numpy())
    if len(wrong):
        raise DataError(
            f"{what} should hold numbers, but {len(wrong)} rows do not, first "
            f"{str(column.iloc[wrong[0]])!r} in row {_row(column, wrong)}: mend it{hint}"
        )
    return parsed.to_numpy(np.float64, na_value=np.nan)


def is_label(column: pd.Series) -> bool:
    """Whether a further column is text without any number in it.

    A text column with some numbers is a number column with dirt, which `numbers` refuses.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        values = pd.Series(column.cat.categories, dtype=object)
    elif pd.api.types.is_numeric_dtype(column):
        return False
    else:
        values = pd.Series(column.dropna().unique(), dtype=object)
    parsed = pd.to_numeric(values, errors="coerce").notna()
    return not parsed.any() or bool(parsed.all())


def is_readable(column: pd.Series) -> bool:
    """Whether a column holds numbers or text, rather than dates, lists or nothing."""
    if isinstance(column.dtype, pd.CategoricalDtype) or pd.api.types.is_numeric_dtype(column):
        return True
    known = column.first_valid_index()
    return known is not None and isinstance(column.loc[known], str)


def names(column: pd.Series, what: str) -> pd.Categorical:
    """Return a column of symbols as text; null and "" are refused."""
    found = pd.Categorical(column)
    text = [str(name) for name in found.categories]
    wrong = np.flatnonzero(found.codes < 0)
    if not len(wrong) and "" in text:
        wrong = np.flatnonzero(found.codes == text.index(""))
    if len(wrong):
        raise DataError(
            f"{what} is empty in {len(wrong)} rows, first in row {_row(column, wrong)}: "
            "a bar needs a symbol; mend it, or read another column with +source.columns.symbol=…"
        )
    return found.rename_categories(dict(zip(found.categories, text, strict=True)))


def stamps(
    column: pd.Series, what: str, timezone: str, date_format: str | None
) -> pd.DatetimeIndex:
    """Return a column of dates or times in UTC.

    Plain dates (every stamp a midnight where it was taken) stay the dates they are, as
    midnights in UTC. Other stamps are instants: those without a timezone are in `timezone`.

    Raises
    ------
    DataError
        A value is no date, or null; the message names `what`, the value and its row.
    ConfigError
        `timezone` is not a timezone.
    """
    found = pd.DatetimeIndex(_parsed(column, what, date_format))
    wrong = np.flatnonzero(found.isna())
    if len(wrong):
        form = date_format or "2020-01-31"
        raise DataError(
            f"{what} is not a date in {len(wrong)} rows, first {str(column.iloc[wrong[0]])!r} "
            f"in row {_row(column, wrong)}: expected {form}; mend it, or set "
            "source.date_format='%d/%m/%Y'"
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


def _parsed(column: pd.Series, what: str, date_format: str | None) -> pd.Index:
    """Dates as far as they can be read, NaT elsewhere."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return pd.DatetimeIndex(column)
    if pd.api.types.is_numeric_dtype(column):  # 20200131; never nanoseconds since 1970
        column, date_format = column.astype("Int64").astype("str"), date_format or "%Y%m%d"
    code, values = pd.factorize(column)
    text = pd.Series(values, dtype=object).astype(str)
    try:
        parsed = pd.to_datetime(text, format=date_format or "ISO8601", errors="coerce")
    except ValueError:  # offsets differ, as over a change to daylight saving time
        parsed = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True)
    return pd.DatetimeIndex(parsed.take(code)).where(code >= 0)


def _row(column: pd.Series, wrong: npt.NDArray[np.intp]) -> int:
    """The first wrong row as one counts them in the file, other symbols' rows among them."""
    return int(column.index[wrong[0]]) + 1
