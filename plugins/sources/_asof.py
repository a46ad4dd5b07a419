"""Figures onto bars: what was known of each symbol on each bar's date, and nothing more.

1. A figure's known day is its date; a time after the market's close belongs to the next day.
2. It becomes visible `lag` calendar days after its known day.
3. ``last``: each bar has the newest period's figure among those visible; of one period, the one
   known last. ``sum`` and ``mean``: each bar has the figures that became visible since the
   symbol's bar before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine import FloatArray

IntArray = npt.NDArray[np.int64]
_SPAN = 1 << 21  # days; one symbol's keys never reach the next symbol's
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Keys:
    """Symbol and day of some rows; arrays of shape (R,)."""

    symbol: IntArray  # codes >= 0
    day: IntArray  # since 1970

    @property
    def flat(self) -> IntArray:
        """One ascending number for symbol, then day."""
        return self.symbol * _SPAN + self.day + _SPAN // 2

    def take(self, at: npt.NDArray[np.intp]) -> Keys:
        """Some of the rows."""
        return Keys(self.symbol[at], self.day[at])


def days(stamps: pd.DatetimeIndex) -> IntArray:
    """Return UTC dates as days since 1970, shape (R,)."""
    return np.asarray(stamps.tz_localize(None), "datetime64[D]").astype(np.int64)


def find_known_days(stamps: pd.DatetimeIndex, zone: str, close: pd.Timedelta) -> IntArray:
    """Return the day on which each figure was known, shape (R,).

    Parameters
    ----------
    stamps : pandas.DatetimeIndex, shape (R,)
        UTC. When all are midnights, they are dates, and stay so.
    zone : str
        The market's timezone.
    close : pandas.Timedelta
        Time of day there; what is stamped later belongs to the next day.
    """
    if (stamps == stamps.normalize()).all():
        return days(stamps)
    local = stamps.tz_convert(zone).tz_localize(None)
    late = np.asarray(local - local.normalize() > close)
    return days(local.tz_localize("UTC")) + late


def newest(
    bars: Keys, rows: Keys, period: IntArray, values: FloatArray, expires: int | None
) -> FloatArray:
    """Return each bar's newest visible figure, shape (B,); NaN where there is none.

    Parameters
    ----------
    bars, rows : Keys
        Bars in any order; rows by the day from which they are visible, sorted by symbol, then
        by when they were known.
    period : int array, shape (R,)
        What the figure is about; an older period never replaces a newer one.
    values : float array, shape (R,)
        A NaN is skipped: the figure before it stands.
    expires : int, optional
        Days after which a figure no longer stands.
    """
    have = np.flatnonzero(~np.isnan(values))
    ahead = pd.Series(period[have]).groupby(rows.symbol[have]).cummax().to_numpy()
    have = have[period[have] >= ahead]
    kept = rows.take(have)
    last = np.searchsorted(kept.flat, bars.flat, side="right") - 1
    out = np.full(len(bars.day), np.nan)
    found = np.flatnonzero(last >= 0)
    found = found[kept.symbol[last[found]] == bars.symbol[found]]
    age = bars.day[found] - kept.day[last[found]]
    found = found[age < (_NEVER if expires is None else expires)]
    out[found] = values[have[last[found]]]
    return out


def gather(bars: Keys, rows: Keys, values: FloatArray, how: str) -> FloatArray:
    """Return what became visible since the bar before, shape (B,); NaN where nothing did.

    Rows visible before a symbol's first bar, or after its last, are on no bar. A NaN is skipped.
    """
    order = np.argsort(bars.flat, kind="stable")
    key, symbol = bars.flat[order], bars.symbol[order]
    first = np.searchsorted(key, rows.flat, side="left")
    have = np.flatnonzero((first < len(key)) & ~np.isnan(values))
    have = have[symbol[first[have]] == rows.symbol[have]]
    at = first[have]
    opens = np.append(True, symbol[1:] != symbol[:-1])
    early = opens[at] & (rows.flat[have] < key[at])
    have, at = have[~early], at[~early]
    count = np.bincount(at, minlength=len(key)).astype(np.float64)
    total = np.bincount(at, weights=values[have], minlength=len(key))
    count[count == 0] = np.nan
    out = np.full(len(key), np.nan)
    out[order] = total / count if how == "mean" else np.where(np.isnan(count), np.nan, total)
    return out
