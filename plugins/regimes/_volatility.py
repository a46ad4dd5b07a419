"""Realised volatility of a return series."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

import engine


def rolling_volatility(
    returns: engine.FloatArray, window: int, periods_per_year: float
) -> engine.FloatArray:
    """Root mean square of the last `window` known returns, annualised, shape (T,).

    The mean is taken as zero: over a month it is noise next to the deviations. A missing
    return is skipped and leaves the last known volatility; NaN before `window` returns.

    Parameters
    ----------
    returns : float array, shape (T,)
        Per row, as fractions.
    window : int
        Rows.
    periods_per_year : float
        Rows a year, of `engine.Panel`.
    """
    known = np.flatnonzero(np.isfinite(returns))
    squares = returns[known] ** 2
    count = len(known) - window + 1
    if count < 1:
        return np.full(len(returns), np.nan)
    total = np.zeros(count)
    for age in range(window):  # fresh sums: no running total that a large value would blur
        total += squares[window - 1 - age : len(known) - age]
    yearly = np.sqrt(total / window * periods_per_year)
    return _on_all_dates(yearly, known[window - 1 :], len(returns))


def weighted_volatility(
    returns: engine.FloatArray, window: int, periods_per_year: float
) -> engine.FloatArray:
    """The same with weights that fade by ``1 - 2 / (window + 1)`` a day, shape (T,).

    RiskMetrics 1996, "Technical Document", section 5.2; its 0.94 is a window of 32 days.
    """
    known = np.flatnonzero(np.isfinite(returns))
    mean = pd.Series(returns[known] ** 2).ewm(span=window, min_periods=window).mean()
    yearly = np.sqrt(mean.to_numpy(np.float64) * periods_per_year)
    return _on_all_dates(yearly, known, len(returns))


def _on_all_dates(
    values: engine.FloatArray, rows: npt.NDArray[np.intp], total: int
) -> engine.FloatArray:
    out = np.full((total, 1), np.nan)
    out[rows, 0] = values
    return engine.forward_fill(out)[:, 0]
