"""What each training learnt from: no label in it was known too late, and no row was forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from engine.audit.comparing import tell_date
from engine.forecasts import Labels


def check_fits(
    splits: Sequence[Mapping[str, Any]], labels: Labels, dates: pd.DatetimeIndex
) -> list[str]:
    """Say what is wrong with the trainings of a run, a line each; nothing where all is right.

    Parameters
    ----------
    splits : sequence of mapping
        As in ``forecasts.json``.
    labels : Labels
        The run's: the row on which each date's label is known.
    dates : pandas.DatetimeIndex, shape (T,)
    """
    wrong = []
    for split in splits:
        start, stop, test = (_row(split[key], dates) for key in KEYS)
        ends = labels.end[start : stop + 1]
        late = np.flatnonzero(ends >= test)
        if len(late):
            row = start + int(late[0])
            known = min(int(ends[late[0]]), len(dates) - 1)
            wrong.append(
                f"training {split['index']}: the label of {tell_date(dates[row])} was known on "
                f"{tell_date(dates[known])}, and forecasts begin on {tell_date(dates[test])}"
            )
        elif stop >= test:
            wrong.append(
                f"training {split['index']}: it saw rows up to {tell_date(dates[stop])}, and "
                f"forecasts begin on {tell_date(dates[test])}"
            )
    return wrong


KEYS = ("train_start", "train_stop", "test_start")


def _row(day: str, dates: pd.DatetimeIndex) -> int:
    return int(dates.searchsorted(pd.Timestamp(day, tz="UTC")))
