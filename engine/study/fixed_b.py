"""How large a t of Newey & West has to be: its distribution while the lags are many.

The normal distribution takes the standard error for known. With 60 lags on 500 dates it is not,
and a test at 5 % rejects a true null in 11 % of samples. Kiefer & Vogelsang (2005, "A New
Asymptotic Theory for Heteroskedasticity-Autocorrelation Robust Tests") let the number of lags grow
with n dates, b = (lags + 1) / n fixed:

1. t tends to Z / √P, where Z is standard normal, and P a sum of λ_j Z_j², independent of it. The
   λ_j are the eigenvalues of Bartlett's kernel on a Brownian bridge; in the basis √2 cos(jπr) its
   matrix has a closed form, and even j do not meet odd ones.
2. Outcomes over h rows, measured on each, are sums of h neighbours, so that wave j weighs less: by
   the square of sinc(jh/2n). Bartlett's kernel misses that share of the variance however long the
   sample (9 % at lags = 3h), and with it Kiefer & Vogelsang's own values reject in 7 %. Here h / n
   is held fixed too; h is a third of the lags, as `overlap_lags` has it. Without overlap
   (h = 1) this is their distribution.
3. Craig's form of the normal tail, 2 Φ(-x) = 2/π ∫ exp(-x² / 2 sin² θ) dθ over (0, π/2), has a mean
   over P that is a product: p = 2/π ∫ Π (1 + t² λ_j / sin² θ)^(-1/2) dθ. Nothing is simulated.

Between values of b that are 4 % apart p is interpolated. It falls as t grows, is deterministic, and
within 0.0005 of the limit where p is 0.05, within 0.0002 where it is 0.01.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from engine.core.panel import FloatArray

WAVES = 128  # of which half are even: matrices so small that no BLAS shares them among threads
TAIL = 4096  # waves up to here add their mean
STEPS = 16  # values of b from one to its double
NODES, SHARES = np.polynomial.legendre.leggauss(64)
SINES = np.sin((NODES + 1.0) * np.pi / 4.0) ** 2


def find_p(t: float, n: int, lags: int) -> float:
    """Two-sided p-value of a t by `newey_west_t`; NaN for one that is not finite.

    Parameters
    ----------
    t : float
    n : int
        Values that the mean is over, >= 1.
    lags : int
        >= 0; the values are taken to overlap by a third of them.
    """
    if not math.isfinite(t):
        return math.nan
    b = (lags + 1) / n
    step = math.floor(STEPS * math.log2(b))
    low, high = _width(step), _width(step + 1)
    share = (b - low) / (high - low)
    return (1.0 - share) * _tail(t, step, lags) + share * _tail(t, step + 1, lags)


@lru_cache(maxsize=4096)
def find_critical(n: int, lags: int, level: float = 0.05) -> float:
    """Size of t above which `find_p` is below the level: 1.96 for few lags among many dates."""
    low, high = 0.0, 2.0
    while find_p(high, n, lags) > level:
        low, high = high, 2.0 * high
    while high - low > 1e-9 * high:
        middle = (low + high) / 2.0
        low, high = (middle, high) if find_p(middle, n, lags) > level else (low, middle)
    return high


def _width(step: int) -> float:
    return float(2.0 ** (step / STEPS))


def _tail(t: float, step: int, lags: int) -> float:
    eigenvalues, rest = _spectrum(step, lags)
    c = t * t / SINES
    logs = np.log1p(c[:, None] * eigenvalues).sum(axis=1) + c * rest
    return float((SHARES * np.exp(-logs / 2.0)).sum() / 2.0)


@lru_cache(maxsize=4096)
def _spectrum(step: int, lags: int) -> tuple[FloatArray, float]:
    """The largest eigenvalues, shape (WAVES,), and the sum of all the others."""
    b = _width(step)
    horizon = max(lags / 3.0, 1.0)
    overlap = math.sqrt(horizon**2 - 1.0) / (lags + 1) * b  # 0 for one row, h / n for many
    waves = np.arange(1.0, WAVES + 1.0).reshape(-1, 2).T.copy()  # odd ones, even ones
    weight = np.sinc(waves * overlap / 2.0)
    matrices = _kernel(b, waves[:, :, None], waves[:, None, :])
    matrices *= weight[:, :, None] * weight[:, None, :]
    eigenvalues = np.maximum(np.linalg.eigvalsh(matrices).ravel(), 0.0)
    return eigenvalues, max(_trace(b, overlap) - float(eigenvalues.sum()), 0.0)


def _trace(b: float, overlap: float) -> float:
    """Sum of all eigenvalues."""
    if not overlap:
        return 1.0 - b + b * b / 3.0 if b < 1.0 else 1.0 / (3.0 * b)
    every = np.arange(1.0, TAIL + 1.0)
    apart = _cross_itself(b, every) if b < 1.0 else 0.0
    return float((_weigh(b, every, every, 0.5 - apart) * np.sinc(every * overlap / 2.0) ** 2).sum())


def _kernel(b: float, j: FloatArray, k: FloatArray) -> FloatArray:
    """Bartlett's kernel between waves j and k: (2/b) (∫ B² - ∫ B(r) B(r + b)) of the bridge B."""
    apart = np.zeros(np.broadcast_shapes(j.shape, k.shape))
    if b < 1.0:
        crossed = _cross(b, j, k)
        apart = (crossed + crossed.swapaxes(-1, -2)) / 2.0
    return _weigh(b, j, k, (j == k) / 2.0 - apart)


def _weigh(b: float, j: FloatArray, k: FloatArray, integral: FloatArray | float) -> FloatArray:
    made: FloatArray = 4.0 / (b * np.pi**2 * j * k) * integral
    return made


def _cross(b: float, j: FloatArray, k: FloatArray) -> FloatArray:
    """∫ sin(jπr) sin(kπ(r + b)) dr from 0 to 1 - b, of as many waves j down as k across."""
    left, at = 1.0 - b, k * np.pi * b
    sine, less, more = np.sin(at), (j - k) * np.pi, (j + k) * np.pi
    same = less == 0.0
    less[same] = 1.0
    first = (np.sin(less * left - at) + sine) / less
    second = (np.sin(more * left + at) - sine) / more
    made: FloatArray = (first - second) / 2.0
    made[same] = _cross_itself(b, j.ravel())
    return made


def _cross_itself(b: float, j: FloatArray) -> FloatArray:
    """The same of a wave and itself, shape (J,)."""
    left, at, more = 1.0 - b, j * np.pi * b, 2.0 * j * np.pi
    made: FloatArray = (left * np.cos(at) - (np.sin(more * left + at) - np.sin(at)) / more) / 2.0
    return made
