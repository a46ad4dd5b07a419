"""The contract of weights: target weights as a long frame, one row per bar; null holds."""

from __future__ import annotations

from engine.schemas._frames import long_frame, number
from engine.schemas.contract import Contract


def weights_schema(max_abs: float) -> Contract:
    """Return the contract of a long frame of weights.

    Parameters
    ----------
    max_abs : float
        Largest size of one weight, as a fraction of equity.

    Returns
    -------
    Contract
        Strict and without coercion: ``timestamp`` (UTC) and ``symbol`` (categorical), sorted
        and unique as a pair; ``weight`` float64, finite or null, at most `max_abs` in size.
    """
    return long_frame("weights", {"weight": number(nullable=True, max_abs=max_abs)})
