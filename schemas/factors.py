"""The contract of factors: one row per date and symbol, one column per factor."""

from __future__ import annotations

from collections.abc import Sequence

from engine.schemas._frames import long_frame, number
from engine.schemas.contract import Contract


def factors_schema(columns: Sequence[str]) -> Contract:
    """Return the contract of a long frame of factors.

    Parameters
    ----------
    columns : sequence of str
        Names of the factors; `timestamp` and `symbol` are understood.

    Returns
    -------
    Contract
        Strict and without coercion: ``timestamp`` (UTC) and ``symbol`` (categorical), sorted
        and unique as a pair; every factor float64 and without infinities. NaN is allowed,
        a factor without any value too: it may need a longer history than there is.
    """
    return long_frame("factors", {name: number(nullable=True) for name in columns})
