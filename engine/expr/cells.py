"""Operators that work cell by cell. NaN in, NaN out; what is not finite becomes NaN.

Each function has the operator's name and takes arrays or numbers, and the array to fill.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.core.panel import FloatArray
from engine.kernels.cache import njit

Array = npt.NDArray[Any]
LESS, AT_MOST, EQUAL, DIFFERENT, BOTH, EITHER = 0, 1, 2, 3, 4, 5


def add(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    np.add(x, y, out=out)


def sub(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    np.subtract(x, y, out=out)


def mul(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    np.multiply(x, y, out=out)


def div(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    np.divide(x, y, out=out)


def power(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    if np.ndim(y) == 0 and y == 2.0:
        np.multiply(x, x, out=out)
        return
    np.power(x, y, out=out)
    if np.ndim(x) == 0 or np.ndim(y) or y == 0.0:  # 1 ^ NaN would be 1, and NaN ^ 0
        np.copyto(out, np.nan, where=np.isnan(x) | np.isnan(y))


def neg(x: FloatArray, out: FloatArray) -> None:
    np.negative(x, out=out)


def abs(x: FloatArray, out: FloatArray) -> None:  # noqa: A001  # the operator's name
    np.abs(x, out=out)


def log(x: FloatArray, out: FloatArray) -> None:
    np.log(x, out=out)


def exp(x: FloatArray, out: FloatArray) -> None:
    np.exp(x, out=out)


def log1p(x: FloatArray, out: FloatArray) -> None:
    np.log1p(x, out=out)


def floor(x: FloatArray, out: FloatArray) -> None:
    np.floor(x, out=out)


def round(x: FloatArray, out: FloatArray) -> None:  # noqa: A001  # the operator's name
    np.rint(x, out=out)


def tanh(x: FloatArray, out: FloatArray) -> None:
    np.tanh(x, out=out)


def sigmoid(x: FloatArray, out: FloatArray) -> None:
    np.exp(-np.abs(x), out=out)  # of the sign that does not overflow
    np.divide(np.where(np.asarray(x) < 0.0, out, 1.0), 1.0 + out, out=out)


def probit(x: FloatArray, out: FloatArray) -> None:
    from scipy.special import ndtri  # slow to import

    ndtri(x, out=out)


def unknown(x: FloatArray, out: FloatArray) -> None:
    np.isnan(x, out=out)


def fillna(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    np.copyto(out, np.where(np.isnan(x), y, x))


def sqrt(x: FloatArray, out: FloatArray) -> None:
    np.sqrt(x, out=out)


def sign(x: FloatArray, out: FloatArray) -> None:
    np.sign(x, out=out)


def signedpower(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    power(np.abs(x), y, out)
    np.multiply(out, np.sign(x), out=out)


def minimum(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    np.minimum(x, y, out=out)


def maximum(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    np.maximum(x, y, out=out)


def lt(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    _truth(x, y, LESS, out)


def gt(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    lt(y, x, out)


def le(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    _truth(x, y, AT_MOST, out)


def ge(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    le(y, x, out)


def eq(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    _truth(x, y, EQUAL, out)


def ne(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    _truth(x, y, DIFFERENT, out)


def both(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    _truth(x, y, BOTH, out)


def either(x: FloatArray, y: FloatArray, out: FloatArray) -> None:
    _truth(x, y, EITHER, out)


def neither(x: FloatArray, out: FloatArray) -> None:
    eq(x, np.array(0.0), out)


def where(x: FloatArray, y: FloatArray, z: FloatArray, out: FloatArray) -> None:
    x, y, z = (_flat(a, out) for a in (x, y, z))
    _choose(x, y, z, out.reshape(-1))


def filter(x: FloatArray, y: FloatArray, out: FloatArray) -> None:  # noqa: A001  # the operator's name
    where(y, x, np.array(np.nan), out)


def _truth(x: FloatArray, y: FloatArray, what: int, out: FloatArray) -> None:
    _compare(_flat(x, out), _flat(y, out), what, out.reshape(-1))


def _flat(x: FloatArray, out: FloatArray) -> FloatArray:
    """An argument as a flat array, a number too; read-only, so the kernels have one type."""
    flat = x.reshape(-1) if np.ndim(x) else np.full(out.size, x, out.dtype)
    flat.setflags(write=False)
    return flat


@njit(cache=True, nogil=True)
def _compare(x: Array, y: Array, what: int, out: Array) -> None:
    """1 where it is true, 0 where not, NaN where x or y is."""
    for i in range(len(out)):
        a, b = x[i], y[i]
        if what == LESS:
            true = a < b
        elif what == AT_MOST:
            true = a <= b
        elif what == EQUAL:
            true = a == b
        elif what == DIFFERENT:
            true = a != b
        elif what == BOTH:
            true = (a != 0.0) & (b != 0.0)
        else:
            true = (a != 0.0) | (b != 0.0)
        known = (not np.isnan(a)) & (not np.isnan(b))
        out[i] = (1.0 if true else 0.0) if known else np.nan


@njit(cache=True, nogil=True)
def _choose(x: Array, y: Array, z: Array, out: Array) -> None:
    """Y where x is not 0, else z; NaN where x is."""
    for i in range(len(out)):
        v = x[i]
        out[i] = (y[i] if v != 0.0 else z[i]) if not np.isnan(v) else np.nan


@njit(cache=True, nogil=True)
def finite(array: Array) -> None:
    """Put the one NaN in the place of what is not finite: processors make several, by its place."""
    for i in range(len(array)):
        v = array[i]
        array[i] = v if np.isfinite(v) else np.nan
