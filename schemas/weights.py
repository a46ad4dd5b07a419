"""The contract of weights: target weights as a long frame, one row per bar; null holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema

ROUNDING = 1e-9  # a cap that is met is met but for the last bits


def weights_schema(max_abs: float) -> DataFrameSchema:
    """Return the contract of a long frame of weights.

    Parameters
    ----------
    max_abs : float
        Largest size of one weight, as a fraction of equity.

    Returns
    -------
    pandera.pandas.DataFrameSchema
        Strict and without coercion: ``timestamp`` (UTC) and ``symbol`` (categorical), sorted
        and unique as a pair; ``weight`` float64, finite or null, at most `max_abs` in size.
    """
    from pandera.pandas import Check, Column, DataFrameSchema  # slow to import

    limit = max_abs * (1.0 + ROUNDING)
    # nulls pass all checks by themselves; letting pandera drop them first takes seconds
    weight = [
        Check(_finite, name="finite", error="no infinities", ignore_na=False),
        Check(
            lambda w: ~(w.abs() > limit),
            name="max_abs",
            error=f"at most {max_abs:g} in size",
            ignore_na=False,
        ),
    ]
    utc = Check(_is_utc, name="utc", error="timestamps are in UTC")
    ascending = Check(
        _ascending, name="sorted", error="rows ascend by timestamp, then symbol", ignore_na=False
    )
    return DataFrameSchema(
        {
            "timestamp": Column(None, checks=utc, nullable=False),
            "symbol": Column("category", nullable=False),
            "weight": Column("float64", checks=weight, nullable=True),
        },
        checks=ascending,
        strict=True,
        coerce=False,
        name="weights",
    )


def _is_utc(stamps: pd.Series[pd.Timestamp]) -> bool:
    return isinstance(stamps.dtype, pd.DatetimeTZDtype) and str(stamps.dtype.tz) == "UTC"


def _finite(weights: pd.Series[float]) -> pd.Series[bool]:
    return ~pd.Series(np.isinf(weights.to_numpy()), index=weights.index)


def _ascending(frame: pd.DataFrame) -> pd.Series[bool]:
    """Whether each row comes after the one before it, which also makes the pairs unique."""
    stamps = frame["timestamp"].astype("int64").to_numpy()  # objects otherwise
    symbol = frame["symbol"].astype("category").cat
    place = np.argsort(np.argsort(symbol.categories.astype(str).to_numpy()))
    names = place[symbol.codes.to_numpy()]
    holds = np.ones(len(frame), bool)
    beside = (stamps[1:] == stamps[:-1]) & (names[1:] > names[:-1])
    holds[1:] = (stamps[1:] > stamps[:-1]) | beside
    return pd.Series(holds, index=frame.index, dtype=bool)
