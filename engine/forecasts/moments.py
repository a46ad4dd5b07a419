"""Second moments of training windows, from sums that all splits share.

A linear model needs no rows: what it learns follows from the sums of products of its features
and its target. Windows overlap, so the sums are taken once, by blocks of dates, and a window adds
up the blocks that lie in it.

1. From each feature a number is taken away that lies near its values, so that squares do not
   drown what varies: its mean over the first training window, which every forecast comes after.
2. A missing value becomes 0, and a column of its own says where it was missing. What it is filled
   with differs from split to split, but is one number in each: sums over the column fill it in.
3. A block's sums are of the rows Z below times themselves. They depend on the block's dates alone,
   so that whatever comes later changes no bit of a window's; dates of a window that fill no whole
   block are summed by themselves.
4. With the split's medians the window's sums become means, deviations and products of the scaled
   features. Where a mean is large beside its deviation, too few digits are left: the split is
   then trained on its rows.

```
 Z (2K + 2, rows)   features less their pivots, 0 where missing   K
                    1 where missing, else 0                       K
                    1                                             1
                    target                                        1

 dates  |  block 0  |  block 1  |  block 2  |  block 3  |
            [ edge |------ two blocks ------| edge )         a window
```
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from engine.core.kinds import Model
from engine.core.panel import FloatArray
from engine.forecasts.ranges import Ranges, merge
from engine.forecasts.scaling import Scaler, cut, invert
from engine.forecasts.splits import Window
from engine.forecasts.table import Table
from engine.kernels.threads import share
from engine.plugin import calling

DATES, SHARE = 21, 24  # of a block: at least, and of the first training's
DIGITS = 1e4  # mean² over variance, above which the sums keep fewer than 12 digits


@dataclass(frozen=True, eq=False)
class Weights:
    """A linear model: what it predicts is ``X @ coef_ + intercept_``."""

    coef_: FloatArray  # (K,)
    intercept_: float

    def predict(self, X: FloatArray) -> FloatArray:
        """Return forecasts of X's rows, shape (R,)."""
        forecast: FloatArray = X @ self.coef_ + self.intercept_
        return forecast


@dataclass(frozen=True, eq=False)
class Solved:
    """What a model learnt from sums: the dates that they were of, and how many rows."""

    scaler: Scaler
    weights: Weights
    dates: Ranges
    rows: int


@dataclass(frozen=True, eq=False)
class Moments:
    """A table's sums; `first` is the first training window, `dates` how many a block has."""

    table: Table
    first: Window
    dates: int

    @classmethod
    def of(cls, table: Table, first: Window) -> Moments:
        """Return the sums of a table; a longer first window makes longer blocks, not more."""
        start, known = first.train[0][0], first.train[-1][1]
        return cls(table, first, max((max(first.test[0][0], known) - start) // SHARE, DATES))

    def train(
        self, model: Model, dates: Ranges, medians: FloatArray, unit: float, standardize: bool
    ) -> Solved | None:
        """Train a model on the rows of some dates; None where the rows themselves are needed.

        Parameters
        ----------
        model : Model
            One that `is_solved`.
        dates : Ranges
        medians : float array, shape (K,)
            What fills in missing values.
        unit : float
            What the target is divided by.
        standardize : bool
            Scale features to mean 0 and deviation 1.
        """
        K = len(self.table.columns)
        total, summed = self._sum(dates)
        n, target = total[2 * K, 2 * K], total[2 * K, 2 * K + 1]
        shift = medians - self.pivots
        sums, products, moment = _fill(total, shift)
        gram = products - np.outer(sums, sums) / n
        moment = (moment - sums * (target / n)) / unit
        square, variance = np.diag(products) / n, np.diag(gram) / n
        empty = np.diag(total)[K : 2 * K] == n
        if not _exact(square, variance, empty) or (target / n) ** 2 > DIGITS * unit**2:
            return None
        mean = np.where(empty, medians, self.pivots + sums / n)
        deviation = np.where(empty, 0.0, np.sqrt(np.maximum(variance, 0.0)))
        scale = np.array([invert(d, m) for d, m in zip(deviation, mean, strict=True)])
        if not standardize:
            scale = np.ones(K)
        gram, moment = gram * np.outer(scale, scale), moment * scale
        with calling(model, f"model {model.name!r}"):
            weights = model.solve(gram, moment)
        if weights is None:
            return None
        if standardize:
            scaler, intercept = Scaler(medians, mean, scale), target / n / unit
        else:
            scaler = Scaler(medians, np.zeros(K), scale)
            intercept = float(target / n / unit - mean @ weights)
        return Solved(scaler, Weights(weights, intercept), summed, int(n))

    @cached_property
    def pivots(self) -> FloatArray:
        """What is taken from each feature, shape (K,): its mean over the first window."""
        table, pivots = self.table, np.zeros(len(self.table.columns))
        cells = table.cells[table.select(self.first.train, learn=True)]

        def learn(some: slice) -> None:
            x = table.read(some.start, cells)
            x = x[np.isfinite(x)]
            if len(x):  # a constant's mean may be off by a rounding, and it must become 0
                pivots[some.start] = x[0] if (x == x[0]).all() else x.mean()

        share(cut(table), learn)
        return pivots

    @cached_property
    def blocks(self) -> FloatArray:
        """The sums of each whole block of dates, shape (B, 2K + 2, 2K + 2)."""
        count, size = (len(self.table.start) - 1) // self.dates, 2 * len(self.table.columns) + 2
        blocks = np.zeros((count, size, size))

        def fill(some: slice) -> None:
            self._add(some.start * self.dates, some.stop * self.dates, blocks[some.start])

        share([slice(b, b + 1) for b in range(count)], fill)
        return blocks

    def _sum(self, ranges: Ranges) -> tuple[FloatArray, Ranges]:
        """The sums over ranges of dates, added in the order of the dates; which dates they hold."""
        size = 2 * len(self.table.columns) + 2
        total, summed = np.zeros((size, size)), []
        for begin, end in (piece for some in ranges for piece in _cut(*some, self.dates)):
            if end - begin == self.dates:
                total += self.blocks[begin // self.dates]
            else:
                self._add(begin, end, total)
            summed.append((begin, end))
        return total, merge(summed)

    def _add(self, start: int, stop: int, total: FloatArray) -> None:
        """Add the sums over the dates [start, stop), taken from their rows."""
        table, K = self.table, len(self.table.columns)
        span = table.span(start, stop)
        keep = table.learnable[span]
        cells, lacking = table.cells[span][keep], list[int]()
        Z = np.empty((2 * K + 2, len(cells)))  # rows that nobody fills take no memory
        for k in range(K):
            x = table.read(k, cells, Z[k])
            x -= self.pivots[k]
            missing = ~np.isfinite(x)
            if missing.any():
                x[missing] = 0.0
                Z[K + len(lacking)] = missing
                lacking.append(k)
        Z = Z[: K + len(lacking) + 2]
        Z[-2], Z[-1] = 1.0, table.y[span][keep]
        where = np.r_[np.arange(K), K + np.array(lacking, np.intp), 2 * K, 2 * K + 1]
        total[np.ix_(where, where)] += Z @ Z.T


def _cut(start: int, stop: int, dates: int) -> Iterator[tuple[int, int]]:
    """The dates [start, stop), cut where blocks begin."""
    while start < stop:
        end = min((start // dates + 1) * dates, stop)
        yield start, end
        start = end


def _fill(total: FloatArray, shift: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Fill in what is missing: sums (K,), products (K, K), products with the target (K,)."""
    K = len(shift)
    x, m, one, y = slice(K), slice(K, 2 * K), 2 * K, 2 * K + 1
    crossed = total[x, m] * shift
    products = total[x, x] + crossed + crossed.T + total[m, m] * np.outer(shift, shift)
    sums = total[x, one] + total[m, one] * shift
    return sums, products, total[x, y] + total[m, y] * shift


def _exact(square: FloatArray, variance: FloatArray, empty: FloatArray) -> bool:
    """Whether enough digits are left of each feature; one that never leaves its pivot is exact."""
    with np.errstate(invalid="ignore", over="ignore"):
        varies = square - variance <= DIGITS * variance
    return bool((empty | (square == 0.0) | varies).all())
