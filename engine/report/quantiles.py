"""Figures and table of the quantiles: what each earned, by time and regime, and who changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from engine.core.panel import FloatArray
from engine.report.cells import add_p, number, spell_count, table
from engine.report.menu import choice
from engine.report.plot import (
    COLORS,
    WEEK,
    Figure,
    bars,
    figure,
    growth_axis,
    heat,
    heat_layout,
    line,
    whiskers,
)
from engine.study import COLUMNS, NEWCOMER_LAGS, MeanTest, growth, newey_west_t, overlap_lags

if TYPE_CHECKING:
    from engine.report.active import Run

FAN = ("#e08a1e", "#d9ae74", "#98a2ae", "#7fa9d1", "#3b82c4")  # lowest to highest
EVERYONE = "#8a7fd1"
BAND = "rgba(59,130,196,.14)"
HELD = (
    "Quantiles of each close, equal-weighted, bought one close later and held for one bar, so that "
    "no bar counts twice; without costs"
)


def figures(run: Run) -> list[Figure]:
    """Returns by quantile, and by regime; growth, top minus bottom, and newcomers.

    None when no date has as many names as there are quantiles.
    """
    if not run.quantile_returns["q1"].notna().any():
        return []
    return [means(run), regimes(run), fan(run), spread(run), newcomers(run)]


def means(run: Run) -> Figure:
    """Mean forward return of each bucket, per score and factor."""
    data = []
    grouped = run.quantiles.groupby("name", sort=False, observed=True)
    for (name, rows), color in zip(grouped, COLORS * len(grouped), strict=False):
        mean, error = (rows[key].to_numpy(float) * 1e4 for key in ("mean", "standard_error"))
        made = bars([int(q) for q in rows["quantile"]], mean, str(name), color)
        data.append({**made, "error_y": whiskers(error)})
    layout = {
        "barmode": "group",
        "xaxis": {"title": {"text": "quantile (1 = lowest values)"}, "dtick": 1},
        "yaxis": {"title": {"text": "mean forward return (bps)"}},
    }
    note = (
        f"Equal-weighted mean return over the next {run.horizon}; whiskers: one "
        "standard error. A factor with a negative direction should fall from left to right."
    )
    return figure("quantiles", "Returns by quantile", note, "quantiles", data, layout, 400)


def fan(run: Run) -> Figure:
    """Growth of 1 in each quantile."""
    parts = {}
    for name, rows in _daily(run).items():
        words = ("1 (lowest)", "2", "3", "4", "5 (highest)")
        lines = [
            line(_growth(rows[key]), word, color, WEEK)
            for key, word, color in zip(COLUMNS, words, FAN, strict=True)
        ]
        everyone = line(_growth(rows["all"]), "all", EVERYONE, WEEK)
        everyone["line"] = {"color": EVERYONE, "width": 1, "dash": "dot"}
        parts[name] = [*lines, everyone]
    data, layout = choice(parts)
    layout["yaxis"] = {"title": {"text": "growth of 1, log scale"}, **growth_axis(data)}
    note = f"{HELD}. Quantiles that know something part, and keep their order."
    return figure("fan", "Growth by quantile", note, "quantile_returns", data, layout, 400)


def spread(run: Run) -> Figure:
    """Top minus bottom, added up, with what chance would make of it."""
    parts = {}
    for name, rows in _daily(run).items():
        values, test = _spread(rows)
        added: FloatArray = np.cumsum(np.nan_to_num(values.to_numpy(np.float64)))
        days = np.cumsum(values.notna().to_numpy()).astype(float)
        edge = 100.0 * test.margin * np.sqrt(days * days[-1]) if len(days) else days
        thin = {"line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
        low, high = (line(made, "", COLORS[0], WEEK) for made in (-edge, edge))
        label = (
            f"5 minus 1: {number(test.mean * 1e4, '.2f')} bps a bar (t = {number(test.t, '.1f')})"
        )
        middle = line(100.0 * _blank_until_known(values, added), label, COLORS[0], WEEK)
        filled = {"fill": "tonexty", "fillcolor": BAND}
        parts[name] = [{**low, **thin}, {**high, **thin, **filled}, middle]
    data, layout = choice(parts)
    layout |= {"yaxis": {"title": {"text": "sum (%)"}, "zeroline": True}, "showlegend": True}
    note = (
        "Highest less lowest quantile, bars added up, not compounded. Band: where 95% of the "
        "sums of as many bars would end by chance (Newey & West). "
        "A factor with a negative direction should fall."
    )
    return figure("spread", "Top minus bottom", note, "quantile_returns", data, layout, 400)


def regimes(run: Run) -> Figure:
    """Mean forward return of each quantile, per regime."""
    parts: dict[str, list[Figure]] = {}
    grouped = run.regime_quantiles.groupby(["name", "regime"], sort=False, observed=True)
    states = list(dict.fromkeys(run.regime_quantiles["regime"].astype(str)))
    colors = dict(zip(states, COLORS * len(states), strict=False))
    for (name, state), rows in grouped:
        mean, error = (rows[key].to_numpy(float) * 1e4 for key in ("mean", "standard_error"))
        label = f"{state} ({int(rows['dates'].max())} dates)"
        made = bars([int(q) for q in rows["quantile"]], mean, label, colors[str(state)])
        parts.setdefault(str(name), []).append({**made, "error_y": whiskers(error)})
    data, layout = choice(parts)
    layout |= {
        "barmode": "group",
        "xaxis": {"title": {"text": "quantile (1 = lowest values)"}, "dtick": 1},
        "yaxis": {"title": {"text": "mean forward return (bps)"}},
        "legend": {**layout["legend"], "y": -0.24},  # under the axis title too
        "showlegend": True,
    }
    note = (
        f"Mean return over the next {run.horizon} after closes with each likeliest "
        "regime; whiskers: one standard error."
    )
    title = "Returns by quantile and regime"
    return figure("regime_quantiles", title, note, "regime_quantiles", data, layout, 400)


def newcomers(run: Run) -> Figure:
    """Share of the names in the top and bottom quantile that are new there."""
    names = run.persistence["name"].astype(str).tolist()
    words = {"top": "high", "bottom": "low"}  # short: six columns on a phone
    columns = {
        f"{end}_new_{lag}d": f"{words[end]}<br>{spell_count(lag)}"
        for end in words
        for lag in NEWCOMER_LAGS
    }
    values = run.persistence[list(columns)].to_numpy(float)
    cells = heat(list(columns.values()), names, values, ".0%", 1.0)
    layout = heat_layout()
    layout["xaxis"] |= {"tickangle": 0}
    note = (
        "Share of the names in the highest and the lowest quantile that were not in it that "
        "number of bars before; mean over all dates."
    )
    height = max(300, 120 + 30 * len(names))
    title = "Turnover of the quantiles"
    return figure("newcomers", title, note, "persistence", [cells], layout, height)


def spreads(run: Run) -> dict[str, Any]:
    """Table of what top minus bottom earned, and of who changed."""
    columns = [f"{end}_new_{lag}d" for end in ("top", "bottom") for lag in NEWCOMER_LAGS]
    shares = run.persistence[columns].to_numpy(float).tolist()
    rows, values = [], []
    for (name, days), turned in zip(_daily(run).items(), shares, strict=True):
        _, test = _spread(days)
        values.append(test.p)
        earned = [number(value * 1e4, ".2f") for value in (test.mean, test.standard_error)]
        rows.append([name, *earned, number(test.t, ".1f"), *(number(v, ".1%") for v in turned)])
    head = ["factor", "5 minus 1 (bps a bar)", "std. error", "t"]
    head += [f"{end} {lag}" for end in ("high", "low") for lag in NEWCOMER_LAGS]
    files = "quantile_returns.parquet, persistence.parquet"
    head, rows, note = add_p(head, rows, values, at=4)
    new = "high 1: share of the names in the highest quantile that were not in it 1 bar before."
    note = f"{note} {new}".strip()
    return table("Quantile spread, and share of new names", files, head, rows, note=note)


def tenths(run: Run) -> dict[str, Any]:
    """Table of what the highest tenth earned more than the lowest, over the horizon."""
    made = run.deciles
    rows = [
        [
            str(row["name"]),
            number(row["spread"] * 1e4, ".1f"),
            number(row["standard_error"] * 1e4, ".1f"),
            number(row["t"], ".1f"),
            number(row["buckets"], ".0f"),
            number(row["dates"], ".0f"),
        ]
        for _, row in made.iterrows()
    ]
    head = ["factor", "highest less lowest (bps)", "std. error", "t", "buckets", "dates"]
    head, rows, note = add_p(head, rows, made["p"].tolist(), at=4)
    title = f"Highest less lowest tenth, over {run.horizon}"
    return table(title, "deciles.parquet", head, rows, note=note, folded=True)


def _daily(run: Run) -> dict[str, pd.DataFrame]:
    grouped = run.quantile_returns.groupby("name", sort=False, observed=True)
    rows = {str(name): made for name, made in grouped}
    return {name: rows[name] for name in run.persistence["name"].astype(str)}


def _growth(returns: pd.Series[float]) -> FloatArray:
    return _blank_until_known(returns, growth(returns.to_numpy(np.float64)))


def _blank_until_known(returns: pd.Series[float], total: FloatArray) -> FloatArray:
    """A total over time, from the first known return on; nothing where there never was one."""
    started: FloatArray = np.where(np.logical_or.accumulate(returns.notna()), total, np.nan)
    return started


def _spread(rows: pd.DataFrame) -> tuple[pd.Series[float], MeanTest]:
    values = rows[COLUMNS[-1]] - rows[COLUMNS[0]]
    return values, newey_west_t(values.to_numpy(float), overlap_lags(1))
