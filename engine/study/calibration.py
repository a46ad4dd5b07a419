"""Whether a forecast of so much was followed by so much."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from engine.core.panel import BoolArray, FloatArray
from engine.study.ic import MeanTest, newey_west_each, newey_west_t, overlap_lags
from engine.study.quantiles import buckets, means

BINS = 10


def calibration_tables(
    predicted: Mapping[str, FloatArray],
    ranks: Mapping[str, FloatArray],
    target: FloatArray,
    horizon: int,
) -> dict[str, pd.DataFrame]:
    """Mean forecast against mean realised label, by decile of each date's forecasts.

    Parameters
    ----------
    predicted : mapping of str to float array, shape (T, N)
        Out of sample, in units of the label's target.
    ranks : mapping of str to float array, shape (T, N)
        Average ranks of the forecasts per date.
    target : float array, shape (T, N)
        What they were about; NaN where it is not known.
    horizon : int
        Trading days that a label spans.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``calibration``: ``name``, ``bin`` (1 is lowest), ``forecast``, ``realised`` (means over
        dates), ``standard_error`` of the latter (Newey & West). A date with fewer forecasts than
        bins is left out. ``slopes``: see `slope`; ``name``, ``slope``, ``standard_error``,
        ``dates``.
    """
    rows, slopes = [], []
    for name, values in predicted.items():
        groups = buckets(ranks[name], BINS)
        groups[~np.isfinite(target)] = -1
        told, came = (means(groups, each, BINS)[:, :BINS] for each in (values, target))
        for index, test in enumerate(newey_west_each(came.T, overlap_lags(horizon))):
            known = told[np.isfinite(told[:, index]), index]
            mean = float(known.mean()) if len(known) else np.nan
            rows.append((name, index + 1, mean, test.mean, test.standard_error))
        slopes.append((name, *slope(values, target, horizon)))
    head = ["name", "bin", "forecast", "realised", "standard_error"]
    return {
        "calibration": pd.DataFrame(rows, columns=head),
        "slopes": pd.DataFrame(slopes, columns=["name", "slope", "standard_error", "dates"]),
    }


def slope(forecast: FloatArray, target: FloatArray, horizon: int) -> tuple[float, float, int]:
    """Slope of the realised label on the forecast among the names of a date.

    Least squares with a constant for each date. The standard error allows for correlation
    between names, and between dates up to three horizons apart (Driscoll & Kraay 1998).

    Returns
    -------
    slope, standard error, dates
        NaN, NaN and 0 when no date has two different forecasts.
    """
    known = np.isfinite(forecast) & np.isfinite(target)
    x, y = _centre(forecast, known), _centre(target, known)
    spread = (x * x).sum(axis=1)
    used = spread > 0.0
    if not used.any():
        return np.nan, np.nan, 0
    total = float(spread[used].sum())
    made = float((x * y).sum(axis=1)[used].sum()) / total
    moments = np.where(used, (x * (y - made * x)).sum(axis=1), np.nan)
    test: MeanTest = newey_west_t(moments, overlap_lags(horizon))
    dates = int(used.sum())
    return made, test.standard_error * dates / total, dates


def _centre(values: FloatArray, known: BoolArray) -> FloatArray:
    """Deviations from each date's mean over the known cells; 0 elsewhere, or without any spread."""
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    mean = np.sum(values, axis=1, where=known, keepdims=True) / count
    high = np.max(values, axis=1, where=known, initial=-np.inf, keepdims=True)
    low = np.min(values, axis=1, where=known, initial=np.inf, keepdims=True)
    made: FloatArray = np.where(known & (high > low), values - mean, 0.0)
    return made
