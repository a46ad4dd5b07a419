"""The contracts of what was traded: orders, payouts of delisted names, and round trips."""

from __future__ import annotations

import numpy as np
import pandas as pd

from engine.schemas._frames import (
    each,
    following,
    long_frame,
    moment,
    number,
    places,
    rule,
    strict_frame,
)
from engine.schemas.contract import Column, Contract


def orders_schema() -> Contract:
    """Return the contract of the orders that were filled.

    Returns
    -------
    Contract
        Strict and without coercion: ``timestamp`` (UTC) and ``symbol`` (categorical), sorted
        and unique as a pair; ``shares`` (signed, never 0), ``price`` > 0 and ``rate`` >= 0 (costs
        as a fraction of the value), float64 and finite. No row where nothing was traded.
    """
    values = {"shares": number(), "price": number(gt=0.0), "rate": number(ge=0.0)}
    return long_frame("orders", values, [rule("traded", "an order has shares", _has_shares)])


def delistings_schema() -> Contract:
    """Return the contract of the holdings that were paid out on a delisting.

    Returns
    -------
    Contract
        Strict and without coercion: ``timestamp`` (UTC) and ``symbol`` (categorical), sorted,
        each symbol once; ``shares`` (signed, never 0), ``last_close`` and ``payout`` (per share,
        above 0 where the last close is), ``contribution`` (to that day's return; a gain where
        shares and the difference of the prices have one sign), float64 and finite. No row where
        nothing that was held ended.
    """
    values = {name: number() for name in ("shares", "last_close", "payout", "contribution")}
    rules = [
        rule("traded", "a payout has shares", _has_shares),
        rule("once", "a symbol is paid out once", lambda f: ~f.duplicated("symbol")),
        rule("payout", "payout > 0 where last_close is", _is_paid),
        rule("sign", "contribution has the sign of what was gained", _agrees),
    ]
    return long_frame("delistings", values, rules)


def round_trips_schema() -> Contract:
    """Return the contract of vectorbt's positions, one row from opening to closing.

    Returns
    -------
    Contract
        Strict and without coercion: ``symbol`` (categorical), ``opened`` and ``closed`` (UTC; the
        last row that the account lived where a position is open); ``direction`` (0 long, 1 short)
        and ``status`` (0 open, 1 closed); ``size`` and ``entry_price`` > 0; ``exit_price``, > 0
        where the position is closed; ``entry_fees`` and ``exit_fees`` >= 0; ``pnl`` and
        ``return``, of one sign. All numbers are float64 and finite. Rows ascend by symbol, then
        in time; a symbol's position opens when the one before it has closed. No row without a
        trade, or where vectorbt was left out.
    """
    columns = {
        "symbol": Column("category"),
        "opened": moment(),
        "closed": moment(),
        "direction": number(within=(0.0, 1.0)),
        "status": number(within=(0.0, 1.0)),
        "size": number(gt=0.0),
        "entry_price": number(gt=0.0),
        "exit_price": number(),
        "entry_fees": number(ge=0.0),
        "exit_fees": number(ge=0.0),
        "pnl": number(),
        "return": number(),
    }
    rules = [
        rule("flags", "direction and status are 0 or 1", _is_flag),
        rule("time", "a position opens before it closes, or is still open", _opens_first),
        rule("order", "rows ascend by symbol; a position opens after the last", _follows),
        rule("exit", "exit_price > 0 where a position is closed", _is_sold),
        rule("sign", "pnl and return have one sign", _one_sign),
    ]
    return strict_frame("round_trips", columns, rules)


def _has_shares(frame: pd.DataFrame) -> pd.Series[bool]:
    return frame["shares"] != 0.0


def _is_paid(frame: pd.DataFrame) -> pd.Series[bool]:
    return (frame["payout"] > 0.0) | ~(frame["last_close"] > 0.0)


def _agrees(frame: pd.DataFrame) -> pd.Series[bool]:
    gain = np.sign(frame["shares"]) * np.sign(frame["payout"] - frame["last_close"])
    return each(frame, ~(gain * np.sign(frame["contribution"]) < 0.0))


def _is_flag(frame: pd.DataFrame) -> pd.Series[bool]:
    return frame[["direction", "status"]].isin([0.0, 1.0]).all(axis=1)


def _opens_first(frame: pd.DataFrame) -> pd.Series[bool]:
    opened, closed = frame["opened"], frame["closed"]
    return (opened < closed) | ((opened == closed) & (frame["status"] != 1.0))


def _follows(frame: pd.DataFrame) -> pd.Series[bool]:
    """Whether each row is a later symbol's, or opens when the one before it has closed."""
    place, ended = places(frame["symbol"]), np.asarray(frame["status"] == 1.0)
    later = np.asarray(frame["opened"].array[1:] >= frame["closed"].array[:-1])
    after = (place[1:] == place[:-1]) & ended[:-1] & later
    return following(frame, (place[1:] > place[:-1]) | after)


def _is_sold(frame: pd.DataFrame) -> pd.Series[bool]:
    return (frame["exit_price"] > 0.0) | (frame["status"] != 1.0)


def _one_sign(frame: pd.DataFrame) -> pd.Series[bool]:
    return each(frame, ~(np.sign(frame["pnl"]) * np.sign(frame["return"]) < 0.0))
