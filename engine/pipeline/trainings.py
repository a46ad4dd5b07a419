"""What ``forecasts.json`` tells of the trainings: dates, errors, fits, paths, learning curve."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from engine.core.panel import Panel
from engine.forecasts import Errors, Fit, Forecasts, Ranges, Split
from engine.study import newey_west_t, overlap_lags

HIGH_IS_BAD = {"mse": 1.0, "mae": 1.0, "r2": -1.0, "rank_ic": -1.0}


def trainings(made: Forecasts, horizon: int, panel: Panel) -> dict[str, Any]:
    """Return what is told of the trainings, as plain values; stops are the last date included."""
    dates = _Dates(panel)
    return {
        "splits": [dates.split(split) for split in made.splits],
        "mean_test_rank_ic": float(np.nanmean([s.test_ic for s in made.splits])),
        "mean_errors": {
            "train": _mean(split.inside for split in made.splits),
            "test": _mean(split.outside for split in made.splits),
        },
        "paths": [
            {"path": number, **_path(path.rank_ic, horizon)}
            for number, path in enumerate(made.paths, start=1)
        ],
        "learning_curve": [
            {"years": point.years, **dates.learnt(point.split)} for point in made.curve
        ],
    }


class _Dates:
    """Rows as days."""

    def __init__(self, panel: Panel) -> None:
        whole = (panel.dates == panel.dates.normalize()).all()
        self.days = panel.dates.strftime("%Y-%m-%d" if whole else "%Y-%m-%dT%H:%M:%S").tolist()

    def split(self, split: Split) -> dict[str, Any]:
        """One training, its dates, its errors and its fits."""
        return {
            "index": split.index,
            "train_start": self.days[split.train_start],
            "train_stop": self.days[split.purged_stop - 1],
            "test_start": self.days[split.test_start],
            "test_stop": self.days[split.test_stop - 1],
            "n_train": split.n_train,
            "train_ic": split.train_ic,
            "test_ic": split.test_ic,
            "importances": split.importances,
            "train": self.ranges(split.window.train),
            "test": self.ranges(split.window.test),
            "errors": _errors(split),
            "fits": [self.fit(fit) for fit in split.fits],
            "told": split.told,
            "members": split.members,
        }

    def fit(self, fit: Fit) -> dict[str, Any]:
        """What was learnt, from which rows, and when the last label among them was known."""
        return {
            "what": fit.what,
            "dates": self.ranges(fit.dates),
            "rows": fit.rows,
            "latest": self.days[fit.latest] if fit.dates else None,
            "horizon": fit.horizon,
            "ahead": self.ranges(fit.ahead),
            "before": [self.days[row] for row in fit.before],
        }

    def learnt(self, split: Split) -> dict[str, Any]:
        """A point of the learning curve."""
        return {
            "train_start": self.days[split.train_start],
            "train_stop": self.days[split.purged_stop - 1],
            "n_train": split.n_train,
            "errors": _errors(split),
        }

    def ranges(self, ranges: Ranges) -> list[list[str]]:
        """First and last date of each range."""
        return [[self.days[start], self.days[stop - 1]] for start, stop in ranges]


def _errors(split: Split) -> dict[str, dict[str, float]]:
    """Errors in training and out of sample, and the gap: above 0, worse out of sample."""
    train, test = vars(split.inside), vars(split.outside)
    gap = {name: sign * (test[name] - train[name]) for name, sign in HIGH_IS_BAD.items()}
    return {"train": {**train}, "test": {**test}, "gap": gap}


def _mean(errors: Iterable[Errors]) -> dict[str, float]:
    listed = [vars(each) for each in errors]
    return {name: _mean_known([each[name] for each in listed]) for name in HIGH_IS_BAD}


def _mean_known(values: list[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def _path(rank_ic: np.ndarray[Any, np.dtype[np.float64]], horizon: int) -> dict[str, Any]:
    """How well one path orders the names, over its dates."""
    tested, known = newey_west_t(rank_ic, overlap_lags(horizon)), rank_ic[np.isfinite(rank_ic)]
    return {
        "rank_ic_mean": tested.mean,
        "rank_ic_t": tested.t,
        "hit_rate": float((known > 0.0).mean()) if len(known) else float("nan"),
        "n_dates": len(known),
    }
