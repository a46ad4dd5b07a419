"""The probability of backtest overfitting, by combinatorially symmetric cross-validation.

Bailey, Borwein, Lopez de Prado & Zhu (2017), "The Probability of Backtest Overfitting", Journal of
Computational Finance 20(4), section 2:

1. The rows are cut into S blocks of equal length.
2. Each half of the blocks is in sample once, the other half out of sample: C(S, S/2) splits.
3. The trial with the highest Sharpe ratio in sample is ranked among all trials out of sample: rank
   r of M, relative rank ω = r / (M + 1), logit λ = ln(ω / (1 - ω)).
4. The probability is the share of splits in which it is below the median, λ < 0.

A Sharpe ratio needs the sums of a split and of their squares: those of the blocks, times a matrix
of zeros and ones. What one half leaves is a half as well: a pair of halves makes two splits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from engine.core.errors import ConfigError, DataError
from engine.core.panel import FloatArray

CELLS = 2**16  # of an array of splits × trials that is worked on at once: it stays in the cache


@dataclass(frozen=True)
class Overfitting:
    """What became, out of sample, of the trials that were best in sample.

    Attributes
    ----------
    pbo : float
        Share of splits in which the best in sample was below the median out of sample. At the
        median, as the middle one of an odd number or among equals, it counts one half, so that
        trials without skill come to 0.5 whatever their number.
    below : float
        The share without those at the median.
    splits, rows, trials : int
        Splits; rows that they were made of; trials.
    logits : tuple of float
        Lower quartile, median and upper quartile of λ.
    loss : float
        Share of splits in which the best in sample had a negative Sharpe ratio out of sample.
    slope : float
        Of the straight line through its Sharpe ratios out of sample over those in sample: below 0,
        the better it was the worse it became. NaN where those in sample are all equal.
    """

    pbo: float
    below: float
    splits: int
    rows: int
    trials: int
    logits: tuple[float, float, float]
    loss: float
    slope: float


def find_overfitting(returns: FloatArray, blocks: int = 16) -> Overfitting:
    """Estimate how often the best in sample is below the median out of sample.

    Parameters
    ----------
    returns : float array, shape (T, M)
        Returns per period of M trials. Rows on which a trial has none (NaN) are left out, and the
        first rows, where T is no multiple of `blocks`.
    blocks : int
        S, even.

    Returns
    -------
    Overfitting
        A trial that is constant in a half has a Sharpe ratio of 0 there. Of trials that are equally
        good in sample the first counts; those that are equal out of sample have the mean of their
        ranks.

    Raises
    ------
    ConfigError
        `blocks` is not even, or not between 2 and 24.
    DataError
        There are fewer than 2 trials, or than 2 rows a block.
    """
    if blocks % 2 or not 2 <= blocks <= 24:
        raise ConfigError(f"blocks={blocks}: write an even number from 2 to 24, such as 16")
    x = _cut(np.asarray(returns, dtype=np.float64), blocks)
    chosen = [np.concatenate(each) for each in zip(*_choose(x), strict=True)]
    rank, inside, outside = chosen
    trials = x.shape[2]
    logit = np.log(rank / (trials + 1.0 - rank))
    below, at = float(np.mean(logit < 0.0)), float(np.mean(logit == 0.0))
    low, middle, high = (float(q) for q in np.quantile(logit, (0.25, 0.5, 0.75)))
    return Overfitting(
        pbo=below + at / 2.0,
        below=below,
        splits=len(rank),
        rows=x.shape[0] * x.shape[1],
        trials=trials,
        logits=(low, middle, high),
        loss=float(np.mean(outside < 0.0)),
        slope=_slope(inside, outside),
    )


def _cut(returns: FloatArray, blocks: int) -> FloatArray:
    """The rows that all trials have, shape (S, T / S, M)."""
    if returns.ndim != 2 or returns.shape[1] < 2:
        raise DataError("one trial has nothing to be ranked among: give returns of 2 or more")
    known = returns[np.isfinite(returns).all(axis=1)]
    length = len(known) // blocks
    if length < 2:
        raise DataError(
            f"{len(known)} rows on which all {returns.shape[1]} trials have a return are too few "
            f"for {blocks} blocks: give {2 * blocks} or more, or fewer blocks"
        )
    return known[len(known) - length * blocks :].reshape(blocks, length, -1)


def _choose(x: FloatArray) -> Iterator[tuple[FloatArray, ...]]:
    """Of the best in sample: its rank out of sample, and its Sharpe ratios in and out, by split."""
    blocks, length, trials = x.shape
    n = blocks // 2 * length
    middle = x.mean(axis=(0, 1))
    still = 1e-24 * np.abs(x).max(axis=(0, 1)) ** 2  # a variance that is rounding alone
    away = x - middle
    sums, squares = away.sum(axis=1), (away**2).sum(axis=1)

    def measure(half: FloatArray) -> FloatArray:
        mean = half @ sums / n
        variance = (half @ squares - n * mean**2) / (n - 1)
        moved = variance > still
        ratio: FloatArray = (mean + middle) * moved / np.sqrt(np.where(moved, variance, 1.0))
        return ratio

    halves = _halves(blocks)
    step = max(CELLS // trials, 1)
    for start in range(0, len(halves), step):
        half = halves[start : start + step]
        one, other = measure(half), measure(1.0 - half)
        yield _follow_best(one, other)
        yield _follow_best(other, one)


def _follow_best(inside: FloatArray, outside: FloatArray) -> tuple[FloatArray, ...]:
    best = inside.argmax(axis=1)[:, None]
    then = np.take_along_axis(outside, best, axis=1)
    worse, equal = (outside < then).sum(axis=1), (outside == then).sum(axis=1)
    before = np.take_along_axis(inside, best, axis=1)
    return worse + (equal + 1.0) / 2.0, before[:, 0], then[:, 0]


def _halves(blocks: int) -> FloatArray:
    """Return which blocks are in one half of each pair: 1 or 0, shape (C(S, S/2) / 2, S)."""
    others = np.array([*combinations(range(1, blocks), blocks // 2 - 1)], np.intp)
    halves = np.zeros((len(others), blocks))
    halves[:, 0] = 1.0
    np.put_along_axis(halves, others, 1.0, axis=1)
    return halves


def _slope(x: FloatArray, y: FloatArray) -> float:
    away = x - x.mean()
    square = float(away @ away)
    return float(away @ y) / square if square > 0.0 else np.nan
