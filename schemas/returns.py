"""The contract of returns: the account, one row per date."""

from __future__ import annotations

from collections.abc import Sequence

from engine.schemas._frames import dated_frame, number
from engine.schemas.contract import Contract


def returns_schema(columns: Sequence[str]) -> Contract:
    """Return the contract of the account's frame.

    Parameters
    ----------
    columns : sequence of str
        Names of the cost columns (``cost_<component>``).

    Returns
    -------
    Contract
        Strict and without coercion: ``timestamp`` (UTC), ascending and unique; ``net`` >= -1;
        ``gross``; ``equity``, ``turnover``, ``delisting``, ``long`` and ``short`` >= 0; the
        cost columns, ``interest``, ``risk_free``, ``cash`` and ``benchmark``. All numbers are
        float64 and finite.
    """
    return dated_frame(
        "returns",
        {
            "net": number(ge=-1.0),
            "gross": number(),
            "equity": number(ge=0.0),
            "turnover": number(ge=0.0),
            **{name: number() for name in columns},
            "delisting": number(ge=0.0),
            "interest": number(),
            "risk_free": number(),
            "long": number(ge=0.0),
            "short": number(ge=0.0),
            "cash": number(),
            "benchmark": number(),
        },
    )
