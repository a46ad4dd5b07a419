"""Windows that are looked at lag by lag: ranks of the newest value, falling weights, products.

Arrays have shape (T, S): a series a column. As in `engine.expr.spreads`, lags are taken four at
a time, for some cells at a time, and rows are filled from `first` on, with d - 1 rows before.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from engine.expr.spreads import lagged, most, piece

Array = npt.NDArray[Any]


@njit(cache=True, nogil=True)
def _four_below(
    a: Array, b: Array, c: Array, d: Array, new: Array, twice: Array, count: Array
) -> None:
    """Add four lags: 2 for a lesser value, 1 for an equal one; and 1 for any value."""
    for i in range(len(new)):
        e, f, g, h, v = a[i], b[i], c[i], d[i], new[i]
        twice[i] += (
            ((1.0 if e < v else 0.0) + (1.0 if e <= v else 0.0))
            + ((1.0 if f < v else 0.0) + (1.0 if f <= v else 0.0))
        ) + (
            ((1.0 if g < v else 0.0) + (1.0 if g <= v else 0.0))
            + ((1.0 if h < v else 0.0) + (1.0 if h <= v else 0.0))
        )
        count[i] += ((0.0 if np.isnan(e) else 1.0) + (0.0 if np.isnan(f) else 1.0)) + (
            (0.0 if np.isnan(g) else 1.0) + (0.0 if np.isnan(h) else 1.0)
        )


@njit(cache=True, nogil=True)
def ranks(x: Array, first: int, d: int, out: Array) -> None:
    """Average rank of each value among its window's, over their count."""
    width, cells = x.shape[1], most(x.shape[1])
    flat, to = x.reshape(-1), out.reshape(-1)
    twice, count, gone = np.empty(cells), np.empty(cells), np.full(cells, np.nan, x.dtype)
    skip = at = first * width
    while at < len(flat):
        m = piece(at, len(flat), width)
        new, some = flat[at : at + m], to[at - skip :][:m]
        twice[:] = 1.0  # the value equals itself: 1 too many
        count[:] = 0.0
        for lag in range(0, d, 4):
            f = at - lag * width
            _four_below(
                lagged(flat, f, m, lag, d, gone),
                lagged(flat, f - width, m, lag + 1, d, gone),
                lagged(flat, f - 2 * width, m, lag + 2, d, gone),
                lagged(flat, f - 3 * width, m, lag + 3, d, gone),
                new, twice[:m], count[:m],
            )  # fmt: skip
        for i in range(m):
            some[i] = twice[i] * 0.5 / max(count[i], 1.0) if new[i] == new[i] else np.nan
        at += m


@njit(cache=True, nogil=True)
def _four_weighed(
    a: Array, b: Array, c: Array, d: Array, w: float, total: Array, weight: Array
) -> None:
    """Add four lags; `w` is the newest one's weight."""
    for i in range(len(total)):
        e, f, g, h = a[i], b[i], c[i], d[i]
        j, k, m, r = np.isnan(e), np.isnan(f), np.isnan(g), np.isnan(h)
        total[i] += ((0.0 if j else w * e) + (0.0 if k else (w - 1.0) * f)) + (
            (0.0 if m else (w - 2.0) * g) + (0.0 if r else (w - 3.0) * h)
        )
        weight[i] += ((0.0 if j else w) + (0.0 if k else w - 1.0)) + (
            (0.0 if m else w - 2.0) + (0.0 if r else w - 3.0)
        )


@njit(cache=True, nogil=True)
def decays(x: Array, first: int, d: int, newest: float, out: Array) -> None:
    """Mean with weights from `newest`, the newest row's, falling by 1 a row."""
    width, cells = x.shape[1], most(x.shape[1])
    flat, to = x.reshape(-1), out.reshape(-1)
    total, weight, gone = np.empty(cells), np.empty(cells), np.full(cells, np.nan, x.dtype)
    skip = at = first * width
    while at < len(flat):
        m = piece(at, len(flat), width)
        some = to[at - skip :][:m]
        total[:] = 0.0
        weight[:] = 0.0
        for lag in range(0, d, 4):
            f = at - lag * width
            _four_weighed(
                lagged(flat, f, m, lag, d, gone),
                lagged(flat, f - width, m, lag + 1, d, gone),
                lagged(flat, f - 2 * width, m, lag + 2, d, gone),
                lagged(flat, f - 3 * width, m, lag + 3, d, gone),
                newest - lag, total[:m], weight[:m],
            )  # fmt: skip
        for i in range(m):
            some[i] = total[i] / (weight[i] if weight[i] > 0.0 else np.nan)
        at += m


@njit(cache=True, nogil=True)
def products(x: Array, first: int, d: int, out: Array) -> None:
    """Product of each window's values, the newest first; NaN for none."""
    width = x.shape[1]
    flat, to = x.reshape(-1), out.reshape(-1)
    skip = first * width
    for i in range(len(to)):
        to[i] = np.nan
    for lag in range(d):
        some = flat[skip - lag * width :]
        for i in range(len(to)):
            v, o = some[i], to[i]
            to[i] = o if np.isnan(v) else (v if np.isnan(o) else o * v)
