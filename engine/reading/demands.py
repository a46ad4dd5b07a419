"""Which options a table asks for, all at once: what its head shows, by rules of thumb.

Nothing here decides how a table is read. An error names the first thing that is wrong; what
this module finds is added to it, so that nobody learns of three options one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from engine.reading.columns import NEEDED, find, looks_wide, pairs
from engine.reading.dates import BETWEEN, guess_unit, orders
from engine.reading.options import Reading

SHOWN = 12
CLOSES = ("last", "close/last", "price", "px", "px_last", "adj close", "adj_close", "settle")


def explain_lacking(
    where: str, found: Sequence[str], missing: Sequence[str], stamp: str | None
) -> str:
    """Return what to say of a table without some of the columns that bars have."""
    have = ", ".join(found[:SHOWN]) + (" …" if len(found) > SHOWN else "")
    what = " and ".join(repr(name) for name in missing)
    if {"symbol", "close"} <= {*missing} and looks_wide(found, stamp):
        return (
            f"{where} has no column {what}, but {have}: if each column is a symbol, set "
            "source.layout=wide"
        )
    keys = " and ".join(f"+source.columns.{name}=…" for name in missing)
    one = ", or name its one symbol with source.symbol=…" if "symbol" in missing else ""
    which = "which it is" if len(missing) == 1 else "which they are"
    return f"{where} has no column {what}, but {have}: say {which} with {keys}{one}"


def needs(head: pd.DataFrame, reading: Reading, name: str | None) -> list[str]:
    """Return the options, as one types them, that a table with these first rows asks for.

    Parameters
    ----------
    head : pandas.DataFrame
        The first rows; text or what the file's types are.
    reading : Reading
        The options so far.
    name : str, optional
        The symbol of a table without a column for it.
    """
    found = [str(column) for column in head.columns]
    own = {ours: reading.columns.get(ours) or find(ours, found) for ours in NEEDED}
    stamp = own["timestamp"] or next((n for n in found if _looks_dated(head[n])), None)
    missing = {"symbol", "close"} - {ours for ours, their in own.items() if their}
    if reading.layout == "wide" or pairs(found):
        return _dates(head, stamp or found[0], reading)
    if missing == {"symbol", "close"} and looks_wide(found, stamp):
        return ["source.layout=wide", *_dates(head, stamp or found[0], reading)]
    return [
        *_columns(found, own, stamp),
        *([] if own["symbol"] or name or reading.symbol else ["source.symbol=NAME"]),
        *_dates(head, stamp, reading),
    ]


def _columns(found: Sequence[str], own: dict[str, str | None], stamp: str | None) -> list[str]:
    wanted = {}
    if own["timestamp"] is None:
        wanted["timestamp"] = stamp or "…"
    if own["close"] is None:
        wanted["close"] = next((n for n in found if n.strip().lower() in CLOSES), "…")
    return [f"'+source.columns.{ours}={their}'" for ours, their in wanted.items()]


def _dates(head: pd.DataFrame, stamp: str | None, reading: Reading) -> list[str]:
    """The option for the dates of a column, where they are not 2020-01-31."""
    if stamp is None or stamp not in head or reading.date_format is not None:
        return []
    values = _texts(head[stamp])
    form = _form(values)
    return [f"source.date_format={form}"] if form else []


def _texts(column: pd.Series) -> list[str]:
    if pd.api.types.is_datetime64_any_dtype(column):
        return []
    known = column.dropna()
    return [str(value).strip().removesuffix(".0") for value in known if str(value).strip()]


def _form(values: Sequence[str]) -> str:
    """The format of some dates, where one can tell; both, where two are possible."""
    if not values:
        return ""
    unit = guess_unit(values[0])
    if unit is not None:
        return unit
    parts = [BETWEEN.fullmatch(value) for value in values]
    if None in parts:
        return ""
    sign = parts[0][1] if parts[0] else ""
    first, second = ([int(value.split(sign)[i]) for value in values] for i in (0, 1))
    day, month = orders(sign)
    if max(first) > 12:
        return day
    return month if max(second) > 12 else f"{day} (or {month})"


def _looks_dated(column: pd.Series) -> bool:
    """Whether a column of the head looks like dates."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return True
    values = _texts(column)
    if not values:
        return False
    iso = all(value[:4].isdigit() and value[4:5] == "-" for value in values)
    return iso or (_form(values) not in ("", "excel"))
