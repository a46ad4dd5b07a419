"""The obvious way to compute every operator: what the kernels are tested against.

Same names and arguments as in the operator table; pandas, numpy and loops; no speed.
`slow_groups`, `slow_more` and `slow_ranks` have the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]


def _windows(x: FloatArray, d: int, least: int, of: Callable[[FloatArray], float]) -> FloatArray:
    """Apply `of` to the values (NaN dropped) of each window; NaN below `least` values."""
    out = np.full(x.shape, np.nan)
    for t in range(len(x)):
        for j in range(x.shape[1]):
            window = x[max(0, t - d + 1) : t + 1, j]
            window = window[~np.isnan(window)]
            if len(window) >= least:
                out[t, j] = of(window)
    return out


def _pair_windows(
    x: FloatArray, y: FloatArray, d: int, least: int, of: Callable[[FloatArray, FloatArray], float]
) -> FloatArray:
    out = np.full(x.shape, np.nan)
    for t in range(len(x)):
        for j in range(x.shape[1]):
            a, b = x[max(0, t - d + 1) : t + 1, j], y[max(0, t - d + 1) : t + 1, j]
            both = ~(np.isnan(a) | np.isnan(b))
            if both.sum() >= least:
                out[t, j] = of(a[both], b[both])
    return out


def _rows(x: FloatArray, of: Callable[[pd.Series[float]], pd.Series[float]]) -> FloatArray:
    """Apply `of` to the values (NaN dropped) of each row."""
    out = np.full(x.shape, np.nan)
    for t, row in enumerate(x):
        values = pd.Series(row).dropna()
        if len(values):
            out[t, values.index] = of(values)
    return out


def _cells(of: Callable[..., float]) -> Callable[..., FloatArray]:
    """Make a function of scalars one of arrays; NaN in, NaN out; errors are NaN."""

    def over(*args: FloatArray) -> FloatArray:
        arrays = np.broadcast_arrays(*args)
        out = np.full(arrays[0].shape, np.nan)
        for place in np.ndindex(*out.shape):
            values = [float(a[place]) for a in arrays]
            try:
                value = np.nan if any(map(np.isnan, values)) else of(*values)
            except (ArithmeticError, ValueError):
                value = np.nan
            if not isinstance(value, complex) and np.isfinite(value):
                out[place] = value
        return out

    return over


add = _cells(lambda x, y: x + y)
sub = _cells(lambda x, y: x - y)
mul = _cells(lambda x, y: x * y)
div = _cells(lambda x, y: x / y)
power = _cells(lambda x, y: x**y)
neg = _cells(lambda x: -x)
abs = _cells(lambda x: max(x, -x))  # noqa: A001  # the operator's name
log = _cells(lambda x: float(np.log(x)) if x > 0 else np.nan)
exp = _cells(lambda x: float(np.exp(x)) if x < 709 else np.nan)
sqrt = _cells(lambda x: x**0.5)
sign = _cells(lambda x: float(x > 0) - float(x < 0))
signedpower = _cells(lambda x, y: (float(x > 0) - float(x < 0)) * max(x, -x) ** y)
minimum = _cells(min)
maximum = _cells(max)
lt = _cells(lambda x, y: float(x < y))
gt = _cells(lambda x, y: float(x > y))
le = _cells(lambda x, y: float(x <= y))
ge = _cells(lambda x, y: float(x >= y))
eq = _cells(lambda x, y: float(x == y))
ne = _cells(lambda x, y: float(x != y))
both = _cells(lambda x, y: float(x != 0 and y != 0))
either = _cells(lambda x, y: float(x != 0 or y != 0))
neither = _cells(lambda x: float(x == 0))
filter = _cells(lambda x, y: x if y != 0 else np.nan)  # noqa: A001  # the operator's name


def where(x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
    out = np.full(x.shape, np.nan)
    for place in np.ndindex(*x.shape):
        if not np.isnan(x[place]):
            out[place] = y[place] if x[place] else z[place]
    return out


def rank(x: FloatArray) -> FloatArray:
    return _rows(x, lambda row: row.rank(pct=True))


def demean(x: FloatArray) -> FloatArray:
    return _rows(x, _less_mean)


def zscore(x: FloatArray) -> FloatArray:
    def of(row: pd.Series[float]) -> pd.Series[float]:
        return row * np.nan if _still(row.to_numpy()) else _less_mean(row) / row.std()

    return _rows(x, of)


def scale(x: FloatArray, a: float) -> FloatArray:
    return _rows(x, lambda row: a * row / row.abs().sum() if row.any() else row * np.nan)


def winsorize(x: FloatArray, k: float) -> FloatArray:
    def of(row: pd.Series[float]) -> pd.Series[float]:
        spread = k * row.std() if len(row) > 1 else 0.0
        return row.clip(row.mean() - spread, row.mean() + spread)

    return _rows(x, of)


def indneutralize(x: FloatArray, labels: npt.NDArray[np.int64]) -> FloatArray:
    def of(row: pd.Series[float]) -> pd.Series[float]:
        parts = [_less_mean(part) for _, part in row.groupby(labels[row.index])]
        return pd.concat(parts).reindex(row.index)

    return _rows(x, of)


def group_mean(x: FloatArray, labels: npt.NDArray[np.int64]) -> FloatArray:
    return np.where(np.isnan(x), np.nan, x - indneutralize(x, labels))


def group_zscore(x: FloatArray, labels: npt.NDArray[np.int64]) -> FloatArray:
    return _groups(x, labels, zscore)


def group_rank(x: FloatArray, labels: npt.NDArray[np.int64]) -> FloatArray:
    return _groups(x, labels, rank)


def cs_mean(x: FloatArray) -> FloatArray:
    return _rows(x, lambda row: row - _less_mean(row))


def bucket(x: FloatArray, q: float) -> FloatArray:
    def of(row: pd.Series[float]) -> pd.Series[float]:
        shares = [Fraction(r) * math.floor(q) / len(row) for r in row.rank()]
        return pd.Series([float(math.ceil(share)) for share in shares], row.index)

    return _rows(x, of)


def neutralize(x: FloatArray, *others: FloatArray) -> FloatArray:
    out = np.full(x.shape, np.nan)
    for t in range(len(x)):
        rows = np.array([x[t], *(y[t] for y in others)])
        known = ~np.isnan(rows).any(axis=0)
        if known.sum() <= len(rows):
            continue
        level, *columns = (_less_mean(pd.Series(row[known])).to_numpy() for row in rows)
        if any(_still(y[t][known]) for y in others):
            continue
        design = np.column_stack([c / np.abs(c).max() for c in columns])
        if np.linalg.matrix_rank(design, tol=1e-8) == len(columns):
            out[t, known] = level - design @ np.linalg.lstsq(design, level, rcond=None)[0]
    return out


neutralize2 = neutralize3 = neutralize


def _groups(
    x: FloatArray, labels: npt.NDArray[np.int64], of: Callable[[FloatArray], FloatArray]
) -> FloatArray:
    out = np.full(x.shape, np.nan)
    for label in set(labels):
        out[:, labels == label] = of(x[:, labels == label])
    return out


def delay(x: FloatArray, d: int) -> FloatArray:
    return pd.DataFrame(x).shift(d).to_numpy()


def delta(x: FloatArray, d: int) -> FloatArray:
    return pd.DataFrame(x).diff(d).to_numpy()


def ts_sum(x: FloatArray, d: int) -> FloatArray:
    return _windows(x, d, 1, np.sum)


def ts_mean(x: FloatArray, d: int) -> FloatArray:
    return _windows(x, d, 1, np.mean)


def ts_count(x: FloatArray, d: int) -> FloatArray:
    return _windows(x, d, 1, np.count_nonzero)


def ts_known(x: FloatArray, d: int) -> FloatArray:
    return _windows(x, d, 0, len)


def ts_var(x: FloatArray, d: int) -> FloatArray:
    return stddev(x, d) ** 2


def ts_mad(x: FloatArray, d: int) -> FloatArray:
    def of(w: FloatArray) -> float:
        deviation = w - w[0]
        return float(np.abs(deviation - deviation.mean()).mean())

    return _windows(x, d, 1, of)


def stddev(x: FloatArray, d: int) -> FloatArray:
    return _windows(x, d, 2, lambda w: float(np.std(w, ddof=1)) if np.ptp(w) else 0.0)


def ts_skew(x: FloatArray, d: int) -> FloatArray:
    def of(w: FloatArray) -> float:
        n, z = len(w), _standard(w)
        return float(n / ((n - 1) * (n - 2)) * (z**3).sum())

    return _windows(x, d, 3, of)


def ts_kurt(x: FloatArray, d: int) -> FloatArray:
    def of(w: FloatArray) -> float:
        n, z = len(w), _standard(w)
        raw = n * (n + 1) / ((n - 1) * (n - 2) * (n - 3)) * (z**4).sum()
        return float(raw - 3 * (n - 1) ** 2 / ((n - 2) * (n - 3)))

    return _windows(x, d, 4, of)


def ts_median(x: FloatArray, d: int) -> FloatArray:
    return _windows(x, d, 1, np.median)


def ts_quantile(x: FloatArray, d: int, q: float) -> FloatArray:
    return _windows(x, d, 1, lambda w: np.quantile(w, q))


def ts_min(x: FloatArray, d: int) -> FloatArray:
    return _windows(x, d, 1, np.min)


def ts_max(x: FloatArray, d: int) -> FloatArray:
    return _windows(x, d, 1, np.max)


def ts_argmin(x: FloatArray, d: int) -> FloatArray:
    return ts_argmax(-x, d)


def ts_argmax(x: FloatArray, d: int) -> FloatArray:
    out = np.full(x.shape, np.nan)
    padded = np.vstack([np.full((d, x.shape[1]), np.nan), x])
    for t in range(len(x)):
        window = padded[t + 1 : t + d + 1]
        for j in range(x.shape[1]):
            if not np.isnan(window[:, j]).all():
                out[t, j] = np.nanargmax(window[:, j]) + 1
    return out


def ts_idxmin(x: FloatArray, d: int) -> FloatArray:
    return ts_idxmax(-x, d)


def ts_idxmax(x: FloatArray, d: int) -> FloatArray:
    out = np.full(x.shape, np.nan)
    for t in range(len(x)):
        for j in range(x.shape[1]):
            window = x[max(0, t - d + 1) : t + 1, j]
            known = np.flatnonzero(~np.isnan(window))
            if len(known):
                out[t, j] = np.nanargmax(window) - known[0] + 1
    return out


def ts_rank(x: FloatArray, d: int) -> FloatArray:
    ranked = _windows(x, d, 1, lambda w: float(pd.Series(w).rank(pct=True).iloc[-1]))
    return np.where(np.isnan(x), np.nan, ranked)


def product(x: FloatArray, d: int) -> FloatArray:
    return _windows(x, d, 1, np.prod)


def decay_linear(x: FloatArray, d: int) -> FloatArray:
    out = np.full(x.shape, np.nan)
    for t in range(len(x)):
        for j in range(x.shape[1]):
            terms = [(d - i, x[t - i, j]) for i in range(min(d, t + 1))]
            terms = [(w, v) for w, v in terms if not np.isnan(v)]
            if terms:
                out[t, j] = sum(w * v for w, v in terms) / sum(w for w, _ in terms)
    return out


def correlation(x: FloatArray, y: FloatArray, d: int) -> FloatArray:
    def of(a: FloatArray, b: FloatArray) -> float:
        return np.nan if _still(a) or _still(b) else float(np.corrcoef(a, b)[0, 1])

    return _pair_windows(x, y, d, 2, of)


def covariance(x: FloatArray, y: FloatArray, d: int) -> FloatArray:
    return _pair_windows(x, y, d, 2, lambda a, b: float(np.cov(a, b)[0, 1]))


def beta(y: FloatArray, x: FloatArray, d: int) -> FloatArray:
    def of(a: FloatArray, b: FloatArray) -> float:
        return np.nan if _still(b) else float(np.cov(a, b)[0, 1] / np.var(b, ddof=1))

    return _pair_windows(y, x, d, 2, of)


def resid_std(y: FloatArray, x: FloatArray, d: int) -> FloatArray:
    def of(a: FloatArray, b: FloatArray) -> float:
        if _still(b):
            return np.nan
        design = np.column_stack([np.ones_like(b), (b - b[0]) / np.ptp(b)])
        level = a - a[0]  # a common shift of the values changes nothing, and costs digits
        left = level - design @ np.linalg.lstsq(design, level, rcond=None)[0]
        return float(np.sqrt((left**2).sum() / (len(a) - 2)))

    return _pair_windows(y, x, d, 3, of)


def slope(x: FloatArray, d: int) -> FloatArray:
    return beta(x, _time(x), d)


def rsquare(x: FloatArray, d: int) -> FloatArray:
    return correlation(x, _time(x), d) ** 2


def resi(x: FloatArray, d: int) -> FloatArray:
    def of(a: FloatArray, rows: FloatArray) -> float:
        level, place = a - a[0], rows - rows.mean()
        level -= level.mean()
        return float(level[-1] - place[-1] * (place * level).sum() / (place**2).sum())

    return np.where(np.isnan(x), np.nan, _pair_windows(x, _time(x), d, 2, of))


def _time(x: FloatArray) -> FloatArray:
    """The row number, in the shape of x."""
    return np.repeat(np.arange(len(x), dtype=float)[:, None], x.shape[1], axis=1)


def ewma(x: FloatArray, d: int) -> FloatArray:
    return pd.DataFrame(x).ewm(span=d, adjust=True, ignore_na=False).mean().ffill().to_numpy()


def ema(x: FloatArray, d: int) -> FloatArray:
    frame = pd.DataFrame(x)
    return frame.ewm(span=d, adjust=False, ignore_na=True).mean().ffill().to_numpy()


def _less_mean(row: pd.Series[float]) -> pd.Series[float]:
    """Values less their mean, as the mean of differences: exact where values are large."""
    return row.map(lambda value: math.fsum(value - row) / len(row))


def _standard(values: FloatArray) -> FloatArray:
    """Values less their mean, over their std (n-1); NaN for a constant."""
    deviation = values - values[0]
    deviation -= deviation.mean()
    return values * np.nan if _still(values) else deviation / deviation.std(ddof=1)


def _still(values: npt.NDArray[np.floating]) -> bool:
    """Whether values differ by no more than their own rounding: 8 units of the last place."""
    level = values[0]
    spread = float(np.std(values - level))
    return bool(spread <= 8.0 * np.finfo(np.float64).eps * float(np.abs(level)))
