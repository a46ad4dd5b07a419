"""The picture: equity and drawdown, for places that show no page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from engine.report.figures import drawdown, wealth
from engine.report.plot import COLORS

if TYPE_CHECKING:
    from engine.report import Run


def picture(run: Run, target: Path) -> None:
    """Write the picture (PNG, 1200 × 675 px)."""
    from matplotlib.figure import Figure  # no pyplot: nothing global is touched
    from matplotlib.ticker import LogLocator, NullFormatter

    figure = Figure(figsize=(8, 4.5), dpi=150, layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    x = pd.DatetimeIndex(run.returns.index).tz_localize(None)
    growth = {name: wealth(run.returns[name]) for name in ("net", "gross", "benchmark")}
    labels = {"benchmark": "equal-weighted market"}
    for (name, values), color in zip(growth.items(), COLORS, strict=False):
        top.plot(x, values, color=color, linewidth=1.2, label=labels.get(name, name))
    bottom.fill_between(
        x, drawdown(growth["net"]) * 100, 0, color=COLORS[0], alpha=0.5, linewidth=0
    )
    simulated = "SIMULATED DATA — " if run.manifest["simulated"] else ""
    # no parsing of "$…$" in names as mathematics
    top.set_title(f"{simulated}{run.bundle}", loc="left", fontsize=11, parse_math=False)
    top.set_ylabel("growth of 1, log scale")
    top.set_yscale("log")
    top.yaxis.set_major_locator(LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 5.0, 7.0)))
    top.yaxis.set_major_formatter("{x:g}")
    top.yaxis.set_minor_formatter(NullFormatter())
    bottom.set_ylabel("drawdown (%)")
    top.legend(frameon=False, fontsize=9)
    for axes in (top, bottom):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(target, metadata={"Software": None})
