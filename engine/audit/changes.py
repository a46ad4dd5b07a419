"""What is done to a source's rows, before anything else of the run sees them.

A cut takes away all that came after a date, as if the run had been on that day. A perturbation
leaves one more date, and makes its values others; a split halves the prices of one symbol up to
a date, as its prices would have been if a split had come after it.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import numpy as np
import pandas as pd

from engine.bars import STATED, IntArray, Rows
from engine.core.panel import FloatArray, Panel
from engine.pipeline import Bars, Raw

PRICES = ("open", "high", "low", "close", "vwap")  # what a split divides
EPS = 2.0**-52  # of a number, its last bit
LEAST, MOST = 0.6, 1.6  # by how much a value is changed


def cut(raw: Raw, date: pd.Timestamp) -> Raw:
    """Return what the source would have had on a date: its rows and series up to it."""
    rows = raw.rows
    kept = np.flatnonzero(np.asarray(rows.days <= date)[rows.day])
    series = None if raw.series is None else raw.series[raw.series.index <= date]
    return Raw(_compact(rows.take(kept)), series, raw.facts)


def perturb(raw: Raw, date: pd.Timestamp, after: pd.Timestamp) -> Raw:
    """Return the rows up to `after`, the date that follows, with all values of `after` changed.

    Prices of a symbol are multiplied by one factor, so that open and close stay within high and
    low; every other number has a factor of its own. Labels change places among the symbols.
    """
    known = cut(raw, after)
    rows, series = known.rows, known.series
    at = np.flatnonzero(np.asarray(rows.days > date)[rows.day])
    names = [rows.names[i] for i in rows.name[at]]
    numbers = {}
    for column, values in rows.numbers.items():
        numbers[column] = values.copy()
        numbers[column][at] = _change(column, values[at], names, after)
    texts = {}
    for column, labels in rows.texts.items():
        codes = labels.codes.copy()
        codes[at] = np.roll(codes[at], 1)
        texts[column] = pd.Categorical.from_codes(codes, dtype=labels.dtype)
    if series is not None:
        series = _change_series(series, date)
    return Raw(replace(rows, numbers=numbers, texts=texts), series, raw.facts)


def split(raw: Raw, date: pd.Timestamp, after: pd.Timestamp, symbol: str) -> Raw:
    """Return the rows up to `after`, with one symbol's prices halved and its volume doubled.

    From a split 2:1 that comes with `after`, a source that adjusts makes just these rows.
    """
    known = cut(raw, after)
    rows = known.rows
    mine = (rows.name == rows.names.index(symbol)) & np.asarray(rows.days <= date)[rows.day]
    numbers = dict(rows.numbers)
    for column, values in rows.numbers.items():
        if column.lower() in (*PRICES, "volume"):
            factor = 2.0 if column.lower() == "volume" else 0.5
            numbers[column] = np.where(mine, values * factor, values)
    return Raw(replace(rows, numbers=numbers), known.series, raw.facts)


def shuffle(raw: Raw) -> Raw:
    """Return the rows with the symbols of each date in another order."""
    rows = raw.rows
    place = _draw(len(rows.names), "rows")
    return Raw(rows.take(np.lexsort((place[rows.name], rows.day))), raw.series, raw.facts)


def jitter(raw: Raw) -> Raw:
    """Return the rows with each number another in its last bits: who makes more of it is shaky.

    The prices of a row have one factor, so that they stay in their order.
    """
    rows, random = raw.rows, np.random.default_rng(0)
    numbers = {}
    prices = 1.0 + EPS * random.integers(-1, 2, len(rows))
    for column, values in rows.numbers.items():
        own = column.lower() not in PRICES
        factors = 1.0 + EPS * random.integers(-1, 2, len(rows)) if own else prices
        numbers[column] = values * factors
    return Raw(replace(rows, numbers=numbers), raw.series, raw.facts)


def permute(bars: Bars) -> Bars:
    """Return the bars with their columns in another order."""
    order = np.argsort(_draw(len(bars.panel.symbols), "columns"))
    return replace(bars, panel=bars.panel.take(order))


def widen(bars: Bars, whole: Panel) -> Bars:
    """Return the bars of a cut with an empty column for each symbol that comes later.

    Sums then run over as many columns as in the whole, and round alike.
    """
    panel = bars.panel
    place = {symbol: i for i, symbol in enumerate(panel.symbols)}
    order = [place.get(symbol, -1) for symbol in whole.symbols]  # -1: the empty one
    empty = np.full((len(panel.dates), 1), np.nan)
    groups = {name: whole.cut(len(panel.dates)).groups[name] for name in panel.groups}
    made = replace(
        panel,
        symbols=whole.symbols,
        fields={n: np.hstack([array, empty])[:, order] for n, array in panel.fields.items()},
        groups=groups,
        member=whole.member[: len(panel.dates)],
    )
    return replace(bars, panel=made)


def _compact(rows: Rows) -> Rows:
    """The rows without days and names that no row has any more."""
    days, day = np.unique(rows.day, return_inverse=True)
    names, name = np.unique(rows.name, return_inverse=True)
    return replace(
        rows,
        days=rows.days[days],
        day=day.astype(np.intp),
        names=tuple(rows.names[i] for i in names),
        name=name.astype(np.intp),
        texts={key: text.remove_unused_categories() for key, text in rows.texts.items()},
    )


def _change(column: str, values: FloatArray, names: list[str], after: pd.Timestamp) -> FloatArray:
    kind = "price" if column.lower() in PRICES else column
    factors = np.array([_factor(f"{kind} {name} {after}") for name in names])
    changed: FloatArray = np.where(values == 0.0, factors - LEAST, values * factors)
    if column == STATED:
        changed = np.maximum(changed, -1.0)
    return changed


def _change_series(series: pd.DataFrame, date: pd.Timestamp) -> pd.DataFrame:
    factors = np.array([_factor(f"series {name} {date}") for name in series.columns])
    later = np.asarray(series.index > date)[:, None]
    return series.where(~later, series * factors)


def _factor(text: str) -> float:
    """A number that depends on a text alone, and is never near 1."""
    share = int.from_bytes(sha256(text.encode()).digest()[:6]) / 2**48
    return LEAST + 0.3 * share if share < 0.5 else 1.0 + (MOST - 1.0) * share


def _draw(count: int, text: str) -> IntArray:
    """The places of some columns in another order, always the same one."""
    digests = [sha256(f"{text} {i}".encode()).hexdigest() for i in range(count)]
    return np.argsort(np.argsort(np.array(digests)))
