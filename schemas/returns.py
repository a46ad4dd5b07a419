"""The contract of returns: the account, one row per date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pandera.pandas import Column, DataFrameSchema


def returns_schema(columns: Sequence[str]) -> DataFrameSchema:
    """Return the contract of the account's frame.

    Parameters
    ----------
    columns : sequence of str
        Names of the cost columns (``cost_<component>``).

    Returns
    -------
    pandera.pandas.DataFrameSchema
        Strict and without coercion: ``timestamp`` (UTC), ascending and unique; ``net`` >= -1;
        ``gross``; ``equity``, ``turnover``, ``long`` and ``short`` >= 0; ``cash`` and the cost
        columns. All numbers are float64 and finite.
    """
    from pandera.pandas import Check, Column, DataFrameSchema  # slow to import

    stamps = [
        Check(_is_utc, name="utc", error="timestamps are in UTC"),
        Check(_ascending, name="sorted", error="timestamps ascend"),
    ]
    return DataFrameSchema(
        {
            "timestamp": Column(None, checks=stamps, unique=True, nullable=False),
            "net": _number(at_least=-1.0),
            "gross": _number(),
            "equity": _number(at_least=0.0),
            "turnover": _number(at_least=0.0),
            **{name: _number() for name in columns},
            "long": _number(at_least=0.0),
            "short": _number(at_least=0.0),
            "cash": _number(),
            "benchmark": _number(),
        },
        strict=True,
        coerce=False,
        name="returns",
    )


def _number(at_least: float | None = None) -> Column:
    from pandera.pandas import Check, Column  # slow to import

    checks = [Check(lambda x: ~np.isinf(x), name="finite", error="no infinities")]
    if at_least is not None:
        checks.append(Check.ge(at_least))
    return Column("float64", checks=checks, nullable=False)


def _is_utc(stamps: pd.Series[pd.Timestamp]) -> bool:
    return isinstance(stamps.dtype, pd.DatetimeTZDtype) and str(stamps.dtype.tz) == "UTC"


def _ascending(stamps: pd.Series[pd.Timestamp]) -> bool:
    return bool(stamps.is_monotonic_increasing)
