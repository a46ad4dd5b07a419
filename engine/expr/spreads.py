"""Means and spreads of windows: moments of one series, and joint ones of two.

Arrays have shape (T, S): a series a column, of which LANES are worked on at a time
(`engine.kernels.lanes`). A window is summed over its lags, the oldest first: every value depends on
its own window's rows alone.

Sums are taken of distances from a pivot: the window's last value. The pivot being one of its n
values, (pivot - mean)² is below the sum of squares that is sought, so that taking the mean off
afterwards costs a factor n of the rounding at worst; a constant has no spread at all, and a
large level takes no digits from small changes. What is taken about the mean takes a second pass.

A window whose spread is but the rounding of its level is a constant: nothing is divided by that.
A correlation near 1 or -1 is told by the distance of the two in units of their spreads, so that
points on a line, within their own rounding, have exactly 1 or -1. Another one is told to 2^-46
(1.4e-14): what lies beyond is rounding of the data, and equal correlations must be equal.

Arrays end with the row with which `out` ends, and may begin earlier; before row 0 is NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernels.cache import njit
from engine.kernels.lanes import (
    LANES,
    TILES,
    WIDE,
    Lanes,
    are_known,
    at_least,
    count_tiles,
    every,
    fill,
    fma,
    kernel,
    load,
    pack,
    pick,
    root,
    size,
    store,
    unpack,
)

Array = npt.NDArray[Any]
VARIANCE, DEVIATION, DISTANCE, SKEWNESS, KURTOSIS = 0, 1, 2, 3, 4
CORRELATION, COVARIANCE, SLOPE, SQUARE, REST, MISFIT = 0, 1, 2, 3, 4, 5
TINY, HUGE = 1e-200, 1e200  # between them a product of two sums of squares keeps its digits
LEAST = 1e-295  # sums of squares below have lost digits
NEAR = 1.0 - 1e-6  # a squared correlation above is told by the distance
GRID = 96.0  # added and taken off, it leaves multiples of 2^-46


@kernel
def moments(x: Array, d: int, kind: int, rounding: float, out: Array) -> None:
    """A moment of each window; NaN where it is not defined."""
    days, columns = out.shape
    rows = d - 1 + days
    tiles = np.empty((TILES, rows * LANES))
    for left in range(0, columns, WIDE):
        pack(x, len(x) - rows, left, tiles)
        for k in range(count_tiles(columns, left)):
            a, p = tiles[k], fill(0.0)
            for t in range(rows):
                v = load(a, t * LANES)
                p = pick(are_known(v, v), v, p)
                if t < d - 1:
                    continue
                window = range((t - d + 1) * LANES, (t + 1) * LANES, LANES)
                n, s, raw = fill(0.0), fill(0.0), fill(0.0)
                for i in window:
                    e = load(a, i) - p
                    there = are_known(e, e)
                    n = pick(there, n + 1.0, n)
                    s, raw = pick(there, s + e, s), pick(there, fma(e, e, raw), raw)
                ss = _about_mean(n, s, raw)
                ss = pick((ss < 0.0) & (ss > -np.inf), 0.0, ss)
                power = fill(0.0)
                if kind >= DISTANCE:
                    mean, unit = s / at_least(n, 1.0), fill(1.0)
                    if kind != DISTANCE:
                        ss = _spread(n, ss, _noise(n, p, raw, rounding))
                        ss = pick(ss < np.inf, ss, np.nan)
                        unit = n / root(ss)
                    for i in window:
                        e = ((load(a, i) - p) - mean) * unit
                        f = (
                            size(e)
                            if kind == DISTANCE
                            else e * e * (e if kind == SKEWNESS else e * e)
                        )
                        power = pick(are_known(e, e), power + f, power)
                store(a, window.start, _moment(n, ss, power, kind))
        unpack(tiles, left, out)


@njit(nogil=True, forceinline=True)
def _about_mean(n: Lanes, s: Lanes, raw: Lanes) -> Lanes:
    """N times the sum of squares about the mean; NaN or infinite where it is too large."""
    return fma(n, raw, 0.0 - s * s)


@njit(nogil=True, forceinline=True)
def _noise(n: Lanes, p: Lanes, raw: Lanes, rounding: float) -> Lanes:
    """Sum of the squares of values' roundings; `raw` is that of their distances from p."""
    return fma(n, p * p, raw) * (rounding * rounding)


@njit(nogil=True, forceinline=True)
def _spread(n: Lanes, ss: Lanes, noise: Lanes) -> Lanes:
    """The sum of squares about the mean, or NaN where that is but noise."""
    return pick(ss > fma(n, noise, LEAST), ss, np.nan)


@njit(nogil=True, forceinline=True)
def _moment(n: Lanes, ss: Lanes, power: Lanes, kind: int) -> Lanes:
    """`power` is a sum of powers, above the second in units of the standard deviation (n)."""
    if kind <= DEVIATION:
        ratio = ss / (n * at_least(n - 1.0, 1.0))
        return pick(n > 1.0, root(ratio) if kind == DEVIATION else ratio, np.nan)
    if kind == DISTANCE:
        return pick(n > 0.0, power / n, np.nan)
    told = (n >= (3.0 if kind == SKEWNESS else 4.0)) & are_known(ss, ss)
    if kind == SKEWNESS:
        made = (power / n) * root(n * at_least(n - 1.0, 0.0)) / (n - 2.0)
        return pick(told, made, np.nan)
    excess = power / n - 3.0
    made = ((n + 1.0) * excess + 6.0) * (n - 1.0) / ((n - 2.0) * (n - 3.0))
    return pick(told, made, np.nan)


@kernel
def pairs(x: Array, y: Array, d: int, kind: int, of_x: float, of_y: float, out: Array) -> None:
    """What x and y of each window, where both are known, tell of each other.

    `of_x` and `of_y` are their roundings, as shares of their size.
    """
    days, columns = out.shape
    rows = d - 1 + days
    ours, theirs = np.empty((TILES, rows * LANES)), np.empty((TILES, rows * LANES))
    for left in range(0, columns, WIDE):
        pack(x, len(x) - rows, left, ours)
        pack(y, len(y) - rows, left, theirs)
        for k in range(count_tiles(columns, left)):
            a, b, p, q = ours[k], theirs[k], fill(0.0), fill(0.0)
            for t in range(rows):
                v, w = load(a, t * LANES), load(b, t * LANES)
                there = are_known(v, w)
                p, q = pick(there, v, p), pick(there, w, q)
                if t < d - 1:
                    continue
                window = range((t - d + 1) * LANES, (t + 1) * LANES, LANES)
                n, sa, sb, aa, bb, ab = _joint(a, b, window, p, q)
                noise, other = _noise(n, p, aa, of_x), _noise(n, q, bb, of_y)
                aa, bb = _spread(n, _about_mean(n, sa, aa), noise), _about_mean(n, sb, bb)
                ab = fma(n, ab, 0.0 - sa * sb)
                mean, level = sa / at_least(n, 1.0), sb / at_least(n, 1.0)
                if kind in (CORRELATION, SQUARE):
                    bb = _spread(n, bb, other)
                    share, far = _share(n, aa, bb, ab), fill(0.0)
                    if not every(share <= NEAR):
                        one, unit = root(n / aa), pick(ab < 0.0, -1.0, 1.0) * root(n / bb)
                        far = _apart(a, b, window, p, q, mean, level, one, unit)
                        far = pick(far > n * (noise / aa + other / bb), far, 0.0)
                    told = _correlation(n, aa, bb, ab, share, far, kind)
                    store(a, window.start, told)
                    continue
                slope, rest = pick(aa < np.inf, ab / aa, np.nan), fill(0.0)
                if kind == MISFIT:
                    for i in window:
                        e = ((load(b, i) - q) - level) - ((load(a, i) - p) - mean) * slope
                        rest = pick(are_known(e, e), fma(e, e, rest), rest)
                elif kind == REST:
                    rest = ((w - q) - level) - ((v - p) - mean) * slope
                store(a, window.start, _pair(n, aa, ab, slope, rest, kind))
        unpack(ours, left, out)


@njit(nogil=True, forceinline=True)
def _joint(
    a: Array, b: Array, window: range, p: Lanes, q: Lanes
) -> tuple[Lanes, Lanes, Lanes, Lanes, Lanes, Lanes]:
    """Number, sums, sums of squares and of products of distances from p and q."""
    n, sa, sb = fill(0.0), fill(0.0), fill(0.0)
    aa, bb, ab = fill(0.0), fill(0.0), fill(0.0)
    for i in window:
        e, f = load(a, i) - p, load(b, i) - q
        there = are_known(e, f)
        n = pick(there, n + 1.0, n)
        sa, sb = pick(there, sa + e, sa), pick(there, sb + f, sb)
        aa, bb = pick(there, fma(e, e, aa), aa), pick(there, fma(f, f, bb), bb)
        ab = pick(there, fma(e, f, ab), ab)
    return n, sa, sb, aa, bb, ab


@njit(nogil=True, forceinline=True)
def _apart(
    a: Array, b: Array, window: range, p: Lanes, q: Lanes, mean: Lanes, level: Lanes, one: Lanes,
    unit: Lanes,
) -> Lanes:  # fmt: skip
    """Sum of squared differences of the two series' distances from their means, in units."""
    far = fill(0.0)
    for i in window:
        e = ((load(a, i) - p) - mean) * one - ((load(b, i) - q) - level) * unit
        far = pick(are_known(e, e), fma(e, e, far), far)
    return far


@njit(nogil=True, forceinline=True)
def _pair(n: Lanes, aa: Lanes, ab: Lanes, slope: Lanes, rest: Lanes, kind: int) -> Lanes:
    if kind == COVARIANCE:
        return pick(n > 1.0, ab / (n * (n - 1.0)), np.nan)
    if kind == MISFIT:
        # not of Σyy - Σxy²/Σxx: where the fit is close, that is the rounding of its terms
        return pick((n > 2.0) & are_known(slope, slope), root(rest / (n - 2.0)), np.nan)
    return rest if kind == REST else slope


@njit(nogil=True, forceinline=True)
def _share(n: Lanes, aa: Lanes, bb: Lanes, ab: Lanes) -> Lanes:
    """The squared correlation; 0 where there is no spread, or nothing but two points.

    One division of two products: where these are exact, so is the quotient but for its last
    digit, and equal correlations of numbers in other units are equal.
    """
    product = aa * bb
    safe = (product > TINY) & (product < HUGE)
    share = ab * ab / product
    if not every(safe):  # factor by factor, where a product would not keep its digits
        slow = pick((aa < np.inf) & (bb < np.inf), (ab / aa) * (ab / bb), np.nan)
        share = pick(safe, share, pick(are_known(aa, bb), slow, 0.0))
    return pick(n > 2.0, share, 0.0)


@njit(nogil=True, forceinline=True)
def _correlation(
    n: Lanes, aa: Lanes, bb: Lanes, ab: Lanes, share: Lanes, far: Lanes, kind: int
) -> Lanes:
    """`far` is the sum of squared distances of the two in units of their spreads: 2 - 2 |r|."""
    near, told = share > NEAR, 1.0 - far * 0.5
    told = pick(near, told * told, share) if kind == SQUARE else pick(near, told, root(share))
    told = pick(near, told, (told + GRID) - GRID)
    told = pick(n > 2.0, told, 1.0)
    told = told * pick(ab < 0.0, -1.0, 1.0) if kind == CORRELATION else told
    return pick(are_known(aa, bb) & are_known(ab, ab), told, np.nan)
