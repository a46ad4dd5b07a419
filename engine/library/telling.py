"""Why something was computed, in words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.core.panel import Panel
from engine.library.bars import Changes
from engine.library.identity import Work
from engine.library.rows import Todo


def tell(work: Work, panel: Panel, changes: Changes, todo: Todo) -> str:
    """Why rows of a factor with earlier values were computed, in words."""
    dates = panel.dates
    said = []
    if changes.inserted and todo.fresh.any():
        said.append(f"dates came or went from {_day(dates, int(np.argmax(todo.fresh)))} on")
    elif todo.fresh.any():
        count = int(todo.fresh.sum())
        said.append("1 new date" if count == 1 else f"{count} new dates")
    if todo.again.any():
        said += _tell_changes(panel, work, changes)
    return ", ".join(said)


def _tell_changes(panel: Panel, work: Work, changes: Changes) -> Iterator[str]:
    reads, symbols = work.reads, np.array(panel.symbols, str)
    if changes.came.any():
        yield f"{_list(symbols[changes.came])} came"
    elif changes.axis:
        yield "symbols went"
    seen = {
        what: cells
        for what, cells in changes.cells.items()
        if reads is None
        or what.partition(" ")[2] in reads.fields | reads.groups
        or (what == "member" and reads.crosses)
    }
    columns = np.zeros(len(symbols), bool)
    rows = np.zeros(len(panel.dates), bool)
    for cells in seen.values():
        columns |= cells.columns
        rows |= cells.rows
    columns &= ~changes.came
    if rows.any() and columns.any():
        first, last = (_day(panel.dates, int(k)) for k in np.flatnonzero(rows)[[0, -1]])
        names = "/".join(what.removeprefix("field ").removeprefix("group ") for what in seen)
        when = first if first == last else f"{first} to {last}"
        yield f"{_list(symbols[columns])} restated {when} ({names})"


def _list(names: npt.NDArray[np.str_]) -> str:
    shown = " ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def _day(dates: pd.DatetimeIndex, row: int) -> str:
    return f"{dates[row]:%Y-%m-%d}"
