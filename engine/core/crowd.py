"""How many of the names that traded lately trade on a day: a holiday of most shows in it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.intp]
PAST = 20  # dates before a date that tell which names trade


def crowd(
    day: npt.NDArray[np.intp], first: npt.NDArray[np.bool_], days: int
) -> tuple[Counts, Counts]:
    """Return how many names traded lately, and how many of them trade, on each day.

    Parameters
    ----------
    day : int array, shape (R,)
        Each bar's day, by symbol, then day.
    first : bool array, shape (R,)
        Which of the bars are their symbol's first.
    days : int
        D, how many days there are.

    Returns
    -------
    lately, trading : int array, shape (D,)
        Names with a bar in the `PAST` days before the day; those of them with a bar on it. A
        name that comes, or comes back after longer, is in neither. Rows after a day do not
        matter to it.
    """
    after = np.append(day[1:], days)
    after[np.append(first[1:], True)] = days
    stop = np.minimum(day + PAST, after)  # a bar counts until the name's next one takes over
    change = np.bincount(day + 1, minlength=days + 2) - np.bincount(stop + 1, minlength=days + 2)
    again = np.ones(len(day), bool)
    again[1:] = day[1:] - day[:-1] <= PAST
    again &= ~first
    return np.cumsum(change)[:days], np.bincount(day[again], minlength=days)
