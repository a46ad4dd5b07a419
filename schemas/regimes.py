"""The contract of regimes: one row per date, one probability per state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema

TOLERANCE = 1e-9  # of a sum of probabilities


def regimes_schema(states: Sequence[str]) -> DataFrameSchema:
    """Return the contract of a frame of regime probabilities.

    Parameters
    ----------
    states : sequence of str
        The states' names, from calm to turbulent: one column each.

    Returns
    -------
    pandera.pandas.DataFrameSchema
        Strict and without coercion: ``timestamp`` (UTC, ascending, unique) and a float64
        column per state within 0 and 1. A row sums to 1 within 1e-9, or is NaN throughout.
    """
    from pandera.pandas import Check, Column, DataFrameSchema

    columns = list(states)

    def sums_to_one(frame: pd.DataFrame) -> pd.Series:
        p = frame[columns].to_numpy(np.float64)
        unknown = np.isnan(p).all(axis=1)
        return pd.Series(unknown | (np.abs(p.sum(axis=1) - 1.0) <= TOLERANCE), index=frame.index)

    utc = Check(_is_utc, name="utc", error="timestamps are in UTC")
    ascending = Check(_ascending, name="sorted", error="timestamps ascend, none comes twice")
    return DataFrameSchema(
        {
            "timestamp": Column(None, checks=[utc, ascending], nullable=False),
            **{
                s: Column("float64", checks=Check.in_range(0.0, 1.0), nullable=True)
                for s in columns
            },
        },
        checks=Check(sums_to_one, name="sums_to_one", error="a row sums to 1 or is NaN throughout"),
        strict=True,
        coerce=False,
        name="regimes",
    )


def _is_utc(stamps: pd.Series) -> bool:
    return isinstance(stamps.dtype, pd.DatetimeTZDtype) and str(stamps.dtype.tz) == "UTC"


def _ascending(stamps: pd.Series) -> bool:
    return bool(stamps.is_monotonic_increasing and stamps.is_unique)
