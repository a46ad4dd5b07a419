"""What a finished run prints: a few lines that a person reads first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.core.periods import Span, spell


def text(path: Path, metrics: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """The summary of one run; every number stands in ``metrics.json`` or ``manifest.json``."""
    source, performance = manifest["source"], metrics["performance"]
    lines = [
        f"{manifest['config']['bundle']['name']}: {source['symbols']} symbols, "
        f"{source['start']} to {source['end']}, source {source['name']}",
    ]
    if manifest["simulated"]:
        lines.append("SIMULATED data: none of this says anything about a real market")
    if manifest["bankrupt_on"]:
        lines.append(f"BANKRUPT on {manifest['bankrupt_on']}: nothing after it counts")
    if manifest["empty_factors"]:
        lines.append(f"without a single value: {', '.join(manifest['empty_factors'])}")
    lines += ["", f"{'':24s}{'net':>12s}{'gross':>12s}{'market':>12s}"]
    for label, key, form in _ROWS:
        cells = (performance[side][key] for side in ("net", "gross", "benchmark"))
        lines.append(f"{label:24s}" + "".join(f"{_number(cell, form):>12s}" for cell in cells))
    annual = metrics["annual"]
    if annual["rows"]:
        lines.append(f"per year: by {Span(annual['rows'], annual['years']).text()}")
    lines += ["", *_evidence(metrics), "", *_money(metrics), "", *_timings(manifest)]
    page = path / "report.html"
    lines += ["", f"report: {page if page.is_file() else path}"]
    return "\n".join(lines)


SEEN = 5e-4  # of the weight decided: less is not told at the prompt
NAMED = 8  # names in a line

_ROWS = (
    ("CAGR, per year", "cagr", ".2%"),
    ("volatility, per year", "volatility", ".2%"),
    ("Sharpe, per year", "sharpe", ".2f"),
    ("  standard error", "sharpe_se", ".2f"),
    ("max drawdown", "max_drawdown", ".2%"),
)


def sweep(done: Sequence[tuple[Sequence[str], Path, Mapping[str, Any]]]) -> str:
    """A table of a sweep's runs, one line each: overrides, folder and metrics."""
    lines = [f"{'Sharpe':>8s}{'± se':>8s}{'CAGR':>9s}{'rank IC':>9s}{'t':>6s}  overrides → folder"]
    for overrides, path, metrics in done:
        net, signal = metrics["performance"]["net"], metrics["signal"]
        lines.append(
            f"{_number(net['sharpe'], '.2f'):>8s}{_number(net['sharpe_se'], '.2f'):>8s}"
            f"{_number(net['cagr'], '.2%'):>9s}{_number(signal['rank_ic_mean'], '.4f'):>9s}"
            f"{_number(signal['rank_ic_t'], '.1f'):>6s}  {' '.join(overrides)} → {path}"
        )
    lines.append(f"{len(done)} trials were run: the best of them is better by luck as well")
    return "\n".join(lines)


def _evidence(metrics: Mapping[str, Any]) -> list[str]:
    blocks = {"mf_score": metrics["signal"], **metrics["forecasts"], **metrics["factors"]}
    over = spell(int(metrics["horizon"]), metrics["annual"]["rows_per_year"])
    lines = [f"{'rank IC, ' + over:32s}{'mean':>10s}{'± se':>10s}{'t':>8s}"]
    for name, block in blocks.items():
        cells = [("rank_ic_mean", ".4f", 10), ("rank_ic_se", ".4f", 10), ("rank_ic_t", ".1f", 8)]
        lines.append(f"{name:32s}" + "".join(f"{_number(block[k], f):>{w}s}" for k, f, w in cells))
    return lines


def _money(metrics: Mapping[str, Any]) -> list[str]:
    costs = {name: bps for name, bps in metrics["costs"].items() if name != "total"}
    shown = ", ".join(f"{name} {_number(bps, '.0f')}" for name, bps in costs.items())
    exposure = metrics["exposure"]
    beside = [
        f"{words} {_number(metrics[key], '.0f')}"
        for key, words in (("delisting", "lost on delistings"), ("interest", "interest on cash"))
        if metrics[key]
    ]
    return [
        f"costs, bps of equity per year: {_number(metrics['costs']['total'], '.0f')} ({shown})"
        + "".join(f"; {each}" for each in beside),
        f"turnover {_number(metrics['turnover']['per_year'], '.1f')} × equity per year (two-way); "
        f"mean exposure gross {_number(exposure['gross'], '.2f')}, "
        f"net {_number(exposure['net'], '.2f')}",
        *_fills(metrics["fills"]),
    ]


def _fills(fills: dict[str, Any]) -> list[str]:
    """What was decided and never filled, and why; nothing where all was."""
    lines = []
    causes = {
        "cap": "cut by the cap",
        "suspension": "no bar to trade on",
        "cash": "no cash",
        "size": "too small",
    }
    parts = [
        f"{words} {_number(fills['unfilled'][cause], '.1%')}"
        for cause, words in causes.items()
        if (fills["unfilled"][cause] or 0.0) >= SEEN
    ]
    if parts:
        filled = _number(fills["filled"], ".1%")
        lines.append(f"filled {filled} of the weight decided; never filled: {', '.join(parts)}")
    names = fills["never_traded"]
    if names:
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        lines.append(f"never traded, though decided: {', '.join(names[:NAMED])}{more}")
    return lines


def _timings(manifest: Mapping[str, Any]) -> list[str]:
    rows = manifest["timings"]
    shown = ", ".join(
        f"{row['stage']} {row['seconds']:.1f}" for row in rows if row["seconds"] >= 0.05
    )
    total = sum(row["seconds"] for row in rows)
    peak = max(row["peak_mb"] for row in rows)
    return [f"stages {total:.1f} s ({shown}), peak memory {peak:.0f} MB"]


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
