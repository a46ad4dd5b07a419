"""When labels are known: what else a training may learn, and what a model may between forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.forecasts.fits import Fit
from engine.forecasts.labels import Labels
from engine.forecasts.ranges import Ranges, to_ranges


@dataclass(frozen=True, eq=False)
class Known:
    """When the labels of the dates after a training are known.

    Parameters
    ----------
    labels : Labels
    embargo : int
        Rows between the one at which a label is known and a forecast that may use it, as between
        a training and its first forecast.
    since : int
        The first date after the training's.
    """

    labels: Labels
    embargo: int
    since: int

    def find_new(self, since: int, date: int) -> range:
        """Return the dates from `since` on whose labels are known before a date's forecasts."""
        stop = int(np.searchsorted(self.labels.end + self.embargo, date, side="left"))
        return range(since, stop)

    def note(self, learnt: Sequence[tuple[int, int]], rows: int) -> Fit:
        """Return what was learnt: pairs of a date and the first one forecast with it."""
        dates, before = np.array(learnt).T
        fit = Fit.on("updates", to_ranges(dates), rows, self.labels)
        return replace(fit, before=tuple(before.tolist()))


def clip_to_known(dates: Ranges, own: Labels, labels: Labels) -> Ranges:
    """Return the dates of each range whose labels are known no later than the range's last own."""
    found = []
    for start, stop in dates:
        last = int(np.searchsorted(labels.end, own.end[stop - 1], side="right"))
        if min(last, stop) > start:
            found.append((start, min(last, stop)))
    return tuple(found)
