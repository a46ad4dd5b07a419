"""From the values of a table's columns to numbers and names; refused where they are not."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.core.errors import DataError
from engine.core.panel import FloatArray
from engine.reading.dates import row_of

# A sign in front of each number of a column, such as $12.5 or -$3: it says what is counted.
CURRENCY = re.compile(r"\s*([+-]?)\s*([$€£¥₹])\s*(.*?)\s*")
BYTES = re.compile(r"b'([^']*)'|b\"([^\"]*)\"")  # bytes that were saved as text
WHOLE = re.compile(r"(\d+)\.0+")  # a code that was saved as a number


def numbers(
    column: pd.Series,
    what: str,
    remedy: Callable[[str], str] = lambda value: "",
    plain: Callable[[str], str] = lambda value: value,
) -> FloatArray:
    """Return a column as float64, shape (R,); null becomes NaN.

    One currency sign in front of every value of a column is left out.

    Parameters
    ----------
    column : pandas.Series
        Its index counts the table's rows from 0.
    what : str
        Names the table and the column in messages.
    remedy : callable
        From the first text that is no number to what else than mending it may help.
    plain : callable
        From a number as the table writes it, without its currency, to one with a point.

    Raises
    ------
    DataError
        A value is text; the message names `what`, the first such value and its row.
    """
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(np.float64, na_value=np.nan)
    objects = column.astype(object)
    parsed = pd.to_numeric(objects, errors="coerce")
    wrong = np.flatnonzero((parsed.isna() & column.notna()).to_numpy())
    if len(wrong):
        paid = _without_currency(objects, plain)
        if paid is not None:
            return paid
        value = str(column.iloc[wrong[0]])
        raise DataError(
            f"{what} should hold numbers, but {len(wrong)} rows do not, first "
            f"{value!r} in row {row_of(column, wrong)}: mend it{remedy(value)}"
        )
    return parsed.to_numpy(np.float64, na_value=np.nan)


def _without_currency(column: pd.Series, plain: Callable[[str], str]) -> FloatArray | None:
    """The numbers of a column whose every value has the same currency sign; else None."""
    code, values = pd.factorize(column)
    found = [CURRENCY.fullmatch(str(value)) for value in values]
    if None in found or len({match[2] for match in found if match}) != 1:
        return None
    texts = [match[1] + plain(match[3]) for match in found if match]
    parsed = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").to_numpy(np.float64)
    if np.isnan(parsed).any():
        return None
    return np.append(parsed, np.nan)[code]  # a null has the code -1


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
    if all(CURRENCY.fullmatch(str(value)) for value in values):
        return not len(values)
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


def name_symbol(value: object) -> str:
    """Return a symbol as text: 600519.0 is "600519", b'S00' is "S00", " A " is "A"."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip()
    if not isinstance(value, str):
        return _code(value)
    text = value.strip()
    quoted, whole = BYTES.fullmatch(text), WHOLE.fullmatch(text)
    if quoted:
        return (quoted[1] or quoted[2] or "").strip()
    return whole[1] if whole else text


def spellings(name: str) -> tuple[str, ...]:
    """Return texts that `name_symbol` reads as this symbol, blanks apart."""
    return name, f"b'{name}'", f'b"{name}"', f"{name}.0"


def names(column: pd.Series, what: str) -> pd.Categorical:
    """Return a column of symbols as text; null and "" are refused."""
    found = pd.Categorical(column)
    text = [name_symbol(name) for name in found.categories]
    wrong = np.flatnonzero(found.codes < 0)
    if not len(wrong) and "" in text:
        wrong = np.flatnonzero(np.array([name == "" for name in text])[found.codes])
    if len(wrong):
        raise DataError(
            f"{what} is empty in {len(wrong)} rows, first in row {row_of(column, wrong)}: "
            "a bar needs a symbol; mend it, or read another column with +source.columns.symbol=…"
        )
    distinct = list(dict.fromkeys(text))
    place = {name: i for i, name in enumerate(distinct)}
    code = np.array([place[name] for name in text], np.intp)[found.codes]
    return to_categorical(code, distinct)


def to_categorical(code: npt.NDArray[np.intp], categories: Sequence[str]) -> pd.Categorical:
    """Return symbols by their place among `categories`, each of which is there once."""
    every: Any = list(categories)
    laid: pd.Categorical = pd.Categorical(every, categories=every).take(code)
    return laid
