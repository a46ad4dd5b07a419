"""Is the best of many trials better than a benchmark? Three tests by the stationary bootstrap.

White (2000), "A Reality Check for Data Snooping", Econometrica 68; Hansen (2005), "A Test for
Superior Predictive Ability", Journal of Business & Economic Statistics 23; Hansen, Lunde & Nason
(2011), "The Model Confidence Set", Econometrica 79. The computing is done by `arch`
(``pip install 'alpha-engine[stats]'``), whose SPA compares plain means, as White's check does;
Hansen's compares t-ratios, so that differences are divided by their deviations first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from engine.core.errors import ConfigError, DataError
from engine.core.panel import FloatArray

LEAST = 30  # rows
SIZE = 0.05  # the confidence set misses the best trial in so many cases, at most


@dataclass(frozen=True)
class Superiority:
    """p-values of "no trial is better than the benchmark", and the trials that may be the best.

    Attributes
    ----------
    white : float
        White's reality check, of mean returns.
    spa_lower, spa_consistent, spa_upper : float
        Hansen's test, of t-ratios. The consistent one leaves out trials that are far below the
        benchmark; the others are its bounds.
    confident : tuple of str
        The model confidence set: it holds the trial with the highest true mean in 95 %.
    rows, block : int
        Rows that were compared; mean length of a block of the bootstrap.
    """

    white: float
    spa_lower: float
    spa_consistent: float
    spa_upper: float
    confident: tuple[str, ...]
    rows: int
    block: int


def compare_trials(
    returns: FloatArray,
    benchmark: FloatArray,
    seed: int,
    *,
    names: Sequence[str],
    draws: int = 1000,
) -> Superiority:
    """Test whether the best of many trials is better than a benchmark, and which may be the best.

    Parameters
    ----------
    returns : float array, shape (T, M)
        Returns per period; their negatives are the losses that are compared. Rows on which a trial
        or the benchmark has none (NaN) are left out.
    benchmark : float array, shape (T,)
        Returns per period; zeros where a trial has to beat cash and its returns are in excess.
    seed : int
        Of the bootstrap.
    names : sequence of str
        Of the M trials.
    draws : int
        Of the bootstrap.

    Returns
    -------
    Superiority
        The block's mean length is n^(1/3), or the mean over the trials of the best for their
        differences from the benchmark (Politis & White 2004), whichever is longer; rounded up.

    Raises
    ------
    ConfigError
        `arch` is not installed.
    DataError
        There is no trial, or fewer than 30 rows are common to all.
    """
    if find_spec("arch") is None:
        raise ConfigError("arch is not installed; type: pip install 'alpha-engine[stats]'")
    from arch.bootstrap import SPA, optimal_block_length

    x, base = _share(returns, benchmark)
    better = x - base[:, None]
    moved = better.std(axis=0) > 1e-12 * np.abs(better).max(axis=0)
    best = optimal_block_length(better[:, moved])["stationary"].mean() if moved.any() else 1.0
    block = math.ceil(max(len(x) ** (1 / 3), best))
    error = np.where(moved, measure_deviation(better, block), 1.0)
    p = []
    for difference in (better, better / error):
        test = SPA(np.zeros(len(x)), -difference, block_size=block, reps=draws, seed=seed)
        test.compute()
        p.append([float(value) for value in test.pvalues])
    confident = _find_confident(x, names, block, draws, seed)
    (_, _, white), (lower, consistent, upper) = p
    return Superiority(white, lower, consistent, upper, confident, len(x), block)


def measure_deviation(x: FloatArray, block: int) -> FloatArray:
    """Long-run standard deviation of columns, as a stationary bootstrap of them has it, shape (M,).

    Politis & Romano (1994), lemma 1: autocovariances over all rows, by Fourier transform, with the
    weights (1 - i/n)(1 - q)^i + (i/n)(1 - q)^(n - i), q = 1 / block.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    n, keep = len(x), 1.0 - 1.0 / block
    size = next_fast_len(2 * n, real=True)
    waves = rfft(x - x.mean(axis=0), size, axis=0)
    lag = np.arange(n)
    weight = (1.0 - lag / n) * keep**lag + lag / n * keep ** (n - lag)
    weight[1:] *= 2.0
    covariance: FloatArray = irfft(np.abs(waves) ** 2, size, axis=0)[:n] / n
    return np.sqrt(np.maximum(weight @ covariance, 0.0))


def _share(returns: FloatArray, benchmark: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The rows on which nobody's return is missing."""
    x, base = np.asarray(returns, dtype=np.float64), np.asarray(benchmark, dtype=np.float64)
    if not x.shape[1]:
        raise DataError("there is no trial to compare: give returns of 1 or more")
    known = np.isfinite(x).all(axis=1) & np.isfinite(base)
    if known.sum() < LEAST:
        raise DataError(
            f"{known.sum()} rows on which all {x.shape[1]} trials and the benchmark have a return "
            f"are too few: give {LEAST} or more"
        )
    return x[known], base[known]


def _find_confident(
    x: FloatArray, names: Sequence[str], block: int, draws: int, seed: int
) -> tuple[str, ...]:
    """The model confidence set; equal trials stand in it, or outside, together."""
    from arch.bootstrap import MCS

    single, of = np.unique(x, axis=1, return_inverse=True)
    if single.shape[1] == 1:
        return tuple(names)
    test = MCS(-single, SIZE, reps=draws, block_size=block, method="max", seed=seed)
    test.compute()
    inside = set(test.included)
    return tuple(name for name, at in zip(names, of.ravel(), strict=True) if at in inside)
