"""From a table as someone saved it to bars: what every door reads with, one way for all.

1. `columns` matches our names with theirs, and takes headers of two levels apart.
2. `dates`, `values` and `volume` turn cells into UTC, numbers, symbols and units; what could be
   read two ways is refused.
3. `reader` puts them together; `needs` says at once which options a table asks for.

A source of one's own reads with it too: ``from engine import reading``.
"""

from engine.reading.calendars import schedule, sessions
from engine.reading.columns import ALIASES, BARS, find, find_any, flat, is_bars
from engine.reading.dates import BETWEEN, guess_unit, row_of, stamps
from engine.reading.demands import needs
from engine.reading.options import Reading
from engine.reading.reader import Reader
from engine.reading.spelling import near, twins
from engine.reading.values import (
    codes,
    is_label,
    is_readable,
    name_symbol,
    names,
    numbers,
    spellings,
)
from engine.reading.volume import multipliers

__all__ = [
    "ALIASES",
    "BARS",
    "BETWEEN",
    "Reader",
    "Reading",
    "codes",
    "find",
    "find_any",
    "flat",
    "guess_unit",
    "is_bars",
    "is_label",
    "is_readable",
    "multipliers",
    "name_symbol",
    "names",
    "near",
    "needs",
    "numbers",
    "row_of",
    "schedule",
    "sessions",
    "spellings",
    "stamps",
    "twins",
]
