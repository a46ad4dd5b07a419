"""A run in a notebook: its summary as HTML without scripts, its equity as a plotly figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.report.figures import equity
from engine.report.plot import days, escape_tags
from engine.report.templates import environment
from engine.report.verdict import verdict
from engine.report.words import performance

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from engine.report.active import Run


def card(run: Run, folder: Path) -> str:
    """The summary that a notebook shows: everything in it is escaped."""
    return (
        environment()
        .get_template("card.html.j2")
        .render(
            title=run.bundle,
            simulated=run.manifest.simulated,
            bankrupt_on=run.manifest.bankrupt_on,
            source=run.manifest.source,
            folder=folder,
            verdict=verdict(run),
            table=performance(run.metrics.performance),
        )
    )


def plot(run: Run) -> Figure:
    """Equity and drawdown, from the first position on; the title says when data are simulated."""
    from plotly.graph_objects import Figure

    spec = equity(run)["spec"]
    dates = days(run.returns.index)
    simulated = "SIMULATED DATA — " if run.manifest.simulated else ""
    return Figure(
        data=[{"x": dates, **trace} for trace in spec["data"]],
        layout={**spec["layout"], "title": {"text": escape_tags(f"{simulated}{run.bundle}")}},
    )
