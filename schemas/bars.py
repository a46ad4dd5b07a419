"""The contract of bars: one row per date and symbol, as the panel hands them on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.schemas._frames import long_frame, number, rule
from engine.schemas.contract import Column, Contract

PRICES = ("open", "high", "low", "close")
# Adjusted prices are products: their last bits may cross without a wrong quote behind it.
ROUNDING = 1e-9


def bars_schema(columns: Sequence[str], keep: frozenset[str] = frozenset()) -> Contract:
    """Return the contract of a long frame of bars.

    Parameters
    ----------
    columns : sequence of str
        The frame's fields, ``close`` among them; `timestamp` and `symbol` are understood.
    keep : frozenset of str
        Findings that the policy let pass (``ohlc``, ``nonpositive``): their checks are
        left out.

    Returns
    -------
    Contract
        Strict and without coercion: ``timestamp`` (UTC) and ``symbol`` (categorical),
        sorted and unique as a pair; every field float64 and without infinities; ``close``
        never NaN; prices > 0; volume >= 0; low <= open, close <= high where they are known.
    """
    fields = [name for name in columns if name not in ("timestamp", "symbol")]
    signed = "nonpositive" not in keep
    rules = []
    if "ohlc" not in keep and len(set(PRICES) & set(fields)) > 1:
        rules.append(rule("ohlc", "ohlc: low <= open, close <= high", ohlc_holds))
    return long_frame(
        "bars", {name: _field(name, signed) for name in dict.fromkeys(["close", *fields])}, rules
    )


def _field(name: str, signed: bool) -> Column:
    """The contract of one field; `signed` asks for prices > 0 and volume >= 0."""
    return number(
        nullable=name != "close",
        gt=0.0 if signed and name in PRICES else None,
        ge=0.0 if signed and name == "volume" else None,
    )


def ohlc_excess(prices: dict[str, npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """Return how far each bar breaks low <= open, close <= high, as a fraction of close.

    Parameters
    ----------
    prices : dict of str to float array, shape (R,)
        ``close``, and whichever of ``open``, ``high`` and ``low`` there are.

    Returns
    -------
    float array, shape (R,)
        0 where the order holds or where a price is NaN.
    """
    excess = np.zeros(len(prices["close"]))
    for under, over in _pairs(prices):
        np.fmax(excess, prices[under] - prices[over], out=excess)
    with np.errstate(divide="ignore", invalid="ignore"):
        excess /= np.abs(prices["close"])
    excess[~(excess > ROUNDING)] = 0.0
    return excess


def find_crossed(
    prices: dict[str, npt.NDArray[np.float64]],
) -> dict[str, npt.NDArray[np.bool_]]:
    """Return which of open, high and low take part in a breach of their order.

    Parameters
    ----------
    prices : dict of str to float array, shape (R,)
        As in `ohlc_excess`.

    Returns
    -------
    dict of str to bool array, shape (R,)
        One per price but the close; False where a price is NaN.
    """
    crossed = {name: np.zeros(len(prices["close"]), bool) for name in prices if name != "close"}
    for under, over in _pairs(prices):
        with np.errstate(divide="ignore", invalid="ignore"):
            breach = (prices[under] - prices[over]) / np.abs(prices["close"]) > ROUNDING
        for name in {under, over} - {"close"}:
            crossed[name] |= breach
    return crossed


def _pairs(prices: Iterable[str]) -> list[tuple[str, str]]:
    known = set(prices)
    pairs = [
        ("low", "open"),
        ("low", "close"),
        ("low", "high"),
        ("open", "high"),
        ("close", "high"),
    ]
    return [(under, over) for under, over in pairs if {under, over} <= known]


def ohlc_holds(frame: pd.DataFrame) -> pd.Series[bool]:
    """Return, row by row, whether low <= open, close <= high; NaN is skipped."""
    prices = {name: frame[name].to_numpy(np.float64) for name in PRICES if name in frame}
    return pd.Series(ohlc_excess(prices) == 0.0, index=frame.index, dtype=bool)
