"""What a finished run prints: a few lines that a person reads first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.core.periods import spell
from engine.forecasts import CAUTION
from engine.report.audit import read_said
from engine.storage import Artifacts, Fills, Manifest, Metrics


def text(made: Artifacts) -> str:
    """The summary of one run; every number stands in ``metrics.json`` or ``manifest.json``."""
    metrics, manifest = made.metrics, made.manifest
    source, performance = manifest.source, metrics.performance
    lines = [
        f"{manifest.bundle}: {source.symbols} symbols, {source.start} to {source.end}, "
        f"source {source.name}",
    ]
    if manifest.simulated:
        lines.append("SIMULATED data: none of this says anything about a real market")
    if manifest.trains_on_later:
        lines.append(f"the model was {CAUTION}")
    if manifest.bankrupt_on:
        lines.append(f"BANKRUPT on {manifest.bankrupt_on}: nothing after it counts")
    if manifest.empty_factors:
        lines.append(f"without a single value: {', '.join(manifest.empty_factors)}")
    lines += ["", f"{'':24s}{'net':>12s}{'gross':>12s}{'market':>12s}"]
    sides = (performance.net, performance.gross, performance.benchmark)
    for label, key, form in _ROWS:
        cells = (getattr(side, key) for side in sides)
        lines.append(f"{label:24s}" + "".join(f"{_number(cell, form):>12s}" for cell in cells))
    if metrics.annual.rows:
        lines.append(f"per year: by {metrics.annual.span.text()}")
    lines += ["", *_evidence(metrics), "", *_money(metrics), "", *_timings(made, manifest)]
    said = read_said(made)
    if said:
        lines += ["", f"audit: {said}"]
    page = made.path / "report.html"
    lines += ["", f"report: {page if page.is_file() else made.path}"]
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


def sweep(done: Sequence[tuple[Sequence[str], Path, Metrics]]) -> str:
    """A table of a sweep's runs, one line each: overrides, folder and metrics."""
    lines = [f"{'Sharpe':>8s}{'± se':>8s}{'CAGR':>9s}{'rank IC':>9s}{'t':>6s}  overrides → folder"]
    for overrides, path, metrics in done:
        net, signal = metrics.performance.net, metrics.signal
        lines.append(
            f"{_number(net.sharpe, '.2f'):>8s}{_number(net.sharpe_se, '.2f'):>8s}"
            f"{_number(net.cagr, '.2%'):>9s}{_number(signal.rank_ic_mean, '.4f'):>9s}"
            f"{_number(signal.rank_ic_t, '.1f'):>6s}  {' '.join(overrides)} → {path}"
        )
    lines.append(f"{len(done)} trials were run: the best of them is better by luck as well")
    return "\n".join(lines)


def _evidence(metrics: Metrics) -> list[str]:
    over = spell(metrics.horizon, metrics.annual.rows_per_year)
    lines = [f"{'rank IC, ' + over:32s}{'mean':>10s}{'± se':>10s}{'t':>8s}"]
    for name, row in metrics.evidence.items():
        lines.append(
            f"{name:32s}{_number(row.rank_ic_mean, '.4f'):>10s}"
            f"{_number(row.rank_ic_se, '.4f'):>10s}{_number(row.rank_ic_t, '.1f'):>8s}"
        )
    return lines


def _money(metrics: Metrics) -> list[str]:
    shown = ", ".join(f"{name} {_number(bps, '.0f')}" for name, bps in metrics.cost_parts.items())
    exposure = metrics.exposure
    beside = [
        f"{words} {_number(bps, '.0f')}"
        for bps, words in (
            (metrics.delisting, "lost on delistings"),
            (metrics.interest, "interest on cash"),
        )
        if bps
    ]
    return [
        f"costs, bps of equity per year: {_number(metrics.total_cost, '.0f')} ({shown})"
        + "".join(f"; {each}" for each in beside),
        f"turnover {_number(metrics.turnover.per_year, '.1f')} × equity per year (two-way); "
        f"mean exposure gross {_number(exposure.gross, '.2f')}, "
        f"net {_number(exposure.net, '.2f')}",
        *_fills(metrics.fills),
    ]


def _fills(fills: Fills) -> list[str]:
    """What was decided and never filled, and why; nothing where all was."""
    lines = []
    causes = {
        "cap": "cut by the cap",
        "suspension": "no bar to trade on",
        "cash": "no cash",
        "size": "too small",
    }
    parts = [
        f"{words} {_number(share, '.1%')}"
        for cause, words in causes.items()
        if ((share := getattr(fills.unfilled, cause)) or 0.0) >= SEEN
    ]
    if parts:
        filled = _number(fills.filled, ".1%")
        lines.append(f"filled {filled} of the weight decided; never filled: {', '.join(parts)}")
    names = fills.never_traded
    if names:
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        lines.append(f"never traded, though decided: {', '.join(names[:NAMED])}{more}")
    return lines


def _timings(made: Artifacts, manifest: Manifest) -> list[str]:
    rows = manifest.timings
    shown = ", ".join(f"{row.stage} {row.seconds:.1f}" for row in rows if row.seconds >= 0.05)
    total = sum(row.seconds for row in rows)
    peak = max(row.peak_mb for row in rows)
    longest = max(rows, key=lambda row: row.seconds)
    told = f", the longest is {longest.stage} ({shown})" if shown else ""
    line = f"stages {total:.1f} s{told}, peak memory {peak:.0f} MB"
    return [line, *_tell_reuse(made)]


def _tell_reuse(made: Artifacts) -> list[str]:
    """Which stages were found in the store, where some were."""
    if not (made.path / "timings.json").is_file():
        return []
    stages: dict[str, list[str]] = {}
    for row in made.read_plain("timings")["stages"]:
        stages.setdefault(row["how"], []).append(row["stage"])
    if "reused" not in stages:
        return []
    computed = ", ".join(stages.get("computed", ["nothing"]))
    return [f"reused: {', '.join(stages['reused'])}; computed: {computed}"]


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
