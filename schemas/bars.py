"""The contract of bars: one row per date and symbol, as the panel hands them on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    from pandera.pandas import Check, Column, DataFrameSchema

PRICES = ("open", "high", "low", "close")
# Adjusted prices are products: their last bits may cross without a wrong quote behind it.
ROUNDING = 1e-9


def bars_schema(columns: Sequence[str], keep: frozenset[str] = frozenset()) -> DataFrameSchema:
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
    pandera.pandas.DataFrameSchema
        Strict and without coercion: ``timestamp`` (UTC) and ``symbol`` (categorical),
        sorted and unique as a pair; every field float64 and without infinities; ``close``
        never NaN; prices > 0; volume >= 0; low <= open, close <= high where they are known.
    """
    from pandera.pandas import Check, Column, DataFrameSchema  # slow to import

    fields = [name for name in columns if name not in ("timestamp", "symbol")]
    frame_checks = [
        Check(_ascending, error="sorted: rows ascend by timestamp, then symbol"),
        Check(_unique, error="unique: no (timestamp, symbol) pair comes twice"),
    ]
    if "ohlc" not in keep and len(set(PRICES) & set(fields)) > 1:
        frame_checks.append(Check(ohlc_holds, error="ohlc: low <= open, close <= high"))
    utc = Check(_is_utc, error="utc: timestamps are in UTC")
    return DataFrameSchema(
        {
            "timestamp": Column(None, checks=utc, nullable=False),
            "symbol": Column("category", nullable=False),
            **{
                name: _field(name, "nonpositive" not in keep)
                for name in {"close": 0, **dict.fromkeys(fields)}
            },
        },
        checks=frame_checks,
        strict=True,
        coerce=False,
        ordered=False,
        name="bars",
    )


def _field(name: str, signed: bool) -> Column:
    """The contract of one field; `signed` asks for prices > 0 and volume >= 0."""
    from pandera.pandas import Check, Column  # slow to import

    checks: list[Check] = [Check(_finite, error="finite: no infinities")]
    if signed and name in PRICES:
        checks.append(Check.gt(0.0))
    if signed and name == "volume":
        checks.append(Check.ge(0.0))
    return Column("float64", checks=checks, nullable=name != "close")


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


def _is_utc(stamps: pd.Series[pd.Timestamp]) -> bool:
    return isinstance(stamps.dtype, pd.DatetimeTZDtype) and str(stamps.dtype.tz) == "UTC"


def _finite(values: pd.Series[float]) -> pd.Series[bool]:
    return pd.Series(~np.isinf(values.to_numpy(np.float64)), index=values.index, dtype=bool)


def _keys(frame: pd.DataFrame) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return timestamps and symbols as numbers that sort as they do."""
    symbol = frame["symbol"].astype("category").cat
    rank = np.argsort(np.argsort(symbol.categories.to_numpy())).astype(np.int64)
    stamp = np.asarray(frame["timestamp"].astype("int64"), np.int64)
    return stamp, np.asarray(rank[symbol.codes.to_numpy()], np.int64)


def _ascending(frame: pd.DataFrame) -> pd.Series[bool]:
    stamp, symbol = _keys(frame)
    holds = np.ones(len(frame), bool)
    step = np.diff(stamp)
    holds[1:] = (step > 0) | ((step == 0) & (np.diff(symbol) >= 0))
    return pd.Series(holds, index=frame.index, dtype=bool)


def _unique(frame: pd.DataFrame) -> pd.Series[bool]:
    stamp, symbol = _keys(frame)
    order = np.lexsort((symbol, stamp)) if not _ascending(frame).all() else np.arange(len(frame))
    repeats = np.zeros(len(frame), bool)
    again = (np.diff(stamp[order]) == 0) & (np.diff(symbol[order]) == 0)
    repeats[order[1:]] = again
    return pd.Series(np.logical_not(repeats), index=frame.index, dtype=bool)
