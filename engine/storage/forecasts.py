"""What ``forecasts.json`` holds of the trainings, typed; the pipeline writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.storage.manifest import Dates, ErrorFacts, Judged, Training


@dataclass(frozen=True)
class FitFacts:
    """What something was learnt from.

    Parameters
    ----------
    what : str
        ``medians``, ``scaler``, ``model``, ``early stopping``, ``updates``.
    dates : tuple of pairs
        First and last date of each range of rows.
    rows : int
        Dates × symbols.
    latest : str, optional
        When the last label among them was known; None without any row.
    ahead : tuple of pairs
        Dates inside the training that the fit was held out from; empty outside of folds.
    horizon : int, optional
        Of its labels, in trading days.
    before : tuple of str
        Of ``updates``: for each of `dates` the first date that was forecast with it.
    """

    what: str
    dates: Dates
    rows: int
    latest: str | None
    ahead: Dates = ()
    horizon: int | None = None
    before: tuple[str, ...] = ()


@dataclass(frozen=True)
class FittedTraining(Training):
    """One training as ``forecasts.json`` alone has it.

    Parameters
    ----------
    fits : tuple of FitFacts
        What each fit saw.
    told : mapping, optional
        What the model says of what it chose.
    members : mapping of str to float, optional
        Mean rank IC out of sample of each member, and of their plain mean.
    """

    fits: tuple[FitFacts, ...] = ()
    told: Mapping[str, Any] | None = None
    members: Mapping[str, float | None] | None = None


@dataclass(frozen=True)
class PathFacts:
    """How well one whole series of forecasts ordered the names.

    Parameters
    ----------
    path : int
        From 1.
    rank_ic_mean, rank_ic_t : float, optional
        Mean over dates, and its t (Newey & West).
    hit_rate : float, optional
        Share of the dates with a rank IC above 0.
    n_dates : int
    """

    path: int
    rank_ic_mean: float | None
    rank_ic_t: float | None
    hit_rate: float | None
    n_dates: int


@dataclass(frozen=True)
class PointFacts:
    """The last training on its last years alone, judged on the dates that it forecast anyway."""

    years: int
    train_start: str
    train_stop: str
    n_train: int
    errors: Judged


@dataclass(frozen=True)
class MeanErrors:
    """Means over the trainings."""

    train: ErrorFacts
    test: ErrorFacts


@dataclass(frozen=True)
class Trainings:
    """All trainings of a run.

    Parameters
    ----------
    forecast : str
        Its column.
    model, label, validation : mapping
        Their options.
    seed : int
    features : tuple of str
        Factors that the model saw.
    trains_on_later : bool
        Whether a training may have seen dates after those that it forecast.
    splits : tuple of FittedTraining
    mean_test_rank_ic : float, optional
        Mean over the trainings.
    mean_errors : MeanErrors
    paths : tuple of PathFacts
        One in walk-forward.
    learning_curve : tuple of PointFacts
        Empty unless it was asked for.
    fingerprint : str
        SHA-256 of the bars, in hex digits.
    versions : mapping of str to str
        By package.
    apart : tuple of str
        Columns of models side by side.
    """

    forecast: str
    model: Mapping[str, Any]
    label: Mapping[str, Any]
    validation: Mapping[str, Any]
    seed: int
    features: tuple[str, ...]
    trains_on_later: bool
    splits: tuple[FittedTraining, ...]
    mean_test_rank_ic: float | None
    mean_errors: MeanErrors
    paths: tuple[PathFacts, ...]
    learning_curve: tuple[PointFacts, ...]
    fingerprint: str
    versions: Mapping[str, str]
    apart: tuple[str, ...] = ()
