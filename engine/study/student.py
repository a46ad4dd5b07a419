"""Student's t and the normal distribution: tails, exact where they are tiny, and what bounds them.

scipy has them as well; to import its special functions takes longer than all that a run asks of
them (0.1 of `import vectorbt`), and each run asks.
"""

from __future__ import annotations

import math

TINY = 1e-300  # stands for 0 in a denominator
STEPS, ENOUGH = 500, 1e-16


def find_normal(x: float) -> float:
    """Return the chance that a standard normal number is below x."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def find_tail(t: float, degrees: int) -> float:
    """Return the chance that Student's t is above t.

    Parameters
    ----------
    t : float
    degrees : int
        Of freedom, 1 or more; time grows with it.

    Returns
    -------
    float
        I_x(degrees / 2, 1/2) / 2 with x = degrees / (degrees + t²), for t above 0 (DLMF 8.17). Its
        relative error is below 1e-12, where it is tiny too. NaN for NaN.
    """
    if t < 0.0:
        return 1.0 - find_tail(-t, degrees)
    a, x, sine = degrees / 2.0, degrees / (degrees + t * t), t / math.hypot(t, math.sqrt(degrees))
    power = math.exp(-a * math.log1p(t * t / degrees))
    front = _ratio(degrees) / math.sqrt(math.pi) * power * sine
    if x < (a + 1.0) / (a + 2.5):
        return front / a * _fraction(a, 0.5, x) / 2.0
    return 0.5 - front * _fraction(0.5, a, sine * sine)


def find_bound(degrees: int, tail: float) -> float:
    """Return what Student's t is above with a chance of `tail`.

    Parameters
    ----------
    degrees : int
        Of freedom, 1 or more.
    tail : float
        Above 0, at most 1/2.
    """
    scale = _ratio(degrees) / math.sqrt(degrees * math.pi)
    t = 0.0
    while True:  # from below on a convex curve: each step of Newton's stays below
        density = scale * math.pow(1.0 + t * t / degrees, -(degrees + 1) / 2.0)
        step = (find_tail(t, degrees) - tail) / density
        t += step
        if not step > 1e-15 * t:
            return t


def _ratio(degrees: int) -> float:
    """Γ((degrees + 1) / 2) / Γ(degrees / 2)."""
    at = 2 - degrees % 2
    ratio = math.sqrt(math.pi) / 2.0 if at == 2 else 1.0 / math.sqrt(math.pi)
    for n in range(at, degrees, 2):
        ratio *= (n + 1) / n
    return ratio


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method."""
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for numerator in (even, odd):
            d = 1.0 / (1.0 + numerator * d or TINY)
            c = 1.0 + numerator / c or TINY
            value *= c * d
        if abs(c * d - 1.0) < ENOUGH:
            break
    return value
