"""Figures of what the account held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.report.plot import COLORS, WEEK, Figure, figure, line

if TYPE_CHECKING:
    from engine.report import Run

SECTORS = 12  # lines that one figure can hold


def figures(run: Run) -> list[Figure]:
    """Target against realised gross, concentration, and sectors where there are any."""
    made = [gross(run), concentration(run)]
    return made if run.sectors.empty else [*made, sectors(run)]


def gross(run: Run) -> Figure:
    """Realised against target gross exposure."""
    names = {"gross": "realised", "target_gross": "target"}
    lines = [
        line(run.positions[name].to_numpy(float), words, color, WEEK)
        for (name, words), color in zip(names.items(), COLORS, strict=False)
    ]
    layout = {"yaxis": {"title": {"text": "fraction of equity"}, "tickformat": ".0%"}}
    note = "Long plus short. They part by drift between decisions, missing bars, and lack of cash."
    return figure("gross", "Realised and target gross", note, "positions", lines, layout)


def concentration(run: Run) -> Figure:
    """Effective number of names."""
    values = run.positions["effective_names"].to_numpy(float)
    lines = [line(values, "effective names", COLORS[0], WEEK)]
    layout = {"yaxis": {"title": {"text": "names"}, "rangemode": "tozero"}, "showlegend": False}
    note = "(Σ|w|)² / Σw²: how many positions of equal size would be as concentrated."
    return figure("concentration", "Effective number of names", note, "positions", lines, layout)


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
    layout = {"yaxis": {"title": {"text": "fraction of equity"}, "tickformat": ".0%"}}
    return figure("sectors", "Sectors", note, "sectors", lines, layout)
