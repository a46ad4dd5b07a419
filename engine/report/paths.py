"""What the trainings came to: their errors, the paths of their forecasts, the learning curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.report.cells import number, table
from engine.report.plot import COLORS, Figure, bars, figure, numbers
from engine.storage import PathFacts, PointFacts, Training, Trainings

FILE = "forecasts.json"
ERRORS = ("MSE", "MAE", "R²")
SIDES = ("in training", "out of sample")


def figures(trainings: Trainings) -> list[Figure]:
    """The paths where there are several, and the learning curve where it was asked for."""
    paths, points = trainings.paths, trainings.learning_curve
    return [*([_spread(paths)] if len(paths) > 1 else []), *([_curve(points)] if points else [])]


def tables(trainings: Trainings) -> list[dict[str, Any]]:
    """The same in numbers, and the errors of every training."""
    paths, points = trainings.paths, trainings.learning_curve
    return [
        _errors(trainings.splits),
        *([_paths(paths)] if len(paths) > 1 else []),
        *([_points(points)] if points else []),
    ]


def _spread(paths: Sequence[PathFacts]) -> Figure:
    """Mean rank IC of each path, with the spread in words."""
    means = np.array([path.rank_ic_mean for path in paths], float)
    data = [bars([str(path.path) for path in paths], means, "mean rank IC", COLORS[0])]
    layout = {
        "xaxis": {"title": {"text": "path"}, "type": "category"},
        "yaxis": {"title": {"text": "mean rank IC"}},
    }
    note = (
        "Each path is a whole series of forecasts, put together from other trainings; the signal "
        "is made of path 1. The paths share dates and trainings, so that they lie closer together "
        "than independent samples would."
    )
    known = means[np.isfinite(means)]
    if len(known):
        note += (
            f" From {known.min():.4f} to {known.max():.4f}, median {np.median(known):.4f}; "
            f"{(known > 0.0).sum()} of {len(known)} above 0."
        )
    return figure("paths", "Rank IC by path", note, FILE, data, layout)


def _curve(points: Sequence[PointFacts]) -> Figure:
    """Rank IC in training and out of sample, by years of data."""
    years = [float(point.years) for point in points]
    data = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": name,
            "x": years,
            "y": numbers(np.array(values, float)),
            "line": {"color": color, "width": 1.5},
        }
        for name, values, color in zip(
            SIDES,
            (
                [point.errors.train.rank_ic for point in points],
                [point.errors.test.rank_ic for point in points],
            ),
            COLORS,
            strict=False,
        )
    ]
    layout = {
        "xaxis": {"title": {"text": "years of training data"}},
        "yaxis": {"title": {"text": "mean rank IC"}},
        "hovermode": "closest",
    }
    note = (
        "The last training again, on its last years alone, judged on the same dates: orange that "
        "still rises at the right says that more history would help. One split: mind its luck."
    )
    return figure("learning_curve", "Learning curve", note, FILE, data, layout)


def _errors(splits: Sequence[Training]) -> dict[str, Any]:
    """Each training's errors on both sides, and their means."""
    listed = [[str(row.index + 1), *_sides(row)] for row in splits if row.errors]
    known = [np.array(_values(row), float) for row in splits if row.errors]
    if len(known) > 1:
        means = [_mean(column) for column in np.array(known).T]
        listed.append(["mean", *map(_print, means)])
    head = [f"{error} {side}" for error in ERRORS for side in SIDES]
    return table("Errors of the trainings", FILE, ["split", *head], listed)


def _sides(row: Training | PointFacts) -> list[str]:
    return [*map(_print, _values(row))]


def _values(row: Training | PointFacts) -> list[float | None]:
    train, test = row.errors.train, row.errors.test  # type: ignore[union-attr]
    return [train.mse, test.mse, train.mae, test.mae, train.r2, test.r2]


def _mean(column: np.ndarray[Any, Any]) -> float:
    known = column[np.isfinite(column)]
    return float(known.mean()) if len(known) else float("nan")


def _print(value: float | None) -> str:
    return number(value, ".4g")


def _paths(paths: Sequence[PathFacts]) -> dict[str, Any]:
    rows = [
        [
            str(path.path),
            number(path.rank_ic_mean, ".4f"),
            number(path.rank_ic_t, ".2f"),
            number(path.hit_rate, ".1%"),
            number(path.n_dates, ",.0f"),
        ]
        for path in paths
    ]
    head = ["path", "mean rank IC", "t", "rank IC above 0", "dates"]
    return table("Paths of the forecasts", FILE, head, rows)


def _points(points: Sequence[PointFacts]) -> dict[str, Any]:
    rows = [
        [
            str(point.years),
            f"{point.train_start} … {point.train_stop}",
            number(point.n_train, ",.0f"),
            number(point.errors.train.rank_ic, ".4f"),
            number(point.errors.test.rank_ic, ".4f"),
            *_sides(point),
        ]
        for point in points
    ]
    head = ["years", "trained on", "rows", *(f"rank IC {side}" for side in SIDES)]
    head += [f"{error} {side}" for error in ERRORS for side in SIDES]
    return table("Learning curve", FILE, head, rows)
