"""What the contracts share: keys of long, dated and listed frames, columns of numbers, rules.

Rules work on whole columns and skip NaN by themselves: letting pandera drop the nulls of a
large frame before each check takes longer than all the checks together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.schemas.contract import Check, Column, Contract

ROUNDING = 1e-9  # a limit that is met is met but for the last bits


def long_frame(
    name: str,
    values: Mapping[str, Column],
    rules: Sequence[Check] = (),
    *,
    key: str = "symbol",
    kind: str = "category",
) -> Contract:
    """Return the contract of a frame with one row per date and symbol.

    Parameters
    ----------
    name : str
        What the frame holds, as reports call it.
    values : mapping of str to Column
        The columns besides ``timestamp`` and ``symbol``.
    rules : sequence of Check, optional
        What must hold between the columns, row by row.
    key, kind : str
        Name and type of the column that stands in place of ``symbol``.

    Returns
    -------
    Contract
        Strict and without coercion: ``timestamp`` (UTC), `key` and `values`; rows ascend by
        timestamp, then by the symbol's name, and no pair comes twice.
    """
    keys = {"timestamp": moment(), key: Column(kind)}
    order = [
        rule("sorted", f"rows ascend by timestamp, then {key}", lambda frame: _ascend(frame, key)),
        Check(
            "unique",
            f"no (timestamp, {key}) pair comes twice",
            lambda frame: _differ(frame, key),
            implied=True,
        ),
    ]
    return strict_frame(name, {**keys, **values}, [*order, *rules])


def dated_frame(name: str, values: Mapping[str, Column], rules: Sequence[Check] = ()) -> Contract:
    """Return the contract of a frame with one row per date.

    Parameters
    ----------
    name, values, rules
        As for `long_frame`; there is no ``symbol``.

    Returns
    -------
    Contract
        Strict and without coercion: ``timestamp`` (UTC, ascending, unique) and `values`.
    """
    ascend = rule("sorted", "timestamps ascend and are unique", _stamps_ascend)
    return strict_frame(name, {"timestamp": moment(ascend), **values}, rules)


def listed_frame(
    name: str,
    keys: Sequence[str],
    rows: Sequence[tuple[str | int, ...]],
    values: Mapping[str, Column],
    rules: Sequence[Check] = (),
) -> Contract:
    """Return the contract of a small frame whose keys are known before it is made.

    Parameters
    ----------
    name, values, rules
        As for `long_frame`.
    keys : sequence of str
        Names of the columns that tell the rows apart.
    rows : sequence of tuple
        What stands in them, row by row: text, or whole numbers. Without any row no column has
        a type, for nothing gives it one.

    Returns
    -------
    Contract
        Strict and without coercion: `keys` and `values`, with exactly these rows in this order.
    """

    def has_rows(frame: pd.DataFrame) -> pd.Series[bool] | bool:
        return len(frame) == len(rows) and _equal(frame, keys, rows)

    exact = rule("rows", f"one row per {' and '.join(keys)}, in their order", has_rows)
    if not rows:
        return strict_frame(name, {c: Column("object") for c in (*keys, *values)}, [exact])
    kinds = ["str" if isinstance(key, str) else "int64" for key in rows[0]]
    columns = {key: Column(kind) for key, kind in zip(keys, kinds, strict=True)}
    return strict_frame(name, {**columns, **values}, [exact, *rules])


def strict_frame(name: str, columns: Mapping[str, Column], rules: Sequence[Check] = ()) -> Contract:
    """Return the contract of a frame of these columns, strict and without coercion."""
    return Contract(name, dict(columns), rules)


def moment(*checks: Check) -> Column:
    """Return the contract of a column of times in UTC."""
    utc = rule("utc", "timestamps are in UTC", _is_utc)
    return Column(None, checks=[utc, *checks])


def count() -> Column:
    """Return the contract of a column of whole numbers from 0 on."""
    least = Check(
        "ge",
        "greater_than_or_equal_to(0)",
        lambda numbers: numbers >= 0,
        cells=lambda numbers: numbers >= 0,
    )
    return Column("int64", checks=[least])


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
    return Check(name, error, holds)


def known_together(first: str, second: str) -> Check:
    """Return the rule that two columns are NaN in the same rows."""
    return rule(
        "known_together",
        f"{first} and {second} are known together",
        lambda frame: frame[first].isna() == frame[second].isna(),
    )


def each(frame: pd.DataFrame | pd.Series[Any], holds: Any) -> pd.Series[bool]:
    """Return whether each row keeps a rule, as a column of the frame's index."""
    return pd.Series(np.asarray(holds, bool), index=frame.index, dtype=bool)


def following(frame: pd.DataFrame | pd.Series[Any], holds: Any) -> pd.Series[bool]:
    """Return the same for a rule of each row and the one before it, which the first has not."""
    return each(frame, np.concatenate([np.ones(min(len(frame), 1), bool), holds]))


def places(names: pd.Series[str]) -> npt.NDArray[np.integer[Any]]:
    """Return each name's place among the names that there are, in the order of their text."""
    symbol = names.astype("category").cat
    # codes follow the order of the categories, which need not be that of the names
    order = np.argsort(np.argsort(symbol.categories.to_numpy()))
    codes = symbol.codes.to_numpy()
    placed: npt.NDArray[np.integer[Any]] = order.astype(codes.dtype)[codes]
    return placed


def _numbers(
    name: str, error: str, holds: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.bool_]]
) -> Check:
    def hold_each(values: pd.Series[float]) -> pd.Series[bool]:
        return each(values, holds(np.asarray(values, np.float64)))

    return Check(name, error, hold_each, cells=holds)


def _is_utc(stamps: pd.Series[pd.Timestamp]) -> bool:
    return isinstance(stamps.dtype, pd.DatetimeTZDtype) and str(stamps.dtype.tz) == "UTC"


def _stamps_ascend(stamps: pd.Series[pd.Timestamp]) -> pd.Series[bool]:
    """Whether each row comes after the one before it."""
    stamp = ticks(stamps)
    return following(stamps, stamp[1:] > stamp[:-1])


def _ascend(frame: pd.DataFrame, key: str) -> pd.Series[bool]:
    """Whether each row comes after the one before it, by timestamp, then by name."""
    stamp, place = ticks(frame["timestamp"]), places(frame[key])
    beside = (stamp[1:] == stamp[:-1]) & (place[1:] > place[:-1])
    return following(frame, (stamp[1:] > stamp[:-1]) | beside)


def _differ(frame: pd.DataFrame, key: str) -> pd.Series[bool] | bool:
    """Whether each row's pair is new; pairs that ascend need no search."""
    if _ascend(frame, key).all():
        return True
    return ~frame.duplicated(["timestamp", key])


def _equal(
    frame: pd.DataFrame, keys: Sequence[str], rows: Sequence[tuple[str | int, ...]]
) -> pd.Series[bool]:
    """Whether each row has the keys that are listed for it; there are as many of both."""
    holds = np.ones(len(frame), bool)
    for key, expected in zip(keys, zip(*rows, strict=True), strict=False):
        holds &= np.asarray(frame[key], object) == np.asarray(expected, object)
    return each(frame, holds)


def ticks(stamps: pd.Series[pd.Timestamp]) -> npt.NDArray[np.int64]:
    """Return times as whole numbers of their unit; what is missing comes first."""
    return np.asarray(stamps.astype("int64"), np.int64)  # to_numpy would make objects
