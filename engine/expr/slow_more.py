"""More of `engine.expr.slow`: states, last values, what symbols tell together."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist, median, stdev

import numpy as np
import numpy.typing as npt

from engine.expr.slow import _cells, _windows

FloatArray = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def _bell(x: float) -> float:
    return NormalDist().inv_cdf(x)


log1p = _cells(math.log1p)
floor = _cells(lambda x: float(math.floor(x)))
round = _cells(lambda x: float(np.rint(x)))  # noqa: A001  # the operator's name
tanh = _cells(math.tanh)
sigmoid = _cells(lambda x: 1.0 / (1.0 + math.exp(-x)) if x > -709 else 0.0)
probit = _cells(_bell)


def unknown(x: FloatArray) -> FloatArray:
    return np.isnan(x).astype(float)


def fillna(x: FloatArray, y: FloatArray) -> FloatArray:
    return np.where(np.isnan(x), y, x)


def ts_backfill(x: FloatArray, d: int) -> FloatArray:
    return _windows(x, d, 1, lambda w: float(w[-1]))


def decay_exp(x: FloatArray, d: int, f: float) -> FloatArray:
    out = np.full(x.shape, np.nan)
    for t, j in np.ndindex(x.shape):
        terms = [(f**i, x[t - i, j]) for i in range(min(d, t + 1))]
        terms = [(w, v) for w, v in terms if not np.isnan(v)]
        if sum(w for w, _ in terms) > 0.0:
            out[t, j] = sum(w * v for w, v in terms) / sum(w for w, _ in terms)
    return out


def _walk(*arrays: FloatArray, step: Callable[..., float]) -> FloatArray:
    """Each series row by row: what `step` makes of the state and of the row's values."""
    out = np.full_like(arrays[0], np.nan)
    for j in range(out.shape[1]):
        state = np.nan
        for t in range(len(out)):
            out[t, j] = state = step(state, *(a[t, j] for a in arrays))
    return out


def smooth(x: FloatArray, d: int, m: float) -> FloatArray:
    return adapt(x, np.full(x.shape, m / d))


def adapt(x: FloatArray, y: FloatArray) -> FloatArray:
    def step(state: float, v: float, w: float) -> float:
        if np.isnan(v) or (np.isnan(w) and not np.isnan(state)):
            return state
        made = v if np.isnan(state) else state + w * (v - state)
        return made if np.isfinite(made) else np.nan

    return _walk(x, y, step=step)


def trade_when(x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
    def step(state: float, enters: float, value: float, leaves: float) -> float:
        return np.nan if leaves > 0.0 else value if enters > 0.0 else state

    return _walk(x, y, z, step=step)


def hump(x: FloatArray, y: FloatArray) -> FloatArray:
    def step(state: float, v: float, limit: float) -> float:
        if np.isnan(v) or np.isnan(state):
            return state if np.isnan(v) else v
        far = v - state
        step = limit if limit > 0.0 or np.isnan(limit) else 0.0
        return state + float(np.sign(far)) * step if abs(far) > step else state

    return np.where(np.isnan(x), np.nan, _walk(x, y, step=step))


def bars_since(x: FloatArray) -> FloatArray:
    return _walk(x, step=lambda s, v: 0.0 if not np.isnan(v) and v != 0.0 else s + 1.0)


def thin(x: FloatArray, d: int) -> FloatArray:
    out = np.where(np.isnan(x), np.nan, 0.0)
    for j in range(x.shape[1]):
        last = -d - 1
        for t in range(len(x)):
            if not np.isnan(x[t, j]) and x[t, j] != 0.0 and t - last > d:
                out[t, j], last = 1.0, t
    return out


def _aggregate(of: Callable[[list[float]], float]) -> tuple[Callable[..., FloatArray], ...]:
    """`of` the values of a row, and of a group in a row, at each of them."""

    def group(x: FloatArray, labels: Labels) -> FloatArray:
        out = np.full(x.shape, np.nan)
        for t, j in np.ndindex(*x.shape):
            if not np.isnan(x[t, j]):
                out[t, j] = of([v for v, g in zip(x[t], labels, strict=True)
                                if g == labels[j] and not np.isnan(v)])  # fmt: skip
        return out

    return (lambda x: group(x, np.zeros(x.shape[1], int))), group


cs_sum, group_sum = _aggregate(math.fsum)
cs_count, group_count = _aggregate(lambda values: float(len(values)))
cs_min, group_min = _aggregate(min)
cs_max, group_max = _aggregate(max)
cs_median, group_median = _aggregate(median)
cs_std, group_std = _aggregate(lambda values: stdev(values) if len(values) > 1 else np.nan)


def group_unit_rank(x: FloatArray, labels: Labels) -> FloatArray:
    out = np.full(x.shape, np.nan)
    for t, j in np.ndindex(*x.shape):
        values = [
            v for v, g in zip(x[t], labels, strict=True) if g == labels[j] and not np.isnan(v)
        ]
        below = sum(v < x[t, j] for v in values) + 0.5 * (values.count(x[t, j]) - 1)
        if not np.isnan(x[t, j]):
            out[t, j] = below / (len(values) - 1) if len(values) > 1 else 0.5
    return out


def unit_rank(x: FloatArray) -> FloatArray:
    return group_unit_rank(x, np.zeros(x.shape[1], int))
