"""Figures of the returns over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.report.plot import (
    COLORS,
    WEEK,
    Figure,
    bars,
    figure,
    find_step,
    heat,
    heat_layout,
    line,
)
from engine.study import WINDOW, monthly, rolling, tail

if TYPE_CHECKING:
    from engine.report.active import Run

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
BINS = 60


def figures(run: Run) -> list[Figure]:
    """Rolling Sharpe ratio, volatility and beta; the distribution of returns; months."""
    return [*over_time(run), distribution(run), months(run)]


def over_time(run: Run) -> list[Figure]:
    """One figure each, over the rows of a window before each date."""
    made = rolling(*(run.returns[name] for name in ("net", "benchmark", "risk_free")))
    words = {
        "sharpe": ("Rolling Sharpe ratio", "per year", ".1f"),
        "volatility": ("Rolling volatility", "per year", ".0%"),
        "beta": ("Rolling beta to the market", "slope", ".2f"),
    }
    every = WEEK * find_step(len(made))
    note = f"Of net returns over the {WINDOW} bars before; one point in {every} bars."
    return [
        figure(
            name,
            title,
            note,
            "returns",
            [line(made[name].to_numpy(float), name, COLORS[0], WEEK)],
            {"yaxis": {"title": {"text": unit}, "tickformat": form}, "showlegend": False},
        )
        for name, (title, unit, form) in words.items()
    ]


def months(run: Run) -> Figure:
    """Return of each month, the first year on top."""
    made = monthly(run.returns["net"])
    values = made.to_numpy(float) * 100.0
    known = np.abs(values[np.isfinite(values)])
    limit = float(np.quantile(known, 0.95)) if len(known) else 0.0
    cells = heat(MONTHS, [str(year) for year in made.index], values, "z.1f", limit or 1.0)
    margin = {"margin": {"l": 40, "r": 4, "t": 24, "b": 8}}
    layout = {**heat_layout("top"), **margin}
    height = 60 + 28 * len(made)
    note = "Compounded net return of each month, in percent; blue gained, orange lost."
    return figure("months", "Monthly returns", note, "returns", [cells], layout, height)


def distribution(run: Run) -> Figure:
    """Histogram of the rows' net returns, with the tail in words."""
    net = run.returns["net"].to_numpy(float)
    counts, edges = np.histogram(net[np.isfinite(net)] * 100.0, bins=BINS)
    centres = [float(f"{x:.4g}") for x in (edges[1:] + edges[:-1]) / 2.0]
    layout = {
        "xaxis": {"title": {"text": "net return of a bar (%)"}},
        "yaxis": {"title": {"text": "bars"}},
        "bargap": 0.05,
        "showlegend": False,
    }
    worst, mean = tail(net)
    note = "Net returns of the bars since the first position."
    if np.isfinite(worst):
        note += (
            f" VaR 5%: on one bar in twenty it returned {worst:.2%} or less; ES 5%: on those "
            f"bars {mean:.2%} on average."
        )
    data = [bars(centres, counts.astype(float), "bars", COLORS[0])]
    return figure("distribution", "Distribution of returns", note, "returns", data, layout)
