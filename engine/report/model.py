"""Figures and table of the model: what its trainings promised, kept and leaned on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from engine.forecasts import CAUTION
from engine.report import members, paths
from engine.report.cells import DASH, number, spell_count, table
from engine.report.plot import (
    COLORS,
    Figure,
    bars,
    escape_tags,
    figure,
    heat,
    heat_layout,
    numbers,
    whiskers,
)
from engine.storage import Training
from engine.study import NEWCOMER_LAGS, find_critical, overlap_lags

if TYPE_CHECKING:
    from engine.report.active import Run

TOP = 12  # features


def figures(run: Run) -> list[Figure]:
    """Rank IC of splits and paths, calibration, turnover, importances; none without a model."""
    splits, told = run.manifest.splits, run.trainings
    if not splits or told is None:
        return []
    shares = importances(splits)
    known = np.isfinite(run.calibration["realised"]).any()
    return [
        trainings(run),
        *paths.figures(told),
        *([calibrations(run)] if known else []),
        turnover(run),
        *([] if shares.empty else [leanings(shares)]),
    ]


def tables(run: Run) -> list[dict[str, Any]]:
    """The splits, with what was left of each training."""
    made = run.trainings
    told = [] if made is None else [*members.tables(made.splits), *paths.tables(made)]
    return [_splits(run.manifest.splits, run.manifest.trains_on_later), *told]


def trainings(run: Run) -> Figure:
    """Rank IC in training and out of sample, with the gap in words."""
    splits = run.manifest.splits
    train = np.array([row.train_ic for row in splits], float)
    test = np.array([row.test_ic for row in splits], float)
    data = [
        bars(_starts(splits), values, words, color)
        for values, words, color in zip(
            (train, test), ("in training", "out of sample"), COLORS, strict=False
        )
    ]
    layout = {
        "barmode": "group",
        "xaxis": {"title": {"text": "first forecast"}, "type": "category"},
        "yaxis": {"title": {"text": "mean rank IC"}},
    }
    note = "Blue far above orange: the model learnt its past by heart."
    both = np.isfinite(train) & np.isfinite(test)
    if both.any():
        before, after = float(train[both].mean()), float(test[both].mean())
        note += f" Mean of the splits: {before:.3f} in training, {after:.3f} out of sample, a gap "
        note += f"of {before - after:.3f}: {judge_training(before, after)}."
    return figure("trainings", "Rank IC by split", note, "manifest.json", data, layout)


def judge_training(train: float | None, test: float | None) -> str:
    """Plain verdict on what was left of a training's rank IC."""
    if train is None or test is None or not np.isfinite([train, test]).all():
        return DASH
    if train <= 0.0:
        return "nothing learnt"
    if test <= 0.0:
        return "nothing left"
    return "under half left" if test < train / 2.0 else "half or more left"


def calibrations(run: Run) -> Figure:
    """Mean forecast against mean realised label, by decile."""
    known = run.calibration[np.isfinite(run.calibration["realised"])]
    data: list[Figure] = []
    for (name, rows), color in zip(known.groupby("name", sort=False), COLORS, strict=False):
        x, y, error = (
            rows[key].to_numpy(float) for key in ("forecast", "realised", "standard_error")
        )
        same = {"type": "scatter", "mode": "lines", "x": numbers(x)}
        data += [
            {
                **same,
                "mode": "lines+markers",
                "name": escape_tags(str(name)),
                "y": numbers(y),
                "error_y": whiskers(error),
                "line": {"color": color, "width": 1.5},
            },
            {
                **same,
                "name": "as forecast",
                "y": numbers(x),
                "line": {"color": "#8a93a0", "width": 1, "dash": "dot"},
            },
        ]
    layout = {
        "xaxis": {"title": {"text": "mean forecast (units of the label)"}},
        "yaxis": {"title": {"text": "mean realised label"}},
        "hovermode": "closest",
    }
    note = (
        "Deciles of each date's out-of-sample forecasts, averaged over dates; whiskers: one "
        "standard error (Newey & West), most of it the market's own luck, which all deciles share."
    )
    for _, row in run.slopes.iterrows():
        critical = find_critical(max(row["dates"], 1), overlap_lags(run.metrics.horizon))
        note += f" {judge_slope(row['slope'], row['standard_error'], critical)}"
    return figure(
        "calibration", "Calibration", note, "calibration, slopes", data, layout, height=400
    )


def judge_slope(slope: float, error: float, critical: float) -> str:
    """What a slope within dates says of the forecasts' size; `critical` errors are too far off."""
    if not np.isfinite([slope, error]).all():
        return "The slope cannot be judged: there are too few dates, or all forecasts agree."
    text = f"Slope among the names of a date: {slope:.2f}, standard error {error:.2f}"
    if abs(slope - 1.0) < critical * error:
        text += ", which does not exclude 1"
    return (
        f"{text}. At 1 forecasts differ as much as what follows; below 1 they differ too much, and "
        "the slope says by what to shrink them; at 0 or below they tell the names apart no better "
        "than chance."
    )


def turnover(run: Run) -> Figure:
    """Share of new names among the highest and lowest forecasts."""
    rows = run.persistence[run.persistence["name"].isin(run.metrics.forecasts)]
    x = [spell_count(lag) for lag in NEWCOMER_LAGS]
    data, note = [], "Share of the names in the highest and the lowest fifth of the forecasts that "
    note += "were not in it that number of bars before; mean over all dates."
    for _, row in rows.iterrows():
        for end, color in zip(("top", "bottom"), COLORS, strict=False):
            shares = np.array([row[f"{end}_new_{lag}d"] for lag in NEWCOMER_LAGS], float)
            data.append(bars(x, shares, {"top": "highest", "bottom": "lowest"}[end], color))
        day, month = row["rank_autocorrelation_1d"], row["rank_autocorrelation_20d"]
        if np.isfinite([day, month]).all():
            note += f" Rank autocorrelation of {row['name']}: {day:.3f} over 1 bar,"
            note += f" {month:.3f} over 20."
    layout = {
        "barmode": "group",
        "xaxis": {"title": {"text": "bars between"}, "type": "category"},
        "yaxis": {"title": {"text": "share new"}, "tickformat": ".0%", "rangemode": "tozero"},
    }
    title = "Turnover of the forecasts"
    return figure("forecast_turnover", title, note, "persistence", data, layout, height=400)


def importances(splits: Sequence[Training]) -> pd.DataFrame:
    """Share of each split's importances, features × splits.

    The `TOP` features of the largest mean share, the largest first, ties by name. A split
    without importances is NaN; a feature that it lacks has none of it.
    """
    columns = {}
    for row in splits:
        known = pd.Series(row.importances or {}, dtype=float)
        total = known.sum()
        columns[row.index] = known / total if total > 0.0 else known * np.nan
    wide = pd.DataFrame(columns).sort_index()
    given = wide.notna().any()
    wide.loc[:, given] = wide.loc[:, given].fillna(0.0)
    wide = wide.loc[wide.notna().any(axis=1)] if given.any() else wide.iloc[:0]
    order = wide.mean(axis=1).sort_values(ascending=False, kind="stable").index
    return wide.loc[order[:TOP]].set_axis(_starts(splits), axis=1)


def leanings(shares: pd.DataFrame) -> Figure:
    """Importances over splits."""
    values = shares.to_numpy(float)
    limit = float(np.nanmax(values))
    cells = heat(list(shares.columns), list(map(str, shares.index)), values, ".0%", limit)
    note = (
        f"Share of each split's importances (size of the coefficients, or the estimator's own): "
        f"the {len(shares)} largest by mean."
    )
    return figure(
        "importances",
        "Importances by split",
        note,
        "manifest.json",
        [cells],
        heat_layout(),
        height=110 + 26 * len(shares),
    )


def _starts(splits: Sequence[Training]) -> list[str]:
    return [str(row.test_start) for row in splits]


def _splits(splits: Sequence[Training], later: bool) -> dict[str, Any]:
    rows = [
        [
            str(row.index + 1),
            _spans(row.train) or f"{row.train_start} … {row.train_stop}",
            _spans(row.test) or f"{row.test_start} … {row.test_stop}",
            number(row.n_train, ",.0f"),
            number(row.train_ic, ".4f"),
            number(row.test_ic, ".4f"),
            number(_gap(row), ".4f"),
            judge_training(row.train_ic, row.test_ic),
        ]
        for row in splits
    ]
    head = ["split", "trained on", "forecasts", "rows", "rank IC in training", "out of sample"]
    head += ["gap", "verdict"]
    title = f"Splits, {CAUTION}" if later else "Walk-forward splits"
    return table(title, "manifest.json", head, rows)


def _spans(ranges: Sequence[Sequence[str]]) -> str:
    """Ranges of dates in print."""
    return ", ".join(f"{start} … {stop}" for start, stop in ranges)


def _gap(row: Training) -> float | None:
    train, test = row.train_ic, row.test_ic
    return None if train is None or test is None else train - test
