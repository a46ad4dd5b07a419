"""The contract of forecasts: one row per date and symbol, out of sample only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.schemas._frames import long_frame, number, rule
from engine.schemas.contract import Column, Contract

if TYPE_CHECKING:
    import pandas as pd


def forecasts_schema(
    column: str, others: Sequence[str] = (), apart: Sequence[str] = ()
) -> Contract:
    """Return the contract of a long frame of forecasts.

    Parameters
    ----------
    column : str
        ``ml_alpha_{model}_{horizon}d``.
    others : sequence of str, optional
        The label and the factors, which the file holds beside the forecasts.
    apart : sequence of str, optional
        Forecasts of models side by side.

    Returns
    -------
    Contract
        Strict and without coercion: ``timestamp`` (UTC), ``symbol`` (categorical), `column` and
        `apart` (float64, NaN where nothing is forecast, no infinities), ``split`` (int64, -1 before
        the first split, never falling in time; no forecast before the first split), and
        `others` (as factors). Rows ascend by timestamp, then symbol, and are unique.
    """

    def out_of_sample(frame: pd.DataFrame) -> pd.Series[bool]:
        forecast = frame[[column, *apart]].notna().any(axis=1)
        return (frame["split"] >= 0) | ~forecast

    rising = rule("split_order", "splits never fall in time", _never_falls)
    least = rule("ge", "greater_than_or_equal_to(-1)", lambda splits: splits >= -1)
    values = {
        **{name: number(nullable=True) for name in (column, *apart)},
        "split": Column("int64", [least, rising]),
        **{name: number(nullable=True) for name in others},
    }
    known = rule("out_of_sample", "no forecast before split 0", out_of_sample)
    return long_frame("forecasts", values, [known])


def _never_falls(splits: pd.Series[int]) -> bool:
    return bool(splits.is_monotonic_increasing)
