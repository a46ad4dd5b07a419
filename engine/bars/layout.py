"""From a source's long frame to a clean panel: nothing is repaired in silence.

1. Take the universe's symbols; refuse a source that has none of them. Mend by hand.
2. Drop rows without a close: they are no bars.
3. Ask of the rest, finding by finding, what the policy says: raise, drop, mask or keep.
4. Lay the bars out as (T, N) arrays; add membership, labels and market-wide series.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.bars.clock import oddities
from engine.bars.dirt import Rows
from engine.bars.findings import Findings, Policy, apply_policy, few
from engine.bars.membership import member
from engine.bars.mends import mend
from engine.core.errors import DataError, PluginError
from engine.core.groups import Dated, Grouping, find_last_codes
from engine.core.panel import BoolArray, FloatArray, Panel
from engine.core.periods import advice, mismatch
from engine.core.text import escape
from engine.core.universe import Universe
from engine.reading import near, twins
from engine.schemas.bars import PRICES

log = logging.getLogger(__name__)

__all__ = ["Findings", "Policy", "build", "lay", "read"]


def build(
    frame: pd.DataFrame,
    universe: Universe,
    policy: Policy | None = None,
    series: pd.DataFrame | None = None,
    periods_per_year: float | None = None,
    quorum: float = 0.5,
) -> tuple[Panel, Findings]:
    """Clean a source's bars by the policy, and lay them out.

    Parameters
    ----------
    frame : pandas.DataFrame
        What `Source.load` returned: ``timestamp`` (UTC), ``symbol``, ``close``, and more.
    universe : Universe
        Which symbols, when, with which labels, on which calendar.
    policy : Policy, optional
        What to do with each finding.
    series : pandas.DataFrame, optional
        What `Source.series` returned. Each date gets the last value known by then.
    periods_per_year : float, optional
        Rows a year; by default read from the first dates. A line is logged where all dates
        together have others.
    quorum : float
        Of `Panel`: the share of the names that must trade for a row to count.

    Returns
    -------
    Panel
        Symbols with at least one bar, ascending; dates with at least one bar. Labels of
        `universe.tags` stand above those of the frame's text columns.
    Findings
        Counts and examples, also of what was let pass.

    Raises
    ------
    PluginError
        The source does not keep its contract.
    DataError
        A finding whose policy is ``raise``, or no bar is left.
    """
    policy = policy or Policy()
    rows = read(frame, universe, policy.mends)
    return lay(rows, universe, policy, series, periods_per_year, quorum)


def lay(
    rows: Rows,
    universe: Universe,
    policy: Policy,
    series: pd.DataFrame | None,
    periods_per_year: float | None = None,
    quorum: float = 0.5,
) -> tuple[Panel, Findings]:
    """Clean rows and lay them out, as `build` does with a frame."""
    rows, alive, findings = apply_policy(rows, universe, policy)
    if not alive.any():
        raise DataError(f"no bar is left of {len(rows)} rows: {'; '.join(findings.lines()[1:])}")
    panel = _panel(rows, alive, universe, series, periods_per_year, quorum)
    rate = mismatch(panel.dates, panel.periods_per_year)
    if rate is not None:
        log.warning(advice(panel.periods_per_year, rate))
    for odd in oddities(rows.days, rows.day[alive], rows.name[alive]):
        log.warning("bars: %s, %d of them: %s", odd.what, len(odd.days), odd.note)
    for names in twins(panel.symbols):
        log.warning("bars: %s differ in case alone: one company twice?", " and ".join(names))
    return panel, replace(findings, missing_symbols=_find_missing(rows, alive, universe))


def read(frame: pd.DataFrame, universe: Universe, mends: str | None = None) -> Rows:
    """Return the universe's rows of a frame, with what a file of `mends` says.

    Raises
    ------
    PluginError
        The source does not keep its contract.
    DataError
        It has none of the universe's symbols, or the file of mends does not fit the bars.
    """
    rows = _select(_rows(frame), universe)
    return rows if mends is None else mend(rows, mends)


def _rows(frame: pd.DataFrame) -> Rows:
    """Read the frame's columns, and refuse what a source should not have handed over."""
    for name in ("timestamp", "symbol", "close"):
        if name not in frame:
            raise PluginError(f"the source's frame has no column {name!r}: it has {list(frame)}")
    stamps, symbols = frame["timestamp"], _symbols(frame["symbol"])
    if not isinstance(stamps.dtype, pd.DatetimeTZDtype) or str(stamps.dtype.tz) != "UTC":
        raise PluginError(f"the source's timestamps are {stamps.dtype}: make them UTC")
    day, days = pd.factorize(pd.DatetimeIndex(stamps), sort=True)
    if (day < 0).any() or (symbols.codes < 0).any():
        raise PluginError("the source's frame has rows without a timestamp or symbol")
    order = np.argsort([str(name) for name in symbols.categories], kind="stable")
    rank = np.empty(len(order), np.intp)
    rank[order] = np.arange(len(order))
    numbers, texts = _columns(frame)
    return Rows(
        days=pd.DatetimeIndex(days),
        day=day,
        names=tuple(str(symbols.categories[i]) for i in order),
        name=rank[symbols.codes],
        numbers=numbers,
        texts=texts,
    )


def _symbols(column: pd.Series) -> pd.Categorical:
    """The symbols, as they are shown: none can steer a terminal."""
    symbols = pd.Categorical(column)
    new = {name: escape(str(name)) for name in symbols.categories}
    steering = [text for name, text in new.items() if text != str(name)]
    if not steering:
        return symbols
    log.warning(
        "symbols with control characters are called as they are shown: %s", few(sorted(steering))
    )
    renamed: pd.Categorical = pd.Categorical(column.map(new).astype(object))
    return renamed


def _columns(frame: pd.DataFrame) -> tuple[dict[str, FloatArray], dict[str, pd.Categorical]]:
    """Numbers become fields, text becomes labels; anything else is refused."""
    numbers, texts = {}, {}
    for name in frame.columns.difference(["timestamp", "symbol"], sort=False):
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column):
            numbers[str(name)] = column.to_numpy(np.float64, na_value=np.nan)
        elif name in (*PRICES, "volume") or pd.api.types.is_datetime64_any_dtype(column):
            raise PluginError(f"the source's column {name!r} holds {column.dtype}, not numbers")
        else:
            texts[str(name)] = pd.Categorical(column)
    return numbers, texts


def _select(rows: Rows, universe: Universe) -> Rows:
    """The rows of the universe's symbols."""
    if universe.symbols is None:
        return rows
    wanted = set(map(escape, universe.symbols))
    chosen = np.array([name in wanted for name in rows.names], bool)
    if chosen.all() and len(chosen):
        return rows
    if not chosen.any():
        raise DataError(
            f"universe {universe.name!r} has {len(wanted)} symbols ({few(sorted(wanted))}), the "
            f"source has {len(rows.names)} ({few(rows.names)}), and none is in both: "
            f"set universe.symbols{near(sorted(wanted), rows.names)}"
        )
    at = np.flatnonzero(chosen[rows.name])
    return replace(
        rows.take(at),
        names=tuple(name for name in rows.names if name in wanted),
        name=(np.cumsum(chosen) - 1)[rows.name[at]],
    )


def _panel(
    rows: Rows,
    alive: BoolArray,
    universe: Universe,
    series: pd.DataFrame | None,
    periods_per_year: float | None,
    quorum: float,
) -> Panel:
    """Lay the live rows out. `Panel.from_long` would do, but reads every key again as text."""
    at = np.flatnonzero(alive)
    day, dates = _compact(rows.day[at], len(rows.days))
    name, columns = _compact(rows.name[at], len(rows.names))
    days = rows.days[dates]
    symbols = tuple(rows.names[i] for i in columns)
    cell = day * len(symbols) + name
    laid = {}
    for key, values in rows.numbers.items():
        array = np.full(len(days) * len(symbols), np.nan)
        array[cell] = values[at]
        laid[key] = array.reshape(len(days), len(symbols))
    return Panel(
        dates=days,
        symbols=symbols,
        fields=laid,
        groups=_groups(rows.texts, at, day, name, (len(days), len(symbols)), symbols, universe),
        series={} if series is None else _as_of(series, days),
        member=member(universe, days, symbols, laid),
        periods_per_year=periods_per_year,  # type: ignore[arg-type]  # None: by the dates
        quorum=quorum,
    )


def _compact(
    code: npt.NDArray[np.intp], size: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Renumber codes without gaps; also return which old codes are left, ascending."""
    used = np.zeros(size, bool)
    used[code] = True
    return (np.cumsum(used) - 1)[code], np.flatnonzero(used)


def _groups(
    texts: Mapping[str, pd.Categorical],
    at: npt.NDArray[np.intp],
    day: npt.NDArray[np.intp],
    name: npt.NDArray[np.intp],
    shape: tuple[int, int],
    symbols: tuple[str, ...],
    universe: Universe,
) -> dict[str, Grouping]:
    """Labels: the universe's tags, else the last one in the frame at or before a date, else ""."""
    groups: dict[str, Grouping] = {}
    for key in [*texts, *(key for key in universe.tags if key not in texts)]:
        codes, labels = np.full((1, len(symbols)), -1), [""]
        if key in texts:
            codes = find_last_codes(texts[key].codes[at].astype(np.int64), day, name, shape)
            labels = [escape(str(label)) for label in texts[key].categories] + [
                ""
            ]  # -1 is the last
        tags = {escape(name): tag for name, tag in universe.tags.get(key, {}).items()}
        names = sorted({*labels, *tags.values()})
        codes = np.array([names.index(label) for label in labels])[codes]
        for column, symbol in enumerate(symbols):
            if symbol in tags:
                codes[:, column] = names.index(tags[symbol])
        changes = len(codes) > 1 and (codes != codes[:1]).any()
        groups[key] = Dated(tuple(names), codes) if changes else tuple(names[i] for i in codes[0])
    return groups


def _as_of(series: pd.DataFrame, days: pd.DatetimeIndex) -> dict[str, FloatArray]:
    """Each column's last value at or before each day; NaN before its first."""
    index = series.index
    if not isinstance(index, pd.DatetimeIndex) or str(index.tz) != "UTC":
        raise PluginError("the source's series need a DatetimeIndex in UTC")
    if index.has_duplicates:
        day = index[index.duplicated()][0]
        raise DataError(f"the market-wide series have two values for {day:%Y-%m-%d}: keep one")
    out = {}
    for name in series.columns:
        known = series[name].dropna().sort_index()
        last = pd.DatetimeIndex(known.index).searchsorted(days, side="right") - 1
        values = np.append(known.to_numpy(np.float64), np.nan)  # -1, before the first: NaN
        out[str(name)] = values[last]
    return out


def _find_missing(rows: Rows, alive: BoolArray, universe: Universe) -> tuple[str, ...]:
    """The universe's symbols without a bar."""
    if universe.symbols is None:
        return ()
    found = {rows.names[i] for i in np.unique(rows.name[alive])}
    return tuple(sorted(set(map(escape, universe.symbols)) - found))
