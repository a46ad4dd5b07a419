"""Figures and tables of what the score, the forecasts and the factors know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from engine.report import quantiles
from engine.report.cells import add_p, number, spell_count, table
from engine.report.menu import choice
from engine.report.plot import (
    COLORS,
    WEEK,
    Figure,
    bars,
    escape_tags,
    figure,
    heat,
    heat_layout,
    line,
    numbers,
    whiskers,
)
from engine.storage import Evidence
from engine.study import HORIZONS, LAGS

if TYPE_CHECKING:
    from engine.report.active import Run

WINDOW = 63  # bars, a quarter of days: rolling means of the IC


def figures(run: Run) -> list[Figure]:
    """Rank IC over time and by horizon, quantiles, correlation, persistence and coverage."""
    return [
        rolling_ic(run),
        decay(run),
        coverage(run),
        *quantiles.figures(run),
        correlations(run),
        persistence(run),
    ]


def rolling_ic(run: Run) -> Figure:
    """Rolling mean of the rank IC, with a band of two standard errors."""
    horizon = max(run.metrics.horizon, 1)
    parts = {}
    for name in run.persistence["name"].astype(str):
        rolling = run.ic[name].reindex(run.returns.index).rolling(WINDOW, min_periods=WINDOW // 2)
        mean = rolling.mean()  # overlapping outcomes leave fewer independent dates
        error = rolling.std() / np.sqrt((rolling.count() / horizon).clip(lower=1.0))
        edge = {"line": {"width": 0}, "hoverinfo": "skip"}
        low, high = (
            {**line((mean + side * error).to_numpy(), "", COLORS[0], WEEK), **edge}
            for side in (-2, 2)
        )
        high |= {"fill": "tonexty", "fillcolor": "rgba(59,130,196,.18)"}
        parts[name] = [low, high, line(mean.to_numpy(), name, COLORS[0], WEEK)]
    data, layout = choice(parts)
    layout |= {"yaxis": {"title": {"text": "rank IC"}, "zeroline": True}, "showlegend": False}
    note = (
        f"Mean over {WINDOW} bars of the rank correlation with the return of the next "
        f"{run.horizon}; band: two standard errors, for overlapping returns."
    )
    return figure("ic", "Rank IC", note, "ic", data, layout)


def decay(run: Run) -> Figure:
    """Rank IC by horizon."""
    data = []
    grouped = run.decay.groupby("name", sort=False, observed=True)
    for (name, rows), color in zip(grouped, COLORS * len(grouped), strict=False):
        trace = {
            "type": "scatter",
            "mode": "lines+markers",
            "name": escape_tags(str(name)),
            "x": [str(days) for days in rows["days"]],
            "y": numbers(rows["rank_ic"].to_numpy(float)),
            "line": {"color": color, "width": 1.5},
        }
        if name == "mf_score":
            trace["error_y"] = whiskers(rows["standard_error"].to_numpy(float))
        data.append(trace)
    layout = {
        "xaxis": {"title": {"text": "bars held"}, "type": "category"},
        "yaxis": {"title": {"text": "rank IC"}, "zeroline": True},
    }
    note = (
        f"Mean rank correlation with the return over the next {_join(HORIZONS)} bars, on every "
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
        [heat([*map(escape_tags, names)], names, values, "z.2f", 1.0)],
        heat_layout(),
        height=max(340, 120 + 30 * len(names)),
    )


def persistence(run: Run) -> Figure:
    """Rank autocorrelation by lag; coverage stands in the table."""
    names = run.persistence["name"].astype(str).tolist()
    data = [
        bars(names, run.persistence[f"rank_autocorrelation_{lag}d"].to_numpy(float), words, color)
        for lag, words, color in zip(LAGS, ("1 bar", "20 bars"), COLORS, strict=False)
    ]
    layout = {
        "barmode": "group",
        "xaxis": {"type": "category"},
        "yaxis": {"title": {"text": "rank autocorrelation"}},
    }
    note = "Correlation of a date's ranks with those n dates before: low costs turnover."
    return figure("persistence", "Persistence", note, "persistence", data, layout)


def coverage(run: Run) -> Figure:
    """Share of the members with a value, over time."""
    names = run.persistence["name"].astype(str).tolist()
    lines = [
        line(run.coverage[name].to_numpy(float), name, color, WEEK)
        for name, color in zip(names, COLORS * len(names), strict=False)
    ]
    axis = {"title": {"text": "share of bars"}, "tickformat": ".0%", "range": [0.0, 1.05]}
    note = "Share of the universe's bars on each date for which there is a value."
    return figure("coverage", "Coverage", note, "coverage", lines, {"yaxis": axis})


def tables(run: Run) -> list[dict[str, Any]]:
    """Score and factors: what they know, how long, and what their quantiles earned."""
    return [
        _factors(run.metrics.evidence),
        _lasting(run.persistence),
        quantiles.spreads(run),
        quantiles.tenths(run),
        _breakdown(run),
    ]


def _join(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers[:-1])) + f" and {numbers[-1]}"


def _factors(made: Mapping[str, Evidence]) -> dict[str, Any]:
    rows = [
        [
            name,
            number(row.rank_ic_mean, ".4f"),
            number(row.rank_ic_se, ".4f"),
            number(row.rank_ic_t, ".1f"),
            number(row.ic_mean, ".4f"),
            number(row.icir, ".3f"),
            number(row.hit_rate, ".1%"),
            number(row.n_dates, ".0f"),
            number(row.coverage, ".1%"),
        ]
        for name, row in made.items()
    ]
    head = ["factor", "rank IC", "std. error", "t", "IC", "ICIR per date", "dates above 0"]
    head += ["dates", "coverage"]
    head, rows, note = add_p(head, rows, [row.rank_ic_p for row in made.values()], at=4)
    return table("Score and factors", "metrics.json", head, rows, note=note)


def _breakdown(run: Run) -> dict[str, Any]:
    """Where the score knew something; the parts in which it had no rank IC are left out."""
    every = run.breakdown
    parts = every[(every["name"] == "mf_score") & every["rank_ic"].notna()]
    rows = [
        [
            str(row["by"]),
            str(row["part"]),
            number(row["rank_ic"], ".4f"),
            number(row["standard_error"], ".4f"),
            number(row["t"], ".1f"),
            number(row["dates"], ".0f"),
        ]
        for _, row in parts.iterrows()
    ]
    head = ["by", "part", "rank IC", "std. error", "t", "dates"]
    head, rows, note = add_p(head, rows, parts["p"].tolist(), at=5, keys=2)
    more = "Forecasts and factors stand in the file as well."
    title = "Rank IC of the score by sector, size, regime and year"
    note = f"{note} {more}".strip()
    return table(title, "breakdown.parquet", head, rows, note=note, folded=True)


def _lasting(persistence: pd.DataFrame) -> dict[str, Any]:
    rows = [
        [
            str(row["name"]),
            *(number(row[f"rank_autocorrelation_{lag}d"], ".3f") for lag in LAGS),
            number(row["coverage"], ".1%"),
        ]
        for _, row in persistence.iterrows()
    ]
    head = ["factor", *(f"after {spell_count(lag)}" for lag in LAGS), "coverage of bars"]
    return table("Rank autocorrelation and coverage", "persistence.parquet", head, rows)
