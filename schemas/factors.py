"""The contract of factors: one row per date and symbol, one column per factor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema


def factors_schema(columns: Sequence[str]) -> DataFrameSchema:
    """Return the contract of a long frame of factors.

    Parameters
    ----------
    columns : sequence of str
        Names of the factors; `timestamp` and `symbol` are understood.

    Returns
    -------
    pandera.pandas.DataFrameSchema
        Strict and without coercion: ``timestamp`` (UTC) and ``symbol`` (categorical), sorted
        and unique as a pair; every factor float64 and without infinities. NaN is allowed,
        a factor without any value too: it may need a longer history than there is.
    """
    from pandera.pandas import Check, Column, DataFrameSchema

    finite = Check(_no_infinities, name="finite", error="no infinities")
    utc = Check(_is_utc, name="utc", error="timestamps are in UTC")
    return DataFrameSchema(
        {
            "timestamp": Column(None, checks=utc, nullable=False),
            "symbol": Column("category", nullable=False),
            **{name: Column("float64", checks=finite, nullable=True) for name in columns},
        },
        checks=[
            Check(_ascending, name="sorted", error="rows ascend by timestamp, then symbol"),
            Check(_unique, name="unique", error="no (timestamp, symbol) pair comes twice"),
        ],
        strict=True,
        coerce=False,
        ordered=False,
        name="factors",
    )


def _is_utc(stamps: pd.Series[pd.Timestamp]) -> bool:
    return isinstance(stamps.dtype, pd.DatetimeTZDtype) and str(stamps.dtype.tz) == "UTC"


def _no_infinities(values: pd.Series[float]) -> pd.Series[bool]:
    infinite = np.isinf(values.to_numpy(np.float64))
    return pd.Series(np.logical_not(infinite), index=values.index, dtype=bool)


def _keys(frame: pd.DataFrame) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return timestamps and symbols as numbers that sort as they do."""
    symbol = frame["symbol"].astype("category").cat
    rank = np.argsort(np.argsort(symbol.categories.to_numpy())).astype(np.int64)
    stamp = np.asarray(frame["timestamp"].astype("int64"), np.int64)
    return stamp, np.asarray(rank[symbol.codes.to_numpy()], np.int64)


def _ascending(frame: pd.DataFrame) -> pd.Series[bool]:
    stamp, symbol = _keys(frame)
    holds = np.ones(len(frame), bool)
    step = np.diff(stamp)
    holds[1:] = (step > 0) | ((step == 0) & (np.diff(symbol) >= 0))
    return pd.Series(holds, index=frame.index, dtype=bool)


def _unique(frame: pd.DataFrame) -> pd.Series[bool]:
    repeats = frame.duplicated(["timestamp", "symbol"]).to_numpy()
    return pd.Series(np.logical_not(repeats), index=frame.index, dtype=bool)
