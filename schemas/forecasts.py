"""The contract of forecasts: one row per date and symbol, out of sample only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema


def forecasts_schema(column: str) -> DataFrameSchema:
    """Return the contract of a long frame of forecasts.

    Parameters
    ----------
    column : str
        ``ml_alpha_{model}_{horizon}d``.

    Returns
    -------
    pandera.pandas.DataFrameSchema
        Strict and without coercion: ``timestamp`` (UTC), ``symbol`` (categorical), `column`
        (float64, NaN where nothing is forecast, no infinities), ``split`` (int64, -1 before
        the first split, never falling in time; no forecast before the first split). Rows
        ascend by timestamp, then symbol, and are unique.
    """
    from pandera.pandas import Check, Column, DataFrameSchema

    def out_of_sample(frame: pd.DataFrame) -> pd.Series:
        return (frame["split"] >= 0) | frame[column].isna()

    utc = Check(_is_utc, name="utc", error="timestamps are in UTC")
    finite = Check(_finite, name="finite", error="no infinities")
    rising = Check(_never_falls, name="split_order", error="splits never fall in time")
    return DataFrameSchema(
        {
            "timestamp": Column(None, checks=utc, nullable=False),
            "symbol": Column("category", nullable=False),
            column: Column("float64", checks=finite, nullable=True),
            "split": Column("int64", checks=[Check.ge(-1), rising], nullable=False),
        },
        checks=[
            Check(_ascending, name="sorted", error="rows ascend by timestamp, then symbol"),
            Check(out_of_sample, name="out_of_sample", error="no forecast before split 0"),
        ],
        strict=True,
        coerce=False,
        name="forecasts",
    )


def _is_utc(stamps: pd.Series) -> bool:
    return isinstance(stamps.dtype, pd.DatetimeTZDtype) and str(stamps.dtype.tz) == "UTC"


def _finite(values: pd.Series) -> pd.Series:
    return ~pd.Series(np.isinf(values.to_numpy(np.float64)), index=values.index)


def _never_falls(splits: pd.Series) -> bool:
    return bool(splits.is_monotonic_increasing)


def _ascending(frame: pd.DataFrame) -> pd.Series:
    """Whether each row comes after the one before, by timestamp, then symbol."""
    symbol = frame["symbol"].astype("category").cat
    rank = np.argsort(np.argsort(symbol.categories.to_numpy()))[symbol.codes.to_numpy()]
    stamp = frame["timestamp"].astype("int64").to_numpy()
    after = np.ones(len(frame), bool)
    same = stamp[1:] == stamp[:-1]
    after[1:] = (stamp[1:] > stamp[:-1]) | (same & (rank[1:] > rank[:-1]))
    return pd.Series(after, index=frame.index)
