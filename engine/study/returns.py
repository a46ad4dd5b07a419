"""Returns → figures of performance: one series of simple returns at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.core.panel import FloatArray
from engine.study.sharpe import sharpe_error


def performance(
    net: FloatArray, rows_per_year: float, risk_free: FloatArray | float = 0.0
) -> dict[str, float]:
    """Summarise simple returns up to their end, or to ruin.

    Parameters
    ----------
    net : float array, shape (T,)
        Simple return per row. NaN is skipped. The first that is -1 or less is a total loss,
        and what comes after it counts nowhere.
    rows_per_year : float
        Of these returns (`engine.core.periods.span`).
    risk_free : float array, shape (T,), or float
        What cash earned over each row, as a simple return.

    Returns
    -------
    dict of str to float
        ``total_return``, ``cagr``, ``volatility``, ``sharpe`` and ``sortino`` (of the excess
        over `risk_free`; the latter over the root mean square of negative excess returns),
        ``sharpe_se`` (`engine.study.sharpe.sharpe_error`), ``max_drawdown`` (<= 0, from a
        start of 1), ``max_drawdown_days`` (rows from the deepest drawdown's peak to its
        recovery, or to the end), ``calmar``, ``hit_rate`` (over rows with a return other than
        0), ``skew``, ``kurtosis`` (excess), ``best_day``, ``worst_day`` and ``n_days`` (rows).
        A ratio without a denominator is NaN, and all is NaN without returns.
    """
    known = np.isfinite(net) & (np.arange(len(net)) < until_ruin(net))
    r = np.maximum(net[known], -1.0)
    excess = r - np.broadcast_to(risk_free, net.shape)[known]
    n = len(r)
    wealth = np.cumprod(1.0 + r, dtype=np.float64)
    total = float(wealth[-1] - 1.0) if n else np.nan
    average = mean(excess)
    downside = float(np.sqrt(np.mean(np.minimum(excess, 0.0) ** 2))) if n else np.nan
    depth, length = _drawdown(wealth)
    moved = r[r != 0.0]
    cagr = float((1.0 + total) ** (rows_per_year / n) - 1.0) if n else np.nan
    year = float(np.sqrt(rows_per_year))
    return {
        "total_return": total,
        "cagr": cagr,
        "volatility": deviation(r) * year,
        "sharpe": ratio(average, deviation(excess)) * year,
        "sharpe_se": sharpe_error(excess) * year,
        "sortino": ratio(average, downside) * year,
        "max_drawdown": depth,
        "max_drawdown_days": length,
        "calmar": ratio(cagr, abs(depth)),
        "hit_rate": float((moved > 0).mean()) if len(moved) else np.nan,
        "skew": _moment(r, 3),
        "kurtosis": _moment(r, 4) - 3.0,
        "best_day": float(r.max()) if n else np.nan,
        "worst_day": float(r.min()) if n else np.nan,
        "n_days": n,
    }


def until_ruin(net: FloatArray) -> int:
    """How many rows count: up to the first that lost everything, or all of them."""
    ruined = np.flatnonzero(net <= -1.0)
    return int(ruined[0]) + 1 if len(ruined) else len(net)


def growth(returns: npt.NDArray[np.floating[Any]]) -> FloatArray:
    """Growth of 1; a missing return is a row without one, and nothing is left after ruin."""
    kept: FloatArray = np.maximum(np.nan_to_num(returns.astype(np.float64)), -1.0)
    grown: FloatArray = np.cumprod(1.0 + kept, dtype=np.float64)
    return grown


def _drawdown(wealth: FloatArray) -> tuple[float, int]:
    """Depth (<= 0) of the deepest drawdown, and periods from its peak to recovery or end."""
    path = np.concatenate([[1.0], wealth])
    peak = np.maximum.accumulate(path)
    drawdown = path / peak - 1.0
    if len(path) == 1:
        return np.nan, 0
    bottom = int(np.argmin(drawdown))
    if drawdown[bottom] == 0.0:
        return 0.0, 0
    start = int(np.flatnonzero(path[: bottom + 1] == peak[bottom])[-1])
    recovered = np.flatnonzero(path[bottom:] >= peak[bottom])
    stop = bottom + int(recovered[0]) if len(recovered) else len(path) - 1
    return float(drawdown[bottom]), stop - start


def _moment(values: FloatArray, order: int) -> float:
    """Standardised central moment; NaN for a constant."""
    if not deviation(values) > 0.0:
        return np.nan
    error = values - values.mean()
    return float(np.mean(error**order) / np.mean(error**2) ** (order / 2))


def deviation(values: FloatArray) -> float:
    """Standard deviation (n - 1); exactly 0 for a constant, NaN below two values."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return np.nan
    return 0.0 if known.min() == known.max() else float(known.std(ddof=1))


def ratio(numerator: float, denominator: float) -> float:
    """One over the other; NaN unless the other is above 0."""
    return numerator / denominator if denominator > 0.0 else np.nan


def mean(values: FloatArray) -> float:
    """The mean of what is finite; NaN without any."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan
