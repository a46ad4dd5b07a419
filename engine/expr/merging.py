"""What windows hold, put together from parts.

A window of d rows is the sum of its digits to the base of 4: what the last 4^k rows hold is made
once from four neighbours of 4^(k-1), for all rows at a stroke, and a window of 20 rows is one of
4 and, before it, one of 16. That takes a few passes instead of d, and every value depends on
the rows of its own window alone: nothing runs along, so nothing of a huge value stays behind
when it goes, and a chunk of the rows gives the same bits as all of them.

Arrays have shape (T, S): a series a column. Some rows and columns are copied at a time, with the
rows before them that their windows reach, to where a row earlier is a few lines of the cache
earlier, and all passes stay near. Rows are filled from `first` on; before row 0 is nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]
ROWS, CELLS = 128, 84 * 1024  # worked on at a time: rows, and cells with the rows before them
WIDTH = 64  # columns at a time, at least
TOTAL, MEAN, KNOWN = 0, 1, 2


@njit(cache=True, nogil=True)
def _four(a: Array, step: int, out: Array) -> None:
    """Four neighbours at once, `step` cells apart."""
    b, c, d = a[step:], a[2 * step :], a[3 * step :]
    for i in range(len(out)):
        out[i] = (a[i] + b[i]) + (c[i] + d[i])


@njit(cache=True, nogil=True)
def _digit(a: Array, step: int, digit: int, out: Array) -> None:
    """Add the last ones of `a`, `step` cells apart, one to three of them."""
    last = len(a) - len(out)
    x, y, z = a[last:], a[max(last - step, 0) :], a[max(last - 2 * step, 0) :]
    if digit == 1:
        for i in range(len(out)):
            out[i] = x[i] + out[i]
    elif digit == 2:
        for i in range(len(out)):
            out[i] = (x[i] + y[i]) + out[i]
    else:
        for i in range(len(out)):
            out[i] = (x[i] + (y[i] + z[i])) + out[i]


@njit(cache=True, nogil=True)
def _window(a: Array, b: Array, d: int, width: int, out: Array) -> None:
    """Sums over d rows for the rows of `out`; `a` is used up, as is `b`."""
    size, skip = 1, 0
    out[:] = 0.0
    while size <= d:
        digit = d // size % 4
        if digit:
            _digit(a[: len(a) - skip * width], size * width, digit, out)
            skip += digit * size
        if 4 * size <= d:
            _four(a, size * width, b[3 * size * width :])
            a, b = b, a
        size *= 4


@njit(cache=True, nogil=True)
def _reach(d: int, rows: int) -> int:
    """A window that sums as d does where there are so few rows: without digits that hold none."""
    low, size, least = 0, 1, 1
    while least < rows:
        least *= 4
    while size <= d:
        digit = d // size % 4
        for _ in range(digit):
            if low + size >= rows:
                return low + min(least, size)
            low += size
        size *= 4
    return d


@njit(cache=True, nogil=True)
def _leaf(x: Array, start: int, left: int, value: Array, known: Array) -> None:
    """Rows of x from `start` on, columns from `left` on: values, 0 for NaN, and where they are."""
    width = value.shape[1]
    for row in range(len(value)):
        v, k = value[row], known[row]
        if start + row < 0:
            v[:] = 0.0
            k[:] = 0.0
            continue
        some = x[start + row, left : left + width]
        for j in range(width):
            v[j] = 0.0 if np.isnan(some[j]) else some[j]
        for j in range(width):
            k[j] = 0.0 if np.isnan(some[j]) else 1.0


@njit(cache=True, nogil=True)
def sums(x: Array, d: int, kind: int, out: Array) -> None:
    """Sum, mean or number of each window's values; NaN for none (of the number 0)."""
    days, columns = out.shape
    first, d = len(x) - days, _reach(d, len(x))
    strip = min(max(ROWS, d), days)
    width = min(max(CELLS // (d - 1 + strip), WIDTH), max(columns, 1))
    cells = (d - 1 + strip) * width
    a, b, total = np.empty(cells), np.empty(cells), np.empty(strip * width)
    k, e = np.empty(cells, np.float32), np.empty(cells, np.float32)  # whole numbers, exact
    count = np.empty(strip * width, np.float32)
    for left in range(0, columns, width):
        w = min(width, columns - left)
        for start in range(0, days, strip):
            rows = min(strip, days - start)
            n, made, at = (d - 1 + rows) * w, rows * w, first + start - (d - 1)
            _leaf(x, at, left, a[:n].reshape(-1, w), k[:n].reshape(-1, w))
            _window(k[:n], e[:n], d, w, count[:made])
            if kind != KNOWN:
                _window(a[:n], b[:n], d, w, total[:made])
            for row in range(rows):
                some = slice(row * w, (row + 1) * w)
                _told(total[some], count[some], kind, out[start + row, left : left + w])


@njit(cache=True, nogil=True)
def _told(total: Array, count: Array, kind: int, out: Array) -> None:
    if kind == KNOWN:
        for i in range(len(out)):
            out[i] = count[i]
    elif kind == MEAN:
        for i in range(len(out)):
            out[i] = total[i] / (count[i] if count[i] > 0.0 else np.nan)
    else:
        for i in range(len(out)):
            out[i] = total[i] if count[i] > 0.0 else np.nan


@njit(cache=True, nogil=True)
def _greater(a: Array, b: Array, out: Array) -> None:
    for i in range(len(out)):
        out[i] = b[i] if b[i] > a[i] else a[i]


@njit(cache=True, nogil=True)
def _signed(x: Array, start: int, left: int, sign: float, value: Array) -> None:
    """Sign times rows of x from `start` on, columns from `left` on; nothing is -inf."""
    width = value.shape[1]
    for row in range(len(value)):
        v = value[row]
        if start + row < 0:
            v[:] = -np.inf
            continue
        some = x[start + row, left : left + width]
        for j in range(width):
            v[j] = sign * some[j] if not np.isnan(some[j]) else -np.inf


@njit(cache=True, nogil=True)
def greatest(x: Array, d: int, sign: float, out: Array) -> None:
    """Sign times the greatest of sign · x in each window; NaN for none.

    Windows may overlap here: the greatest of d rows is that of the first and the last 2^k.
    """
    days, columns = out.shape
    first, d = len(x) - days, min(d, len(x))
    strip = min(max(ROWS, d), days)
    width = min(max(CELLS // (d - 1 + strip), WIDTH), max(columns, 1))
    cells = (d - 1 + strip) * width
    a, b = np.empty(cells), np.empty(cells)
    for left in range(0, columns, width):
        w = min(width, columns - left)
        for start in range(0, days, strip):
            rows = min(strip, days - start)
            n = (d - 1 + rows) * w
            _signed(x, first + start - (d - 1), left, sign, a[:n].reshape(-1, w))
            size = 1
            while size < d:
                step = min(size, d - size)
                _greater(a[: n - step * w], a[step * w : n], b[step * w : n])
                a, b = b, a
                size += step
            for row in range(rows):
                best, to = a[(d - 1 + row) * w :], out[start + row, left : left + w]
                for j in range(w):
                    to[j] = sign * best[j] if best[j] > -np.inf else np.nan


@njit(cache=True, nogil=True)
def _later(value: Array, place: Array, step: int, best: Array, where: Array) -> None:
    """The greater of a row and of one `step` cells before, the older one of equals."""
    now, at, to, into = value[step:], place[step:], best[step:], where[step:]
    for i in range(len(now)):
        a, b, p, q = value[i], now[i], place[i], at[i]
        to[i] = b if b > a else a
        into[i] = q if b > a else p


@njit(cache=True, nogil=True)
def places(x: Array, d: int, sign: float, out: Array) -> None:
    """Place of the first greatest of sign · x in each window: 1 the oldest row, d the newest."""
    days, columns = out.shape
    first, window, d = len(x) - days, d, min(d, len(x))
    strip = min(max(ROWS, d), days)
    width = min(WIDTH, max(columns, 1))  # places are kept too, which takes twice the room
    cells = (d - 1 + strip) * width
    a, b, p, q = np.empty(cells), np.empty(cells), np.empty(cells), np.empty(cells)
    for left in range(0, columns, width):
        w = min(width, columns - left)
        for start in range(0, days, strip):
            rows = min(strip, days - start)
            n = (d - 1 + rows) * w
            _signed(x, first + start - (d - 1), left, sign, a[:n].reshape(-1, w))
            for row in range(d - 1 + rows):
                p[row * w : (row + 1) * w] = row
            size = 1
            while size < d:
                step = min(size, d - size)
                _later(a[:n], p[:n], step * w, b[:n], q[:n])
                a, b, p, q = b, a, q, p
                size += step
            for row in range(rows):
                best, where = a[(d - 1 + row) * w :], p[(d - 1 + row) * w :]
                to, oldest = out[start + row, left : left + w], d - 1 + row - window
                for j in range(w):
                    to[j] = where[j] - oldest if best[j] > -np.inf else np.nan
