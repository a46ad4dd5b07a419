"""Folds: the dates in equal parts, each forecast by trainings on the others, purged.

Purged k-fold with embargo and combinatorial purged cross-validation (Lopez de Prado 2018,
"Advances in Financial Machine Learning", chapters 7 and 12). They train on later dates, too, so
they measure a model, and are no backtest.

1. Cut the T dates into N folds of T // N, the last with what is left over.
2. A training forecasts k of them: one after another (k = 1), or every choice of k, C(N, k) in all.
3. Label t spans the rows [t + 1, end[t]]; a block of test rows spans [its start, the last end of
   its labels]. A training row whose label meets that span is purged, and so is one whose label
   begins within `embargo` rows after it.
4. Each fold is forecast by C(N - 1, k - 1) trainings. Path p takes of each fold the p-th: a path
   is a whole series of forecasts, and each (training, fold) is in one path.

```
 N = 4, k = 2      fold  0  1  2  3            path 0  path 1  path 2
 training 0              ■  ■  ·  ·      fold 0   0       1       2
 training 1              ■  ·  ■  ·      fold 1   0       3       4
 training 2              ■  ·  ·  ■      fold 2   1       3       5
 training 3              ·  ■  ■  ·      fold 3   2       4       5
```
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt

from engine.core.errors import ConfigError
from engine.forecasts.labels import Labels
from engine.forecasts.ranges import Ranges, merge, to_ranges
from engine.forecasts.splits import Validation, Window

IntArray = npt.NDArray[np.int64]


def cut(first: int, labels: Labels, validation: Validation) -> tuple[tuple[Window, ...], IntArray]:
    """The windows of folds, and their paths, shape (P, T); see `engine.forecasts.plan.Plan`."""
    total, N = len(labels.end), validation.n_folds
    k = validation.n_test_folds if validation.scheme == "combinatorial" else 1
    size = (total - first) // N
    if size == 0:
        raise ConfigError(
            f"validation.n_folds={N} is more than the {total - first} dates from the first label "
            f"on: {_advise(total - first, k, labels, validation)}"
        )
    bounds = [*(first + size * n for n in range(N)), total]
    chosen = [*combinations(range(N), k)]
    windows = []
    for tested in chosen:
        test = merge((bounds[fold], bounds[fold + 1]) for fold in tested)
        train = purge(test, first, labels.end, validation.embargo)
        if not train:
            raise ConfigError(
                f"validation.n_folds={N}: a training that forecasts {_name(tested)} has no date "
                f"left to learn from: the labels span {labels.horizon + 1} rows, and validation."
                f"embargo={validation.embargo} more are kept free, of folds of {size}: "
                f"{_advise(total - first, k, labels, validation)}"
            )
        windows.append(Window(train, test))
    paths = [[i for i, tested in enumerate(chosen) if fold in tested] for fold in range(N)]
    lengths = np.diff(bounds)
    head = np.full((len(paths[0]), first), -1, np.int64)
    return tuple(windows), np.hstack([head, np.repeat(np.array(paths).T, lengths, axis=1)])


def purge(test: Ranges, first: int, end: IntArray, embargo: int) -> Ranges:
    """The rows from `first` on that may be learnt from where `test` is forecast.

    Parameters
    ----------
    test : Ranges
    first : int
    end : int array, shape (T,)
        See `Labels`; a row whose label ends after the sample teaches nothing.
    embargo : int
        Rows after the last label of a block of test rows in which no label may begin.
    """
    row = np.arange(len(end))
    keep = (row >= first) & (end < len(end))
    for start, stop in test:
        last = end[start:stop].max()
        keep &= (end < start) | (row + 1 > last + embargo)
        keep[start:stop] = False
    return to_ranges(np.flatnonzero(keep))


def _advise(dates: int, k: int, labels: Labels, validation: Validation) -> str:
    """What to type where folds are too small: folds that outlast what is purged around a block."""
    room = 2 * (labels.horizon + 1) + validation.embargo
    most = dates // room
    if most > k:
        return f"type validation.n_folds={most} or less"
    if most > 1:
        return f"type validation.n_folds={most} validation.n_test_folds={most - 1} or less"
    return "take more history, or type a lower label.horizon"


def _name(tested: tuple[int, ...]) -> str:
    numbers = ", ".join(str(fold + 1) for fold in tested)
    return f"fold {numbers}" if len(tested) == 1 else f"folds {numbers}"
