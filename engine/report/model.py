"""Figures of the model: what its trainings promised, kept and leaned on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from engine.report.plot import COLORS, Figure, bars, figure, heat, heat_layout

if TYPE_CHECKING:
    from engine.report import Run

TOP = 12  # features


def figures(run: Run) -> list[Figure]:
    """Rank IC of each split and importances; none without a model that has them."""
    splits = run.manifest["splits"]
    if not splits:
        return []
    shares = importances(splits)
    return [trainings(run), *([] if shares.empty else [leanings(shares)])]


def trainings(run: Run) -> Figure:
    """Rank IC in training and out of sample."""
    splits = run.manifest["splits"]
    data = [
        bars(_starts(splits), np.array([row[key] for row in splits], float), words, color)
        for (key, words), color in zip(
            {"train_ic": "in training", "test_ic": "out of sample"}.items(), COLORS, strict=False
        )
    ]
    layout = {
        "barmode": "group",
        "xaxis": {"title": {"text": "first forecast"}, "type": "category"},
        "yaxis": {"title": {"text": "mean rank IC"}},
    }
    note = "Blue far above orange: the model learnt its past by heart."
    lasting = run.persistence[run.persistence["name"].isin(run.metrics["forecasts"])]
    for _, row in lasting.iterrows():
        day, month = row["rank_autocorrelation_1d"], row["rank_autocorrelation_20d"]
        if np.isfinite([day, month]).all():
            note += f" Rank autocorrelation of {row['name']}: {day:.3f} over 1 day,"
            note += f" {month:.3f} over 20."
    artifact = "manifest.json, persistence"
    return figure("trainings", "Rank IC by split", note, artifact, data, layout)


def importances(splits: list[dict[str, Any]]) -> pd.DataFrame:
    """Share of each split's importances, features × splits.

    The `TOP` features of the largest mean share, the largest first, ties by name. A split
    without importances is NaN; a feature that it lacks has none of it.
    """
    columns = {}
    for row in splits:
        known = pd.Series(row.get("importances") or {}, dtype=float)
        total = known.sum()
        columns[row["index"]] = known / total if total > 0.0 else known * np.nan
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


def _starts(splits: list[dict[str, Any]]) -> list[str]:
    return [str(row["test_start"]) for row in splits]
