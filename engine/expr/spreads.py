"""Means and spreads of windows: moments of one series, and joint ones of two.

Arrays have shape (T, S): a series a column, of which LANES are worked on at a time
(`engine.lanes`). A window is summed over its lags, the oldest first: every value depends on
its own window's rows alone.

Sums are taken of distances from a pivot: the window's last value. The pivot being one of its n
values, (pivot - mean)² is below the sum of squares that is sought, so that taking the mean off
afterwards costs a factor n of the rounding at worst; a constant has no spread at all, and a
large level takes no digits from small changes. What is taken about the mean takes a second pass.

Arrays end with the row with which `out` ends, and may begin earlier; before row 0 is NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from engine.lanes import (
    LANES,
    TILES,
    WIDE,
    Lanes,
    at_least,
    every,
    fill,
    fma,
    kernel,
    known,
    load,
    pack,
    pick,
    root,
    size,
    store,
    unpack,
    used,
)

Array = npt.NDArray[Any]
VARIANCE, DEVIATION, DISTANCE, SKEWNESS, KURTOSIS = 0, 1, 2, 3, 4
CORRELATION, COVARIANCE, SLOPE, SQUARE, REST, MISFIT = 0, 1, 2, 3, 4, 5
TINY, HUGE = 1e-200, 1e200  # between them a product of two sums of squares keeps its digits


@kernel
def moments(x: Array, d: int, kind: int, out: Array) -> None:
    """A moment of each window; NaN where it is not defined."""
    days, columns = out.shape
    rows = d - 1 + days
    tiles = np.empty((TILES, rows * LANES))
    for left in range(0, columns, WIDE):
        pack(x, len(x) - rows, left, tiles)
        for k in range(used(columns, left)):
            a, p = tiles[k], fill(0.0)
            for t in range(rows):
                v = load(a, t * LANES)
                p = pick(known(v, v), v, p)
                if t < d - 1:
                    continue
                window = range((t - d + 1) * LANES, (t + 1) * LANES, LANES)
                n, s, ss = fill(0.0), fill(0.0), fill(0.0)
                for i in window:
                    e = load(a, i) - p
                    there = known(e, e)
                    n = pick(there, n + 1.0, n)
                    s, ss = pick(there, s + e, s), pick(there, fma(e, e, ss), ss)
                ss = at_least(fma(n, ss, 0.0 - s * s), 0.0)  # n times that about the mean
                third, fourth = fill(0.0), fill(0.0)
                if kind >= DISTANCE:
                    mean = s / at_least(n, 1.0)
                    for i in window:
                        e = (load(a, i) - p) - mean
                        there, cube = known(e, e), size(e) if kind == DISTANCE else e * e * e
                        third = pick(there, third + cube, third)
                        fourth = pick(there, fma(e * e, e * e, fourth), fourth)
                store(a, window.start, _moment(n, ss, third, fourth, kind))
        unpack(tiles, left, out)


@njit(nogil=True, forceinline=True)
def _moment(n: Lanes, ss: Lanes, third: Lanes, fourth: Lanes, kind: int) -> Lanes:
    if kind <= DEVIATION:
        ratio = ss / (n * at_least(n - 1.0, 1.0))
        return pick(n > 1.0, root(ratio) if kind == DEVIATION else ratio, np.nan)
    if kind == DISTANCE:
        return pick(n > 0.0, third / n, np.nan)
    told = (n >= (3.0 if kind == SKEWNESS else 4.0)) & (ss > 0.0)
    spread = pick(told, ss / (n * n), 1.0)
    if kind == SKEWNESS:
        biased = (third / n) / (spread * root(spread))
        return pick(told, biased * root(n * at_least(n - 1.0, 0.0)) / (n - 2.0), np.nan)
    excess = (fourth / n) / (spread * spread) - 3.0
    made = ((n + 1.0) * excess + 6.0) * (n - 1.0) / ((n - 2.0) * (n - 3.0))
    return pick(told, made, np.nan)


@kernel
def pairs(x: Array, y: Array, d: int, kind: int, out: Array) -> None:
    """What x and y of each window, where both are known, tell of each other."""
    days, columns = out.shape
    rows = d - 1 + days
    ours, theirs = np.empty((TILES, rows * LANES)), np.empty((TILES, rows * LANES))
    for left in range(0, columns, WIDE):
        pack(x, len(x) - rows, left, ours)
        pack(y, len(y) - rows, left, theirs)
        for k in range(used(columns, left)):
            a, b, p, q = ours[k], theirs[k], fill(0.0), fill(0.0)
            for t in range(rows):
                v, w = load(a, t * LANES), load(b, t * LANES)
                there = known(v, w)
                p, q = pick(there, v, p), pick(there, w, q)
                if t < d - 1:
                    continue
                window = range((t - d + 1) * LANES, (t + 1) * LANES, LANES)
                n, sa, sb = fill(0.0), fill(0.0), fill(0.0)
                aa, bb, ab = fill(0.0), fill(0.0), fill(0.0)
                for i in window:
                    e, f = load(a, i) - p, load(b, i) - q
                    there = known(e, f)
                    n = pick(there, n + 1.0, n)
                    sa, sb = pick(there, sa + e, sa), pick(there, sb + f, sb)
                    aa, bb = pick(there, fma(e, e, aa), aa), pick(there, fma(f, f, bb), bb)
                    ab = pick(there, fma(e, f, ab), ab)
                # n times the sums about the means
                aa, bb = fma(n, aa, 0.0 - sa * sa), fma(n, bb, 0.0 - sb * sb)
                aa, bb, ab = at_least(aa, 0.0), at_least(bb, 0.0), fma(n, ab, 0.0 - sa * sb)
                slope, rest = pick(aa > 0.0, ab / aa, np.nan), fill(0.0)
                mean, other = sa / at_least(n, 1.0), sb / at_least(n, 1.0)
                if kind == MISFIT:
                    for i in window:
                        e = ((load(b, i) - q) - other) - ((load(a, i) - p) - mean) * slope
                        rest = pick(known(e, e), fma(e, e, rest), rest)
                elif kind == REST:
                    rest = ((w - q) - other) - ((v - p) - mean) * slope
                store(a, window.start, _pair(n, aa, bb, ab, slope, rest, kind))
        unpack(ours, left, out)


@njit(nogil=True, forceinline=True)
def _pair(n: Lanes, aa: Lanes, bb: Lanes, ab: Lanes, slope: Lanes, rest: Lanes, kind: int) -> Lanes:
    if kind in (CORRELATION, SQUARE):
        told = _correlation(n, aa, bb, ab)
        return told * told if kind == SQUARE else told
    if kind == COVARIANCE:
        return pick(n > 1.0, ab / (n * (n - 1.0)), np.nan)
    if kind == MISFIT:
        # not of Σyy - Σxy²/Σxx: where the fit is close, that is the rounding of its terms
        return pick((n > 2.0) & (aa > 0.0), root(rest / (n - 2.0)), np.nan)
    return rest if kind == REST else slope


@njit(nogil=True, forceinline=True)
def _correlation(n: Lanes, aa: Lanes, bb: Lanes, ab: Lanes) -> Lanes:
    product = aa * bb
    safe = (product > TINY) & (product < HUGE)
    # root by root where the product of small sums underflows
    spread = root(product) if every(safe) else pick(safe, root(product), root(aa) * root(bb))
    ratio = ab / spread
    ratio = pick(ratio > 1.0, 1.0, pick(ratio < -1.0, -1.0, ratio))
    return pick((n > 1.0) & (spread > 0.0), ratio, np.nan)
