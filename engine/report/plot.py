"""Plain data for plotly.js: figures, traces, numbers and dates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from engine.core.panel import FloatArray

Figure = dict[str, Any]
# Readable on white and on near-black; told apart by the colour-blind (after Okabe & Ito 2008).
COLORS = ("#3b82c4", "#e08a1e", "#2a9d76", "#c2568f", "#8a7fd1", "#b08968", "#5aa9b5", "#c95d4a")
WEEK = 5  # bars, a week of days: enough for a line that a window of months has smoothed
POINTS = 2600  # of a line: ten years of days, and more than a screen has pixels

FEW = 3  # ticks that plotly is asked for: below a decade it makes more, at 1, 2 and 5 up to two


def figure(
    name: str,
    title: str,
    note: str,
    artifact: str,
    data: list[Figure],
    layout: Figure,
    height: int = 340,
) -> Figure:
    """One figure, its height in px, and the artifacts it was drawn from (no ending: parquet)."""
    files = ", ".join(f if "." in f else f"{f}.parquet" for f in artifact.split(", "))
    spec = {"data": data, "layout": layout}
    words = {"id": name, "title": title, "note": note, "artifact": files}
    return {**words, "spec": spec, "height": height}


def growth_axis(lines: Sequence[Figure]) -> Figure:
    """A logarithmic axis for some lines: ticks in whole numbers, each decade where there are many.

    Plotly chooses them, so that there are more when a reader looks closer.
    """
    values = [v for trace in lines for v in trace["y"] if v is not None and v > 0.0]
    decades = float(np.log10(max(values) / min(values))) if values else 0.0
    ticks = FEW if decades < 2.0 else int(decades) + 2
    return {"type": "log", "nticks": ticks, "tickformat": ",~r"}


def escape_tags(text: str) -> str:
    """Text as it stands: plotly would read tags in it."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def line(y: FloatArray, name: str, color: str, every: int = 1) -> Figure:
    """A line over the dates of the page, or over every n-th of them, up to the last.

    `meta` tells the page which dates. A long run is thinned, or its page would be too large.
    """
    every *= find_step(len(y))
    shown = y[(len(y) - 1) % every :: every] if len(y) else y
    trace = {
        "type": "scatter",
        "mode": "lines",
        "name": escape_tags(name),
        "meta": every,
        "y": numbers(shown),
    }
    return {**trace, "line": {"color": color, "width": 1.5}}


def find_step(dates: int) -> int:
    """One bar in how many a line shows: all up to `POINTS`."""
    return max(-(-dates // POINTS), 1)


def numbers(values: FloatArray) -> list[float | None]:
    """Six significant digits, null for NaN: half the page's size, nothing the eye could see."""
    return [float(f"{v:.6g}") if np.isfinite(v) else None for v in values.tolist()]


def days(index: pd.Index[Any]) -> list[str]:
    """ISO dates, with their times where there are any."""
    dates = pd.DatetimeIndex(index)
    form = "%Y-%m-%d" if (dates == dates.normalize()).all() else "%Y-%m-%d %H:%M"
    return [str(day) for day in dates.strftime(form)]


def bars(x: list[Any], y: FloatArray, name: str, color: str) -> Figure:
    """Bars of one colour."""
    x = [escape_tags(place) if isinstance(place, str) else place for place in x]
    return {
        "type": "bar",
        "name": escape_tags(name),
        "x": x,
        "y": numbers(y),
        "marker": {"color": color},
    }


def whiskers(error: FloatArray) -> Figure:
    """Error bars of one standard error."""
    return {
        "type": "data",
        "array": numbers(error),
        "thickness": 1,
        "width": 2,
        "color": "#8a93a0",  # readable on both grounds
    }


def heat_layout(side: str = "bottom") -> Figure:
    """Rows from the first on top; no zoom, which on a phone would catch the finger."""
    axis = {"type": "category", "showgrid": False, "fixedrange": True}
    return {
        "xaxis": {**axis, "side": side},
        "yaxis": {**axis, "autorange": "reversed", "dtick": 1},
        "hovermode": "closest",
    }


def heat(x: list[Any], y: list[str], z: FloatArray, form: str, limit: float) -> Figure:
    """Cells from orange (-limit) by the page's own ground (0) to blue (limit), with their text.

    Names in `x` have passed `escape_tags`, for it may hold breaks of ours.
    """
    text = [["" if not np.isfinite(v) else format(v, form) for v in row] for row in z.tolist()]
    scale = [[0.0, "rgba(224,138,30,.85)"], [0.5, "rgba(128,128,128,.04)"]]
    return {
        "type": "heatmap",
        "x": x,
        "y": [escape_tags(row) for row in y],
        "z": [numbers(row) for row in z],
        "text": text,
        "texttemplate": "%{text}",
        "hovertemplate": "%{y}, %{x}: %{text}<extra></extra>",
        "colorscale": [*scale, [1.0, "rgba(59,130,196,.85)"]],
        "zmin": -limit,
        "zmax": limit,
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
    }
