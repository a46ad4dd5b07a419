"""What the contracts share: the keys of a long and of a dated frame, columns of numbers, rules.

Rules work on whole columns and skip NaN by themselves: letting pandera drop the nulls of a
large frame before each check takes longer than all the checks together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    from pandera.pandas import Check, Column, DataFrameSchema

ROUNDING = 1e-9  # a limit that is met is met but for the last bits


def long_frame(
    name: str, values: Mapping[str, Column], rules: Sequence[Check] = ()
) -> DataFrameSchema:
    """Return the contract of a frame with one row per date and symbol.

    Parameters
    ----------
    name : str
        What the frame holds, as reports call it.
    values : mapping of str to pandera.pandas.Column
        The columns besides ``timestamp`` and ``symbol``.
    rules : sequence of pandera.pandas.Check, optional
        What must hold between the columns, row by row.

    Returns
    -------
    pandera.pandas.DataFrameSchema
        Strict and without coercion: ``timestamp`` (UTC), ``symbol`` (categorical) and `values`;
        rows ascend by timestamp, then by the symbol's name, and no pair comes twice.
    """
    from pandera.pandas import Column  # slow to import

    keys = {
        "timestamp": Column(None, checks=_utc(), nullable=False),
        "symbol": Column("category", nullable=False),
    }
    order = [
        rule("sorted", "rows ascend by timestamp, then symbol", _pairs_ascend),
        rule("unique", "no (timestamp, symbol) pair comes twice", _pairs_differ),
    ]
    return _strict(name, {**keys, **values}, [*order, *rules])


def dated_frame(
    name: str, values: Mapping[str, Column], rules: Sequence[Check] = ()
) -> DataFrameSchema:
    """Return the contract of a frame with one row per date.

    Parameters
    ----------
    name, values, rules
        As for `long_frame`; there is no ``symbol``.

    Returns
    -------
    pandera.pandas.DataFrameSchema
        Strict and without coercion: ``timestamp`` (UTC, ascending, unique) and `values`.
    """
    from pandera.pandas import Column  # slow to import

    ascend = rule("sorted", "timestamps ascend and are unique", _stamps_ascend)
    return _strict(
        name,
        {"timestamp": Column(None, checks=[_utc(), ascend], nullable=False), **values},
        rules,
    )


def number(
    *,
    nullable: bool = False,
    ge: float | None = None,
    gt: float | None = None,
    within: tuple[float, float] | None = None,
    max_abs: float | None = None,
) -> Column:
    """Return the contract of a float64 column without infinities.

    Parameters
    ----------
    nullable : bool
        Whether NaN is allowed. The bounds never count NaN as a failure.
    ge, gt : float, optional
        Smallest value; value that every number exceeds.
    within : (float, float), optional
        Smallest and largest value.
    max_abs : float, optional
        Largest size, but for rounding.
    """
    from pandera.pandas import Column  # slow to import

    checks = [_numbers("finite", "no infinities", lambda x: ~np.isinf(x))]
    if ge is not None:
        checks.append(_numbers("ge", f"greater_than_or_equal_to({ge})", lambda x: ~(x < ge)))
    if gt is not None:
        checks.append(_numbers("gt", f"greater_than({gt})", lambda x: ~(x <= gt)))
    if within is not None:
        low, high = within
        text = f"in_range({low}, {high})"
        checks.append(_numbers("within", text, lambda x: ~((x < low) | (x > high))))
    if max_abs is not None:
        limit = max_abs * (1.0 + ROUNDING)
        text = f"at most {max_abs:g} in size"
        checks.append(_numbers("max_abs", text, lambda x: ~(np.abs(x) > limit)))
    return Column("float64", checks=checks, nullable=nullable)


def rule(name: str, error: str, holds: Callable[[Any], pd.Series[bool] | bool]) -> Check:
    """Return a check that sees the whole column or frame, nulls included.

    Parameters
    ----------
    name, error : str
        The rule in a word, and in the words of a report.
    holds : callable
        From the column or the frame to whether it keeps the rule, row by row or as a whole.
    """
    from pandera.pandas import Check  # slow to import

    return Check(holds, name=name, error=error, ignore_na=False)


def _strict(name: str, columns: Mapping[str, Column], rules: Sequence[Check]) -> DataFrameSchema:
    from pandera.pandas import DataFrameSchema  # slow to import

    return DataFrameSchema(dict(columns), checks=list(rules), strict=True, coerce=False, name=name)


def _numbers(
    name: str, error: str, holds: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.bool_]]
) -> Check:
    def each(values: pd.Series[float]) -> pd.Series[bool]:
        array = np.asarray(values, np.float64)
        return pd.Series(holds(array), index=values.index, dtype=bool)

    return rule(name, error, each)


def _utc() -> Check:
    return rule("utc", "timestamps are in UTC", _is_utc)


def _is_utc(stamps: pd.Series[pd.Timestamp]) -> bool:
    return isinstance(stamps.dtype, pd.DatetimeTZDtype) and str(stamps.dtype.tz) == "UTC"


def _stamps_ascend(stamps: pd.Series[pd.Timestamp]) -> pd.Series[bool]:
    """Whether each row comes after the one before it."""
    stamp = _ticks(stamps)
    holds = np.ones(len(stamps), bool)
    holds[1:] = stamp[1:] > stamp[:-1]
    return pd.Series(holds, index=stamps.index, dtype=bool)


def _pairs_ascend(frame: pd.DataFrame) -> pd.Series[bool]:
    """Whether each row comes after the one before it, by timestamp, then by symbol."""
    stamp = _ticks(frame["timestamp"])
    symbol = frame["symbol"].astype("category").cat
    codes = symbol.codes.to_numpy()
    # codes follow the order of the categories, which need not be that of the names
    place = np.argsort(np.argsort(symbol.categories.to_numpy())).astype(codes.dtype)[codes]
    holds = np.ones(len(frame), bool)
    beside = (stamp[1:] == stamp[:-1]) & (place[1:] > place[:-1])
    holds[1:] = (stamp[1:] > stamp[:-1]) | beside
    return pd.Series(holds, index=frame.index, dtype=bool)


def _pairs_differ(frame: pd.DataFrame) -> pd.Series[bool] | bool:
    """Whether each row's pair is new; pairs that ascend need no search."""
    if _pairs_ascend(frame).all():
        return True
    return ~frame.duplicated(["timestamp", "symbol"])


def _ticks(stamps: pd.Series[pd.Timestamp]) -> npt.NDArray[np.int64]:
    return np.asarray(stamps.astype("int64"), np.int64)  # to_numpy would make objects
