"""How a CSV file seems to be written, by its first rows: what to offer, never how to read it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from engine import reading

POINT = "\"source.decimal=','\""
GROUPS = "\"source.thousands=','\""
READS = (  # text that stands in a number column, and what else than mending it may help
    (r"[+-]?\d{1,3},\d{3}", f", or set {POINT} if commas are decimal points, else {GROUPS}"),
    (r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", f", or set {GROUPS}"),
    (r"[+-]?\d+,\d+", f", or set {POINT}"),
    (r"[+-]?\d{1,3}(\.\d{3})+,\d+", f", or set {POINT} and source.thousands=."),
    (r"[$€£¥₹]\s?\d{1,3}(,\d{3})+(\.\d*)?", f", or set {GROUPS}"),
    (r"[^\w\s]\s?[\d.,]*\d|\d[\d.,]*\s?([^\w\s]|[A-Z]{3})", ", and write the number alone"),
)
KLINES = [  # Binance's columns, in files that have no header
    *("open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume"),
    *("count", "taker_buy_volume", "taker_buy_quote_volume", "ignore"),
]


def reads(value: str) -> str:
    """Return which option reads this text as a number, if one does."""
    text = value.strip()
    return next((advice for form, advice in READS if re.fullmatch(form, text)), "")


def separator(line: str) -> str | None:
    """Return what seems to stand between the columns of a row."""
    return next((sign for sign in (";", "\t", "|", ",") if sign in line), None)


def show(sign: str) -> str:
    """Return a separator as one types it."""
    return "'\\t'" if sign == "\t" else repr(sign)


def is_value(cell: str) -> bool:
    """Whether a cell of the first row is a number or a date, so that the row is no header."""
    return bool(re.fullmatch(r"[+-]?\d+(\.\d+)?|\d{4}-\d\d-\d\d.*", cell))


def klines(cells: Sequence[str]) -> bool:
    """Whether a first row is one of Binance's: twelve numbers, two of them the bar's two ends."""
    if len(cells) != len(KLINES) or not all(map(is_value, cells)):
        return False
    begin, end = (cells[KLINES.index(name)] for name in ("open_time", "close_time"))
    counted = {reading.guess_unit(begin), reading.guess_unit(end)}
    return counted in ({"ms"}, {"us"}) and int(begin) < int(end)


def two_levels(rows: pd.DataFrame) -> list[str] | None:
    """Return the names of a header of two levels, as yfinance writes it; None of any other.

    The first two rows have the levels, the third names the index, and nothing else.
    """
    if len(rows) < 3 or rows.shape[1] < 2:
        return None
    cells = [[str(cell).strip() for cell in row] for row in rows.fillna("").to_numpy()]
    index, rest = cells[2][0], cells[2][1:]
    if any(rest) or reading.find("timestamp", [index]) is None or not all(cells[1][1:]):
        return None
    return [index, *(str((one, two)) for one, two in zip(cells[0][1:], cells[1][1:], strict=True))]


def points(values: Sequence[str], decimal: str, thousands: str | None) -> list[str]:
    """Return the options for decimal commas and grouped digits, where numbers have them."""
    plain = [value.lstrip("$€£¥₹+- ") for value in values]

    def some(form: str) -> bool:
        return any(re.fullmatch(form, value) for value in plain)

    if decimal == "," or thousands is not None:
        return []
    if some(r"\d{1,3}(\.\d{3})+,\d+"):
        return [POINT, "source.thousands=."]
    if some(r"\d+,\d{1,2}|\d+,\d{4,}|\d{4,},\d+"):
        return [POINT]
    return [GROUPS] if some(r"\d{1,3}(,\d{3})+\.\d*|\d{1,3}(,\d{3}){2,}") else []
