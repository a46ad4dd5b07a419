"""Figures that show one name at a time, chosen from a list above the plot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.report.plot import Figure, escape_tags

INK, GROUND = "#1c2430", "#e8edf2"  # on either of the page's grounds: plotly's hover is light
LEGEND = -0.12  # below the plot, in its heights: under the dates


def choice(parts: Mapping[str, list[Figure]]) -> tuple[list[Figure], dict[str, Any]]:
    """Traces of every name, the first one's shown, and the layout with the list.

    The legend goes below the plot, out of the list's way.
    """
    first = next(iter(parts), "")
    traces = [{**trace, "visible": name == first} for name, made in parts.items() for trace in made]
    buttons = [
        {
            "label": escape_tags(name),
            "method": "restyle",
            "args": [{"visible": [name == other for other, made in parts.items() for _ in made]}],
        }
        for name in parts
    ]
    menu = {
        "buttons": buttons,
        "x": 0,
        "xanchor": "left",
        "y": 1,
        "yanchor": "bottom",
        "pad": {"b": 6},
        "bgcolor": GROUND,
        "bordercolor": GROUND,
        "font": {"color": INK},
    }
    layout = {
        "updatemenus": [menu],
        "margin": {"l": 56, "r": 12, "t": 44, "b": 44},
        "legend": {"orientation": "h", "x": 0, "y": LEGEND, "yanchor": "top"},
    }
    return traces, layout
