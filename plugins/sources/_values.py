"""From the values of a file's columns to numbers and names; refused where they are not."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real

import numpy as np
import pandas as pd

from engine import DataError, FloatArray
from plugins.sources._dates import row_of


def numbers(
    column: pd.Series, what: str, remedy: Callable[[str], str] = lambda value: ""
) -> FloatArray:
    """Return a column as float64, shape (R,); null becomes NaN.

    `remedy` says of the first text what else than mending it may help.

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
        value = str(column.iloc[wrong[0]])
        raise DataError(
            f"{what} should hold numbers, but {len(wrong)} rows do not, first "
            f"{value!r} in row {row_of(column, wrong)}: mend it{remedy(value)}"
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


def codes(column: pd.Series) -> pd.Categorical:
    """Return a column of codes as labels: 4510 and 4510.0 are "4510"; null stays null."""
    found = pd.Categorical(column)
    return found.rename_categories({code: _code(code) for code in found.categories})


def _code(value: object) -> str:
    whole = isinstance(value, Real) and float(value).is_integer()
    return str(int(value)) if whole else str(value)  # type: ignore[call-overload]


def is_readable(column: pd.Series) -> bool:
    """Whether a column holds numbers or text, rather than dates, lists or nothing."""
    if isinstance(column.dtype, pd.CategoricalDtype) or pd.api.types.is_numeric_dtype(column):
        return True
    known = column.first_valid_index()
    return known is not None and isinstance(column.loc[known], (str, Real))


def names(column: pd.Series, what: str) -> pd.Categorical:
    """Return a column of symbols as text; null and "" are refused."""
    found = pd.Categorical(column)
    text = [str(name) for name in found.categories]
    wrong = np.flatnonzero(found.codes < 0)
    if not len(wrong) and "" in text:
        wrong = np.flatnonzero(found.codes == text.index(""))
    if len(wrong):
        raise DataError(
            f"{what} is empty in {len(wrong)} rows, first in row {row_of(column, wrong)}: "
            "a bar needs a symbol; mend it, or read another column with +source.columns.symbol=…"
        )
    return found.rename_categories(dict(zip(found.categories, text, strict=True)))
