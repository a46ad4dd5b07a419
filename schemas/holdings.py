"""The contracts of what was held: by date and symbol, by date, by sector, and by name."""

from __future__ import annotations

import numpy as np
import pandas as pd

from engine.schemas._frames import (
    ROUNDING,
    count,
    dated_frame,
    each,
    long_frame,
    number,
    rule,
    strict_frame,
)
from engine.schemas.contract import Column, Contract


def holdings_schema() -> Contract:
    """Return the contract of the weights at each close.

    Returns
    -------
    Contract
        Strict and without coercion: ``timestamp`` (UTC) and ``symbol`` (categorical), sorted
        and unique as a pair; ``weight`` (fraction of equity; 0 is not held), float64 and finite.
    """
    return long_frame("holdings", {"weight": number()})


def positions_schema() -> Contract:
    """Return the contract of what was held on each date, over all names.

    Returns
    -------
    Contract
        Strict and without coercion: ``timestamp`` (UTC), ascending and unique; ``gross``,
        ``target_gross`` and ``target_distance`` >= 0, the latter at least the difference of the
        two, and at most their sum; ``long_names`` and ``short_names`` (int64, >= 0);
        ``effective_names``, from 1 to the names held, NaN without one; ``beta``, 0 without a name
        held, NaN where none has one. ``gross`` is above 0 where a name is held, and only there.
        Numbers are float64 and without infinities.
    """
    rules = [
        rule(
            "held", "gross > 0 where a name is held", lambda f: (f["gross"] > 0.0) == _has_names(f)
        ),
        rule("distance", "target_distance fits gross and target_gross", _distance_fits),
        rule("effective", "effective_names are 1 to the names held", _effective_fits),
        rule("beta", "beta is 0 without a name", lambda f: _has_names(f) | (f["beta"] == 0.0)),
    ]
    return dated_frame(
        "positions",
        {
            "gross": number(ge=0.0),
            "target_gross": number(ge=0.0),
            "target_distance": number(ge=0.0),
            "effective_names": number(nullable=True),
            "long_names": count(),
            "short_names": count(),
            "beta": number(nullable=True),
        },
        rules,
    )


def sectors_schema() -> Contract:
    """Return the contract of weights by sector.

    Returns
    -------
    Contract
        Strict and without coercion: ``timestamp`` (UTC) and ``sector`` (text, not empty), sorted
        and unique as a pair; ``net`` (signed) and ``gross`` >= 0, at least the size of ``net``,
        float64 and finite. No row where no sector is known.
    """
    rules = [
        rule("named", "a sector has a name", lambda f: f["sector"] != ""),
        rule("net", "net is at most gross in size", _net_fits),
    ]
    values = {"net": number(), "gross": number(ge=0.0)}
    return long_frame("sectors", values, rules, key="sector", kind="str")


def names_schema() -> Contract:
    """Return the contract of what each name was to the account.

    Returns
    -------
    Contract
        Strict and without coercion: ``symbol`` (text, unique), ``sector`` (text, "" unknown),
        ``weight`` at the last close and ``contribution``, float64 and finite, both 0 for a name
        that was never held; ``days`` held (int64, >= 0).
    """
    columns = {
        "symbol": Column("str"),
        "sector": Column("str"),
        "weight": number(),
        "contribution": number(),
        "days": count(),
    }
    rules = [
        rule("unique", "no symbol comes twice", lambda f: ~f.duplicated("symbol")),
        rule("held", "weight and contribution are 0 for a name never held", _never_held),
    ]
    return strict_frame("names", columns, rules)


def _has_names(frame: pd.DataFrame) -> pd.Series[bool]:
    return (frame["long_names"] + frame["short_names"]) > 0


def _distance_fits(frame: pd.DataFrame) -> pd.Series[bool]:
    gross, target, distance = frame["gross"], frame["target_gross"], frame["target_distance"]
    both = gross + target
    least, room = np.abs(gross - target), ROUNDING * both
    return each(frame, ~((distance < least - room) | (distance > both + room)))


def _effective_fits(frame: pd.DataFrame) -> pd.Series[bool]:
    effective = frame["effective_names"]
    most = (frame["long_names"] + frame["short_names"]) * (1.0 + ROUNDING)
    return each(frame, ~((effective < 1.0 - ROUNDING) | (effective > most)))


def _net_fits(frame: pd.DataFrame) -> pd.Series[bool]:
    return each(frame, ~(np.abs(frame["net"]) > frame["gross"] * (1.0 + ROUNDING)))


def _never_held(frame: pd.DataFrame) -> pd.Series[bool]:
    nothing = (frame["weight"] == 0.0) & (frame["contribution"] == 0.0)
    return (frame["days"] > 0) | nothing
