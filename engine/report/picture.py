"""The pictures: the main figures as PNG, for places that show no page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from engine.core.text import escape
from engine.report.figures import drawdown, stays, wealth
from engine.report.plot import COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from engine.report.active import Run

# fixed: an engine of layouts draws each picture once more, to measure its labels
PLACE = {"left": 0.1, "right": 0.98, "bottom": 0.12, "top": 0.93, "hspace": 0.1}
WINDOW = 63  # bars, a quarter of days: rolling means of the IC


def pictures(run: Run, folder: Path) -> None:
    """Write ``report.png`` (1200 × 675 px) and ``report_{ic,quantiles,exposure,costs}.png``."""
    drawn = {"ic": ic, "quantiles": quantiles, "exposure": exposure, "costs": costs}
    _save(equity(run), folder / "report.png", dpi=150)
    for name, draw in drawn.items():
        _save(draw(run), folder / f"report_{name}.png", dpi=110)


def equity(run: Run) -> Figure:
    """Growth of 1 and the drawdown, shaded by the likeliest regime."""
    from matplotlib.ticker import LogLocator, NullFormatter

    states = ", ".join(map(str, run.regimes.columns))
    figure, (top, bottom) = _frame(run, f"shaded by regime ({states})", [3, 1])
    growth = {name: wealth(run.returns[name]) for name in ("net", "gross", "benchmark")}
    labels = {"benchmark": "equal-weighted market"}
    for (name, values), color in zip(growth.items(), COLORS, strict=False):
        top.plot(_dates(run), values, color=color, linewidth=1.2, label=labels.get(name, name))
    lost = drawdown(growth["net"]) * 100
    bottom.fill_between(_dates(run), lost, 0, color=COLORS[0], alpha=0.5, linewidth=0)
    _shade(run, top)
    top.set_ylabel("growth of 1, log scale")
    top.set_yscale("log")
    top.yaxis.set_major_locator(LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 5.0, 7.0)))
    top.yaxis.set_major_formatter("{x:g}")
    top.yaxis.set_minor_formatter(NullFormatter())
    bottom.set_ylabel("drawdown (%)")
    top.legend(loc="upper left", frameon=False, fontsize=9)
    return figure


def ic(run: Run) -> Figure:
    """Rolling mean of the score's rank IC, with two standard errors for overlap."""
    figure, (axes,) = _frame(run, f"rank IC of the score, mean over {WINDOW} bars", [1])
    daily = run.ic["mf_score"].reindex(run.returns.index)
    rolling = daily.rolling(WINDOW, min_periods=WINDOW // 2)
    mean = rolling.mean().to_numpy()
    horizon = max(run.metrics.horizon, 1)
    fewer = np.sqrt((rolling.count() / horizon).clip(lower=1.0)).to_numpy()
    error = 2.0 * rolling.std().to_numpy() / fewer
    x, words = _dates(run), "± 2 standard errors"
    axes.fill_between(
        x, mean - error, mean + error, color=COLORS[0], alpha=0.18, linewidth=0, label=words
    )
    axes.plot(x, mean, color=COLORS[0], linewidth=1.2, label="rank IC")
    axes.axhline(0.0, color="#5c6675", linewidth=0.8)
    axes.set_ylabel(f"rank IC, {run.horizon}")
    axes.legend(loc="upper left", frameon=False, fontsize=9)
    return figure


def quantiles(run: Run) -> Figure:
    """Mean forward return of each bucket of the score."""
    figure, (axes,) = _frame(run, "returns by quantile of the score", [1])
    rows = run.quantiles[run.quantiles["name"] == "mf_score"]
    mean, error = (rows[key].to_numpy(float) * 1e4 for key in ("mean", "standard_error"))
    axes.bar(rows["quantile"], mean, yerr=error, color=COLORS[0], ecolor="#5c6675", capsize=3)
    axes.set_xticks(rows["quantile"])
    axes.set_xlabel("quantile (1 = lowest score); whiskers: one standard error")
    axes.set_ylabel(f"mean return over {run.horizon} (bps)")
    return figure


def exposure(run: Run) -> Figure:
    """Long, short, gross and net."""
    figure, (axes,) = _frame(run, "exposure", [1])
    long, short = (run.returns[name].to_numpy(float) * 100 for name in ("long", "short"))
    series = {"long": long, "short": -short, "gross": long + short, "net": long - short}
    for (name, values), color in zip(series.items(), COLORS, strict=False):
        axes.plot(_dates(run), values, color=color, linewidth=1.0, label=name)
    axes.set_ylabel("% of equity")
    axes.legend(loc="upper left", frameon=False, fontsize=9, ncols=4)
    return figure


def costs(run: Run) -> Figure:
    """Costs by component and year, one on the other; below zero: received."""
    from matplotlib.ticker import MaxNLocator

    figure, (axes,) = _frame(run, "costs by year", [1])
    paid = run.returns.filter(regex="^cost_|^delisting$").fillna(0.0) * 1e4
    yearly = paid.groupby(pd.DatetimeIndex(paid.index).year).sum()
    top, low = np.zeros(len(yearly)), np.zeros(len(yearly))
    for name, color in zip(sorted(yearly.columns), COLORS * len(yearly.columns), strict=False):
        values = yearly[name].to_numpy(float)
        label = str(name).removeprefix("cost_")
        axes.bar(
            yearly.index, values, bottom=np.where(values < 0, low, top), color=color, label=label
        )
        top, low = top + np.maximum(values, 0.0), low + np.minimum(values, 0.0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel("bps of equity")
    axes.set_ylim(top=top.max() * 1.2 if top.any() else None)  # room for the legend
    axes.legend(loc="upper left", frameon=False, fontsize=9, ncols=4)
    return figure


def _frame(run: Run, what: str, heights: list[int]) -> tuple[Figure, list[Axes]]:
    """A figure with one panel above the other, and a title that says what is simulated."""
    from matplotlib.figure import Figure  # no pyplot: nothing global is touched

    figure = Figure(figsize=(8, 4.5))
    grid = figure.subplots(
        len(heights), 1, sharex=True, height_ratios=heights, squeeze=False, gridspec_kw=PLACE
    )
    panels = list(grid[:, 0])
    simulated = "SIMULATED DATA — " if run.manifest.simulated else ""
    title = escape(f"{simulated}{run.bundle}: {what}")
    # no parsing of "$…$" in names as mathematics
    panels[0].set_title(title, loc="left", fontsize=11, parse_math=False)
    for axes in panels:
        axes.grid(alpha=0.25)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    return figure, panels


def _save(figure: Figure, target: Path, dpi: int) -> None:
    figure.savefig(target, dpi=dpi, metadata={"Software": None})


def _dates(run: Run) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(run.returns.index).tz_localize(None)


def _shade(run: Run, axes: Axes) -> None:
    """One band for each stay in a regime, drawn together by shade."""
    spans: dict[str, list[tuple[float, float]]] = {}
    for start, stop, shade in stays(run.regimes):
        # matplotlib's dates are days since 1970
        first, last = np.array([start, stop], "datetime64[m]").astype(np.float64) / 1440.0
        spans.setdefault(shade, []).append((float(first), float(last - first)))
    place = axes.get_xaxis_transform()  # heights from 0 to 1, whatever the scale
    for shade, drawn in sorted(spans.items()):
        *ink, alpha = shade.removeprefix("rgba(").removesuffix(")").split(",")
        color = (*(int(part) / 255 for part in ink), float(alpha))
        axes.broken_barh(drawn, (0.0, 1.0), transform=place, color=color, linewidth=0)
