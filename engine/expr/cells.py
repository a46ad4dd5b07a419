"""Operators that work cell by cell. NaN in, NaN out; what is not finite becomes NaN."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def add(x: FloatArray, y: FloatArray) -> FloatArray:
    return x + y


def sub(x: FloatArray, y: FloatArray) -> FloatArray:
    return x - y


def mul(x: FloatArray, y: FloatArray) -> FloatArray:
    return x * y


def div(x: FloatArray, y: FloatArray) -> FloatArray:
    return x / y


def power(x: FloatArray, y: FloatArray) -> FloatArray:
    return np.where(np.isnan(x) | np.isnan(y), np.nan, np.power(x, y))  # else 1 ^ NaN is 1


def neg(x: FloatArray) -> FloatArray:
    return -x


def abs(x: FloatArray) -> FloatArray:  # noqa: A001  # the operator's name
    return np.abs(x)


def log(x: FloatArray) -> FloatArray:
    return np.log(x)


def exp(x: FloatArray) -> FloatArray:
    return np.exp(x)


def sqrt(x: FloatArray) -> FloatArray:
    return np.sqrt(x)


def sign(x: FloatArray) -> FloatArray:
    return np.sign(x)


def signedpower(x: FloatArray, y: FloatArray) -> FloatArray:
    return np.sign(x) * power(np.abs(x), y)


def minimum(x: FloatArray, y: FloatArray) -> FloatArray:
    return np.minimum(x, y)


def maximum(x: FloatArray, y: FloatArray) -> FloatArray:
    return np.maximum(x, y)


def lt(x: FloatArray, y: FloatArray) -> FloatArray:
    return _truth(x < y, x, y)


def gt(x: FloatArray, y: FloatArray) -> FloatArray:
    return _truth(x > y, x, y)


def le(x: FloatArray, y: FloatArray) -> FloatArray:
    return _truth(x <= y, x, y)


def ge(x: FloatArray, y: FloatArray) -> FloatArray:
    return _truth(x >= y, x, y)


def eq(x: FloatArray, y: FloatArray) -> FloatArray:
    return _truth(x == y, x, y)


def ne(x: FloatArray, y: FloatArray) -> FloatArray:
    return _truth(x != y, x, y)


def both(x: FloatArray, y: FloatArray) -> FloatArray:
    return _truth((x != 0.0) & (y != 0.0), x, y)


def either(x: FloatArray, y: FloatArray) -> FloatArray:
    return _truth((x != 0.0) | (y != 0.0), x, y)


def neither(x: FloatArray) -> FloatArray:
    return _truth(x == 0.0, x, x)


def where(x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
    return np.where(np.isnan(x), np.nan, np.where(x != 0.0, y, z))


def filter(x: FloatArray, y: FloatArray) -> FloatArray:  # noqa: A001  # the operator's name
    return np.where((y != 0.0) & ~np.isnan(y), x, np.nan)


def _truth(found: npt.NDArray[np.bool_], x: FloatArray, y: FloatArray) -> FloatArray:
    return np.where(np.isnan(x) | np.isnan(y), np.nan, found.astype(np.float64))
