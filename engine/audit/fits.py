"""What each training learnt from: no label in it was known too late, and no row was forecast.

Medians, scalers, models and what is held out for early stopping are fits; each has left the dates
of the rows that it saw (``forecasts.json``). When a label is known is counted anew here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.audit.comparing import tell_date
from engine.forecasts import Labels

IntArray = npt.NDArray[np.int64]


def check_fits(
    splits: Sequence[Mapping[str, Any]], labels: Labels, dates: pd.DatetimeIndex
) -> list[str]:
    """Say what is wrong with the fits of a run, a line each; nothing where all is right.

    Parameters
    ----------
    splits : sequence of mapping
        As in ``forecasts.json``.
    labels : Labels
        The run's.
    dates : pandas.DatetimeIndex, shape (T,)
    """
    own = np.maximum(labels.end, np.arange(len(dates)) + 1 + labels.horizon)
    wrong = []
    for split in splits:
        test = pd.Timestamp(split["test_start"], tz="UTC")
        for fit in split["fits"]:
            same = fit["horizon"] == labels.horizon
            end = own if same else np.arange(len(dates)) + 1 + fit["horizon"]
            rows = _find_rows(fit["dates"], dates)
            held = _find_rows(fit["ahead"], dates)
            wrong += _find_overlap(split, fit["what"], rows, held, end, dates)
            served = pd.DatetimeIndex(fit["before"] or [test] * len(rows), tz="UTC")
            late = np.flatnonzero(end[rows] >= dates.searchsorted(served))
            if not len(late):
                continue
            row, first = int(rows[late[0]]), tell_date(served[late[0]])
            known = "after the data" if end[row] >= len(dates) else tell_date(dates[end[row]])
            what = "the first forecast with it is of" if fit["before"] else "forecasts begin on"
            wrong.append(
                f"training {split['index']}, {fit['what']}: the label of {tell_date(dates[row])} "
                f"is known on {known}, and {what} {first}"
            )
    return wrong


def _find_overlap(
    split: Mapping[str, Any], what: str, rows: IntArray, held: IntArray, end: IntArray, dates: Any
) -> list[str]:
    """Say where a fit inside a training learnt from labels that overlap its fold's."""
    if not len(held):
        return []
    met = rows[(rows + 1 <= end[held].max()) & (end[rows] >= held.min())]
    if not len(met):
        return []
    return [
        f"training {split['index']}, {what}: the label of {tell_date(dates[met[0]])} overlaps "
        f"those of the dates from {tell_date(dates[held[0]])} on, which it was held out from"
    ]


def _find_rows(ranges: Sequence[Sequence[str]], dates: pd.DatetimeIndex) -> IntArray:
    """Rows of ranges of days, which are named by their first and last one."""
    found = [np.empty(0, np.int64)]
    for first, last in ranges:
        start, stop = dates.searchsorted(pd.DatetimeIndex([first, last], tz="UTC"))
        found.append(np.arange(start, stop + 1))
    return np.concatenate(found)
