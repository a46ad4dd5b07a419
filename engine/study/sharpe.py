"""The standard error of a Sharpe ratio: for returns that are autocorrelated, and not normal.

1. To first order a Sharpe ratio S moves with the mean of ψ = z - S/2 (z² - 1), z the returns in
   standard deviations from their mean: the delta method on the first two moments (Lo 2002, "The
   Statistics of Sharpe Ratios"; Mertens 2002 for independent returns).
2. The long-run variance of ψ is the mean of its first B squared cosine coefficients, the equally
   weighted cosine estimator. Its own noise is that of a χ² with B degrees of freedom, so normal
   intervals are widened to those of Student's t (Lazarus, Lewis, Stock & Watson 2018, "HAR
   Inference: Recommendations for Practice"). They take B = 0.4 n^(2/3); 0.25 n^(2/3) covers
   averages of 20 days among 1,000 as well.
3. Where one return is far from all others, a straight line does not tell how S moves with it: it
   lifts mean and deviation alike. A bootstrap would draw it k times, k a Poisson number of mean
   1; the variance over k is added up exactly, and its ratio to that of the line is a factor.
"""

from __future__ import annotations

import math

import numpy as np

from engine.core.panel import FloatArray
from engine.study.student import find_bound, find_tail

CRITICAL = 1.959964  # two-sided 5 % of a normal distribution
DRAWS = np.arange(8)  # how often a bootstrap draws one row
CHANCE = np.array([math.exp(-1.0) / math.factorial(k) for k in DRAWS])


def sharpe_error(excess: FloatArray) -> float:
    """Standard error of the ratio of mean and standard deviation (n - 1), per period.

    It is so wide that 1.96 of it to both sides cover in 95 %.

    Parameters
    ----------
    excess : float array, shape (n,)
        Finite returns per period, in excess of the risk-free rate.

    Returns
    -------
    float
        NaN for fewer than 3 returns, or a constant.
    """
    n = len(excess)
    if n < 3 or excess.min() == excess.max():
        return np.nan
    deviation = excess.std(ddof=1)
    z = (excess - excess.mean()) / deviation
    line = z - excess.mean() / deviation / 2.0 * (z * z - 1.0)
    count = count_waves(n)
    waves = _transform(line, count)
    independent = float(np.mean(line**2)) / n
    if not independent > 0.0:
        return np.nan
    factor = _bootstrap(excess) / independent
    error = math.sqrt(float(np.mean(waves**2)) / n * factor)
    return error * find_bound(count, 0.025) / CRITICAL


def count_waves(n: int) -> int:
    """Return how many cosines the error of n returns is read from: B, its degrees of freedom."""
    return min(max(round(0.25 * math.cbrt(n * n)), 2), n - 1)


def find_chance(ratio: float, error: float, n: int) -> float:
    """Return how often a ratio whose true value is 0 comes out this high: a one-sided p-value.

    Parameters
    ----------
    ratio, error : float
        A Sharpe ratio and its `sharpe_error`, in the same unit.
    n : int
        Returns that both were found from.

    Returns
    -------
    float
        Of Student's t with `count_waves` degrees of freedom; exact where it is tiny. NaN without
        an error.
    """
    if not (n >= 3 and error > 0.0):
        return np.nan
    count = count_waves(n)
    return find_tail(ratio / error * find_bound(count, 0.025) / CRITICAL, count)


def _transform(x: FloatArray, count: int) -> FloatArray:
    """The first `count` cosine coefficients of x after its mean: an orthonormal DCT of type II."""
    n = len(x)
    wave = np.arange(1, count + 1)
    turned = np.fft.rfft(x, 2 * n)[1 : count + 1] * np.exp(-0.5j * np.pi / n * wave)
    waves: FloatArray = turned.real * math.sqrt(2.0 / n)
    return waves


def _bootstrap(excess: FloatArray) -> float:
    """Variance of the ratio of independent draws: exact in the most extreme row, else linear."""
    at = int(np.argmax(np.abs(excess - excess.mean())))
    extreme, rest = excess[at], np.delete(excess, at)
    n = len(rest) + DRAWS
    mean = (rest.sum() + DRAWS * extreme) / n
    square = ((rest**2).sum() + DRAWS * extreme**2) / n
    variance = square - mean**2
    known = variance > 1e-12 * square  # without the extreme row the others may be constant
    n, mean, square, variance = (x[known] for x in (n, mean, square, variance))
    chance = CHANCE[known] / CHANCE[known].sum()
    ratio = mean / np.sqrt(variance)
    by_mean, by_square = square / variance**1.5, -mean / (2.0 * variance**1.5)
    moments = np.cov(np.stack([rest, rest**2]), ddof=0)
    linear = (
        by_mean**2 * moments[0, 0]
        + 2.0 * by_mean * by_square * moments[0, 1]
        + by_square**2 * moments[1, 1]
    )
    around = (ratio - chance @ ratio) ** 2
    return float(chance @ (linear * len(rest) / n**2 + around))
