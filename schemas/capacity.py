"""The contract of capacity: how large an account could have traded what this one traded."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.schemas._frames import ROUNDING, following, number, rule, strict_frame
from engine.schemas.contract import Contract


def capacity_schema() -> Contract:
    """Return the contract of the largest accounts whose orders could be filled in a day.

    Returns
    -------
    Contract
        Strict and without coercion: ``participation`` and ``filled``, above 0 and at most 1,
        ascending and unique as a pair; ``account`` >= 0, which does not grow with ``filled``;
        ``known``, above 0 and at most 1, the same in all rows. All are float64 and finite.
        No row without a volume, or without an order.
    """
    rules = [
        rule("sorted", "rows ascend by participation, then filled", _pairs_ascend),
        rule("falls", "account does not grow with filled", _falls),
        rule("known", "known is the same in all rows", lambda f: f["known"] == f["known"].max()),
    ]
    columns = {
        "participation": number(gt=0.0, max_abs=1.0),
        "filled": number(gt=0.0, max_abs=1.0),
        "account": number(ge=0.0),
        "known": number(gt=0.0, max_abs=1.0),
    }
    return strict_frame("capacity", columns, rules)


def _pairs_ascend(frame: pd.DataFrame) -> pd.Series[bool]:
    beside, later = _steps(frame)
    more = np.diff(np.asarray(frame["filled"], np.float64)) > 0.0
    return following(frame, later | (beside & more))


def _falls(frame: pd.DataFrame) -> pd.Series[bool]:
    beside, _ = _steps(frame)
    account = np.asarray(frame["account"], np.float64)
    return following(frame, ~(beside & (account[1:] > account[:-1] * (1.0 + ROUNDING))))


def _steps(frame: pd.DataFrame) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Whether each row after the first has the participation of the one before, or a larger one."""
    step = np.diff(np.asarray(frame["participation"], np.float64))
    return step == 0.0, step > 0.0
