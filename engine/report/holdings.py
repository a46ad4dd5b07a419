"""Figures of what the account held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.report.plot import COLORS, WEEK, Figure, figure, line
from engine.study import BETA_WINDOW

if TYPE_CHECKING:
    from engine.report.active import Run

SECTORS = 12  # lines that one figure can hold
_SHARE = {"title": {"text": "fraction of equity"}, "tickformat": ".0%"}


def figures(run: Run) -> list[Figure]:
    """Target against realised, names held, concentration, beta, and sectors where known."""
    made = [gross(run), distance(run), count(run), concentration(run), beta(run)]
    return made if run.sectors.empty else [*made, sectors(run)]


def gross(run: Run) -> Figure:
    """Realised against target gross exposure."""
    names = {"gross": "realised", "target_gross": "target"}
    lines = [
        line(run.positions[name].to_numpy(float), words, color, WEEK)
        for (name, words), color in zip(names.items(), COLORS, strict=False)
    ]
    layout = {"yaxis": _SHARE}
    note = (
        "Long plus short. They part by drift between decisions, missing bars, the cap on orders, "
        "and lack of cash."
    )
    return figure("gross", "Realised and target gross", note, "positions", lines, layout)


def distance(run: Run) -> Figure:
    """How far the account was from its targets, in weight."""
    values = run.positions["target_distance"]
    lines = [line(values.to_numpy(float), "distance", COLORS[0], WEEK)]
    note = (
        "Σ |realised − target weight| at each close: 0 is as decided, 10% is a tenth of the "
        f"equity elsewhere; {values.mean():.1%} on average."
    )
    layout = {"yaxis": {**_SHARE, "rangemode": "tozero"}, "showlegend": False}
    title = "Distance from the target weights"
    return figure("distance", title, note, "positions", lines, layout)


def count(run: Run) -> Figure:
    """How many names were held."""
    lines = [
        line(sign * run.positions[f"{side}_names"].to_numpy(float), side, color, WEEK)
        for side, sign, color in zip(("long", "short"), (1.0, -1.0), COLORS, strict=False)
    ]
    layout = {"yaxis": {"title": {"text": "names"}, "rangemode": "tozero"}}
    note = "At each close; those sold short below zero."
    return figure("names", "Names held", note, "positions", lines, layout)


def concentration(run: Run) -> Figure:
    """Effective number of names."""
    values = run.positions["effective_names"].to_numpy(float)
    lines = [line(values, "effective names", COLORS[0], WEEK)]
    layout = {"yaxis": {"title": {"text": "names"}, "rangemode": "tozero"}, "showlegend": False}
    note = "(Σ|w|)² / Σw²: how many positions of equal size would be as concentrated."
    return figure("concentration", "Effective number of names", note, "positions", lines, layout)


def beta(run: Run) -> Figure:
    """What the book would have been expected to gain when the market gains 1."""
    lines = [line(run.positions["beta"].to_numpy(float), "beta", COLORS[0], WEEK)]
    note = (
        f"Σ weight × beta of each name, from its returns and the market's over the {BETA_WINDOW} "
        "bars up to then: what was known at each close, not what came after."
    )
    layout = {"yaxis": {"title": {"text": "beta"}, "zeroline": True}, "showlegend": False}
    return figure("book_beta", "Expected beta of the book", note, "positions", lines, layout)


def sectors(run: Run) -> Figure:
    """Net weight of the largest sectors."""
    order = run.sectors.groupby("sector")["gross"].sum().sort_values(kind="stable").index[::-1]
    wide = run.sectors.pivot(columns="sector", values="net")
    shown = [str(name) for name in order[:SECTORS]]
    lines = [
        line(wide[name].to_numpy(float), name, color, WEEK)
        for name, color in zip(shown, COLORS * 2, strict=False)
    ]
    note = "Net weight at each close, the largest by gross weight first."
    if len(order) > SECTORS:
        note += f" {len(order) - SECTORS} smaller ones are in the file alone."
    layout = {"yaxis": _SHARE}
    return figure("sectors", "Sectors", note, "sectors", lines, layout)
