"""Figures of what the score, the forecasts and the factors know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from engine.report.plot import COLORS, Figure, bars, figure, heat, heat_layout, numbers, whiskers
from engine.tearsheet.knowledge import HORIZONS, LAGS

if TYPE_CHECKING:
    from engine.report import Run


def figures(run: Run) -> list[Figure]:
    """Decay, correlation and persistence of the factors, and quantiles by regime."""
    return [decay(run), correlations(run), persistence(run), regimes(run)]


def decay(run: Run) -> Figure:
    """Rank IC by horizon."""
    data = []
    grouped = run.decay.groupby("name", sort=False, observed=True)
    for (name, rows), color in zip(grouped, COLORS * len(grouped), strict=False):
        trace = {
            "type": "scatter",
            "mode": "lines+markers",
            "name": str(name),
            "x": [str(days) for days in rows["days"]],
            "y": numbers(rows["rank_ic"].to_numpy(float)),
            "line": {"color": color, "width": 1.5},
        }
        if name == "mf_score":
            trace["error_y"] = whiskers(rows["standard_error"].to_numpy(float))
        data.append(trace)
    layout = {
        "xaxis": {"title": {"text": "trading days held"}, "type": "category"},
        "yaxis": {"title": {"text": "rank IC"}, "zeroline": True},
    }
    note = (
        f"Mean rank correlation with the return over the next {_listed(HORIZONS)} days, on every "
        "fifth date; whiskers: one standard error of the score's, for overlapping returns."
    )
    return figure("decay", "IC decay", note, "decay", data, layout)


def correlations(run: Run) -> Figure:
    """Mean rank correlation of each pair, both halves."""
    names = run.persistence["name"].astype(str).tolist()
    both = pd.concat(
        [run.correlations, run.correlations.rename(columns={"name": "other", "other": "name"})]
    )
    wide = both.pivot(index="name", columns="other", values="correlation")
    values = wide.reindex(index=names, columns=names).to_numpy(float).copy()
    np.fill_diagonal(values, 1.0)
    note = "Mean over every fifth date of the rank correlation between the names' values."
    return figure(
        "correlations",
        "Correlation",
        note,
        "correlations, persistence",
        [heat(names, names, values, "z.2f", 1.0)],
        heat_layout(),
        height=max(340, 120 + 30 * len(names)),
    )


def persistence(run: Run) -> Figure:
    """Rank autocorrelation by lag; coverage stands in the table."""
    names = run.persistence["name"].astype(str).tolist()
    data = [
        bars(names, run.persistence[f"rank_autocorrelation_{lag}d"].to_numpy(float), words, color)
        for lag, words, color in zip(LAGS, ("1 day", "20 days"), COLORS, strict=False)
    ]
    layout = {
        "barmode": "group",
        "xaxis": {"type": "category"},
        "yaxis": {"title": {"text": "rank autocorrelation"}},
    }
    note = "Correlation of a date's ranks with those so many dates before: low costs turnover."
    return figure("persistence", "Persistence", note, "persistence", data, layout)


def regimes(run: Run) -> Figure:
    """Mean forward return of each bucket of the score, per regime."""
    data = []
    grouped = run.regime_quantiles.groupby("regime", sort=False, observed=True)
    for (state, rows), color in zip(grouped, COLORS * len(grouped), strict=False):
        mean, error = (rows[key].to_numpy(float) * 1e4 for key in ("mean", "standard_error"))
        label = f"{state} ({int(rows['dates'].max())} dates)"
        made = bars([int(q) for q in rows["quantile"]], mean, label, color)
        data.append({**made, "error_y": whiskers(error)})
    layout = {
        "barmode": "group",
        "xaxis": {"title": {"text": "quantile (1 = lowest score)"}, "dtick": 1},
        "yaxis": {"title": {"text": "mean forward return (bps)"}},
    }
    note = (
        f"Mean return over the next {run.metrics['horizon']} days after closes with each likeliest "
        "regime; whiskers: one standard error."
    )
    title = "Returns by quantile of the score and regime"
    return figure("regime_quantiles", title, note, "regime_quantiles", data, layout)


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers[:-1])) + f" and {numbers[-1]}"
