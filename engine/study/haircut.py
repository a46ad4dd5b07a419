"""Haircut Sharpe ratios: what is left of a ratio when its p-value is adjusted for all trials.

Harvey & Liu (2015), "Backtesting", Journal of Portfolio Management 42(1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.core.errors import DataError
from engine.core.panel import FloatArray
from engine.study.many import step_down


@dataclass(frozen=True)
class Haircut:
    """A Sharpe ratio per year, cut by three adjustments for multiple tests.

    Attributes
    ----------
    bonferroni, holm : float
        They hold the chance of a single false discovery down; Holm's is never the smaller.
    bhy : float
        Benjamini, Hochberg & Yekutieli's holds down the share of discoveries that are false.
    """

    bonferroni: float
    holm: float
    bhy: float


def cut_sharpe(
    sharpes: FloatArray, lengths: npt.NDArray[np.integer], at: int, periods_per_year: float
) -> Haircut:
    """Cut the Sharpe ratio of one trial by what all trials make of its p-value.

    Parameters
    ----------
    sharpes : float array, shape (M,)
        Sharpe ratios of all trials, per year. A trial whose ratio is NaN is not counted.
    lengths : int array, shape (M,)
        Rows that each was found from, 2 or more.
    at : int
        The trial that is judged.
    periods_per_year : float
        Rows of a year.

    Returns
    -------
    Haircut
        Ratios per year with the sign of the trial's: those whose own p-value would be the adjusted
        one. p-values are two-sided, of Student's t with n - 1 degrees of freedom, as in the paper;
        returns are taken for independent. 0 where the adjusted p-value is 1. The largest p-value is
        multiplied by Σ 1/j too (Benjamini & Yekutieli 2001, theorem 1.3); the paper leaves it.

    Raises
    ------
    DataError
        The trial has no Sharpe ratio, or no 2 rows.
    """
    from scipy.special import stdtr

    known = np.isfinite(sharpes) & (lengths > 1)
    if not known[at]:
        raise DataError(f"trial {at} has no Sharpe ratio: choose one that has 3 returns and moved")
    t = np.abs(sharpes[known]) * np.sqrt(lengths[known] / periods_per_year)
    p = 2.0 * stdtr(lengths[known] - 1.0, -t)
    order = np.argsort(p, kind="stable")
    rank = int(np.flatnonzero(order == np.count_nonzero(known[:at]))[0])
    adjusted = (values[rank] for values in _adjust(p[order]))
    own = float(sharpes[at])
    cuts = (_invert(each, int(lengths[at]), periods_per_year) for each in adjusted)
    return Haircut(*(math.copysign(min(each, abs(own)), own) for each in cuts))


def _adjust(p: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Bonferroni's, Holm's and Benjamini & Yekutieli's p-values of sorted ones, shape (M,) each."""
    m = len(p)
    rank = np.arange(1.0, m + 1.0)
    false = m * np.sum(1.0 / rank) / rank * p
    return m * p, step_down(p), np.minimum.accumulate(false[::-1])[::-1]


def _invert(p: float, n: int, periods_per_year: float) -> float:
    """Return the ratio per year of n rows that has a two-sided p-value."""
    from scipy.special import stdtrit

    if not 0.0 < p < 1.0:
        return 0.0 if p else math.inf
    return float(-stdtrit(n - 1.0, p / 2.0)) * math.sqrt(periods_per_year / n)
