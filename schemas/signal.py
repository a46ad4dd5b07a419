"""The contract of the signal: the bundle's score, one row per date and symbol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.schemas._frames import long_frame, number

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema


def signal_schema() -> DataFrameSchema:
    """Return the contract of the signal.

    Returns
    -------
    pandera.pandas.DataFrameSchema
        As for factors, with the single column ``mf_score``: float64, finite, or NaN for a
        symbol that has no score and may not be held.
    """
    return long_frame("signal", {"mf_score": number(nullable=True)})
