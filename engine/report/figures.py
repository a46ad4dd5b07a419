"""Figures as plain data for plotly.js, which the page draws in the reader's colours.

Lines carry no dates: all of them are over the dates of ``returns``, which the page holds once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from engine.core.panel import FloatArray
from engine.report import history, holdings, knowledge, model
from engine.report.plot import COLORS, Figure, days, figure, find_step, growth_axis, line
from engine.study import find_likeliest, growth

if TYPE_CHECKING:
    from engine.report.active import Run

SHADES = ("rgba(42,157,118,.10)", "rgba(224,138,30,.12)", "rgba(201,93,74,.16)")
TURNOVER_WINDOW = 63  # bars: a window of a month would beat against monthly trading
DASHES = ("solid", "dash", "dot", "dashdot")


def figures(run: Run) -> list[Figure]:
    """Every figure of the page: ``id``, ``title``, ``note``, ``artifact``, ``data``, ``layout``."""
    return [
        equity(run),
        *history.figures(run),
        *knowledge.figures(run),
        *model.figures(run),
        exposures(run),
        turnover(run),
        costs(run),
        *holdings.figures(run),
    ]


def equity(run: Run) -> Figure:
    """Growth of 1 net, gross and of the market, with the drawdown; shaded by regime."""
    returns = run.returns
    grown = {name: wealth(returns[name]) for name in ("net", "gross", "benchmark")}
    names = {"benchmark": "equal-weighted market"}
    lines = [
        line(values, names.get(name, name), color)
        for (name, values), color in zip(grown.items(), COLORS, strict=False)
    ]
    lost = line(drawdown(grown["net"]), "drawdown, net", COLORS[0])
    lines.append({**lost, "yaxis": "y2", "fill": "tozeroy", "showlegend": False})
    layout = {
        "xaxis": {"anchor": "y2"},  # below the drawdown
        "yaxis": {
            "title": {"text": "growth of 1, log scale"},
            "domain": [0.32, 1.0],
            **growth_axis(lines[:-1]),
        },
        "yaxis2": {"title": {"text": "drawdown"}, "domain": [0.0, 0.25], "tickformat": ".0%"},
        "shapes": shading(run.regimes),
    }
    states = ", ".join(map(str, run.regimes.columns))
    note = f"Shaded by the likeliest regime, from calm to turbulent: {states}."
    one = find_step(len(returns))
    if one > 1:
        note += f" Lines of every bar show one in {one}; the files hold all."
    return figure("equity", "Equity and drawdown", note, "returns, regimes", lines, layout, 480)


def exposures(run: Run) -> Figure:
    """Long, short, gross and net exposure."""
    long, short = (run.returns[name].to_numpy(float) for name in ("long", "short"))
    series = {"long": long, "short": -short, "gross": long + short, "net": long - short}
    lines = [
        line(values, name, color)
        for (name, values), color in zip(series.items(), COLORS, strict=False)
    ]
    layout = {"yaxis": {"title": {"text": "fraction of equity"}, "tickformat": ".0%"}}
    return figure("exposure", "Exposure", "Realised, at each close.", "returns", lines, layout)


def turnover(run: Run) -> Figure:
    """Mean turnover per bar."""
    mean = run.returns["turnover"].rolling(TURNOVER_WINDOW).mean()
    lines = [line(mean.to_numpy(float), "turnover", COLORS[0])]
    layout = {"yaxis": {"title": {"text": "of equity per bar"}, "tickformat": ".0%"}}
    note = f"Two-way, mean over {TURNOVER_WINDOW} bars."
    return figure("turnover", "Turnover", note, "returns", lines, layout)


def costs(run: Run) -> Figure:
    """Costs by component, added up since the start."""
    lines: list[Figure] = []
    paid = sorted(str(name) for name in run.returns.columns if str(name).startswith("cost_"))
    names = [*paid, "delisting"]
    for name, color in zip(names, COLORS * len(names), strict=False):
        total = np.cumsum(np.nan_to_num(run.returns[name].to_numpy(float))) * 1e4
        made = line(total, name.removeprefix("cost_"), color)
        made["line"]["dash"] = DASHES[len(lines) % len(DASHES)]  # equal ones hide one another
        lines.append(made)
    layout = {"yaxis": {"title": {"text": "bps of equity"}}}
    note = "Sum of each bar's cost, and of what was lost on delistings; below zero: received."
    return figure("costs", "Cumulative costs", note, "returns", lines, layout)


def wealth(returns: pd.Series[float]) -> FloatArray:
    """Growth of 1; a missing return is a row without one, and nothing is left after ruin."""
    return growth(returns.to_numpy(np.float64))


def drawdown(growth: FloatArray) -> FloatArray:
    """Loss since the highest value so far, from a start of 1; <= 0."""
    lost: FloatArray = growth / np.maximum(np.maximum.accumulate(growth), 1.0) - 1.0
    return lost


def shading(regimes: pd.DataFrame) -> list[Figure]:
    """One rectangle for each stay in a regime."""
    return [
        {
            "type": "rect",
            "xref": "x",
            "yref": "paper",
            "x0": start,
            "x1": stop,
            "y0": 0,
            "y1": 1,
            "fillcolor": shade,
            "line": {"width": 0},
            "layer": "below",
        }
        for start, stop, shade in stays(regimes)
    ]


def stays(regimes: pd.DataFrame) -> list[tuple[str, str, str]]:
    """First day, first day after (or the last day) and shade of each stay in a regime."""
    values = regimes.to_numpy(np.float64)
    if not values.size:
        return []
    state = find_likeliest(values)
    starts = np.flatnonzero(np.diff(state, prepend=-2))
    x, last = days(regimes.index), max(values.shape[1] - 1, 1)
    out = []
    for start, stop in zip(starts, [*starts[1:], -1], strict=True):
        if state[start] >= 0:
            shade = SHADES[round(state[start] / last * (len(SHADES) - 1))]
            out.append((x[start], x[stop], shade))
    return out
