"""The contract of regimes: one row per date, one probability per state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from engine.schemas._frames import dated_frame, number, rule
from engine.schemas.contract import Contract

TOLERANCE = 1e-9  # of a sum of probabilities


def regimes_schema(states: Sequence[str]) -> Contract:
    """Return the contract of a frame of regime probabilities.

    Parameters
    ----------
    states : sequence of str
        The states' names, from calm to turbulent: one column each.

    Returns
    -------
    Contract
        Strict and without coercion: ``timestamp`` (UTC, ascending, unique) and a float64
        column per state within 0 and 1. A row sums to 1 within 1e-9, or is NaN throughout.
    """
    columns = list(states)

    def sums_to_one(frame: pd.DataFrame) -> pd.Series[bool]:
        p = frame[columns].to_numpy(np.float64)
        unknown = np.isnan(p).all(axis=1)
        holds = unknown | (np.abs(p.sum(axis=1) - 1.0) <= TOLERANCE)
        return pd.Series(holds, index=frame.index, dtype=bool)

    return dated_frame(
        "regimes",
        {state: number(nullable=True, within=(0.0, 1.0)) for state in columns},
        [rule("sums_to_one", "a row sums to 1 or is NaN throughout", sums_to_one)],
    )
