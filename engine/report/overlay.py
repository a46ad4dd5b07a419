"""A comparison as text for a terminal, and as a page with the equity curves over one another."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.core.panel import FloatArray
from engine.report.comparison import METRICS, UNITS, Comparison
from engine.report.figures import DASHES, drawdown, wealth
from engine.report.library import pack
from engine.report.plot import COLORS, Figure, days, figure, growth_axis, line
from engine.report.templates import environment

WIDEST = 6  # configuration keys that a terminal has room for; all that were typed are shown
NAMED = 12  # more keys that are named below the table
LONGEST = 36  # characters of a cell on a terminal
LEGEND = 60  # characters of a legend
POINTS = 12_000  # per curve and run together: keeps a page below 3 MB


def comparison_text(comparison: Comparison) -> str:
    """What ``engine compare`` prints."""
    swept, others = comparison.find_swept(), comparison.others()
    columns = [["run", *comparison.labels], *([key, *row] for key, row in swept.items())]
    left = len(columns)
    cells = zip(*comparison.rows(), strict=True)
    columns += [[head, *values] for head, values in zip(METRICS, cells, strict=True)]
    right = len(columns)
    shown = list(others)[: max(WIDEST - len(swept), 0)]
    columns += [[key, *others[key]] for key in shown]
    columns = [[_short(cell) for cell in column] for column in columns]
    widths = [max(map(len, column)) for column in columns]
    lines = [
        "  ".join(
            cell.rjust(width) if left <= index < right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in zip(*columns, strict=True)
    ]
    lines += ["", UNITS]
    rest = list(others)[len(shown) :]
    if rest:
        named = ", ".join(rest[:NAMED]) + (", …" if len(rest) > NAMED else "")
        lines.append(f"{len(rest)} more keys differ, all on the page of --out: {named}")
    for label, day in comparison.find_bankrupt().items():
        lines.append(f"BANKRUPT on {day}: {label}; nothing after it counts")
    simulated = comparison.find_simulated()
    if simulated:
        lines.append(
            f"SIMULATED data ({', '.join(simulated)}): none of this says anything about a real "
            "market"
        )
    return "\n".join([*lines, *comparison.notes()])


def draw_comparison(comparison: Comparison, target: Path) -> None:
    """Write the page: it needs no network, and the same artifacts give the same page."""
    swept, others = comparison.find_swept(), comparison.others()
    columns = [comparison.labels, *swept.values()]
    columns += [list(column) for column in zip(*comparison.rows(), strict=True)]
    columns += others.values()
    table = {
        "title": "Side by side",
        "artifact": "metrics.json, manifest.json, returns.parquet and ic.parquet of each run. "
        + UNITS,
        "head": ["run", *swept, *METRICS, *others],
        "rows": [list(row) for row in zip(*columns, strict=True)],
    }
    kept = _choose_rows(comparison)
    html = (
        environment()
        .get_template("compare.html.j2")
        .render(
            title=f"{len(comparison.runs)} runs compared",
            simulated=comparison.find_simulated(),
            bankrupt=comparison.find_bankrupt(),
            verdict=comparison.notes(),
            tables=[table],
            figures=[equity(comparison)],
            dates=days(comparison.dates[kept]),
            commands=[
                (label, run.manifest.command)
                for label, run in zip(comparison.labels, comparison.runs, strict=True)
            ],
            plotly=pack(),
        )
    )
    target.write_text(html, encoding="utf-8")


def equity(comparison: Comparison) -> Figure:
    """Growth of 1 net of each run over the common dates, with its drawdown."""
    kept = _choose_rows(comparison)
    lines: list[Figure] = []
    for index, (label, run) in enumerate(zip(comparison.legends(), comparison.runs, strict=True)):
        growth: FloatArray = wealth(run.returns.loc[comparison.dates, "net"])
        color = COLORS[index % len(COLORS)]
        dash = DASHES[index // len(COLORS) % len(DASHES)]
        for values, axis in ((growth, "y"), (drawdown(growth), "y2")):
            trace = line(values[kept], _short(label, LEGEND), color)
            trace["line"]["dash"] = dash
            shown = {"yaxis": axis, "legendgroup": label, "showlegend": axis == "y"}
            lines.append({**trace, **shown})
    layout = {
        "xaxis": {"anchor": "y2"},  # below the drawdown
        "yaxis": {
            "title": {"text": "growth of 1, log scale"},
            "domain": [0.32, 1.0],
            **growth_axis(lines[::2]),
        },
        "yaxis2": {"title": {"text": "drawdown"}, "domain": [0.0, 0.25], "tickformat": ".0%"},
    }
    note = "Net of costs, from 1 before the first common date."
    step = _step(comparison)
    if step > 1:
        note += f" One date in {step} is drawn; the drawdowns and the table count all."
    return figure("equity", "Equity and drawdown", note, "returns", lines, layout, 480)


def _choose_rows(comparison: Comparison) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Rows of the common dates that are drawn; the last one always is."""
    last = len(comparison.dates) - 1
    return np.arange(last, -1, -_step(comparison))[::-1]


def _step(comparison: Comparison) -> int:
    return max(1, -(-len(comparison.dates) * len(comparison.runs) // POINTS))


def _short(cell: str, longest: int = LONGEST) -> str:
    return cell if len(cell) <= longest else cell[: longest - 1] + "…"
