"""The contract of the signal: the bundle's score, one row per date and symbol."""

from __future__ import annotations

from engine.schemas._frames import long_frame, number
from engine.schemas.contract import Contract


def signal_schema() -> Contract:
    """Return the contract of the signal.

    Returns
    -------
    Contract
        As for factors, with the single column ``mf_score``: float64, finite, or NaN for a
        symbol that has no score and may not be held.
    """
    return long_frame("signal", {"mf_score": number(nullable=True)})
