"""What a finished run prints: a few lines that a person reads first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.core.periods import spell
from engine.forecasts import CAUTION, ELSEWHERE
from engine.report.audit import read_said
from engine.report.cells import explain_adjusted, name_adjusted, probability
from engine.storage import Artifacts, Fills, Manifest, Metrics
from engine.study import FEW, adjust


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
    if manifest.made_elsewhere:
        lines.append(f"the forecasts were {ELSEWHERE}")
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
    lines += ["", *_evidence(metrics), "", *_money(metrics), ""]
    lines += [*_trials(made), *_timings(made, manifest)]
    said = read_said(made)
    if said:
        lines += ["", f"audit: {said}"]
    page = made.path / "report.html"
    lines += ["", f"report: {page if page.is_file() else made.path}"]
    return "\n".join(lines)


SEEN = 5e-4  # of the weight decided: less is not told at the prompt
UNCOUNTED = "the best of {} trials looks better than it is, for it was chosen"
SAID = 2  # sentences of the trial ledger
NAMED = 8  # names in a line

_ROWS = (
    ("CAGR, per year", "cagr", ".2%"),
    ("volatility, per year", "volatility", ".2%"),
    ("Sharpe, per year", "sharpe", ".2f"),
    ("  standard error", "sharpe_se", ".2f"),
    ("max drawdown", "max_drawdown", ".2%"),
)


def sweep(done: Sequence[tuple[Sequence[str], Path, Metrics]], best: Sequence[str]) -> str:
    """A table of a sweep's runs, one line each: overrides, folder and metrics.

    Below it stands what the trial ledger says of the `best` run; nothing where there is none.
    """
    adjusted, head, note = _adjust([metrics.signal.rank_ic_p for _, _, metrics in done])
    lines = [
        f"{'Sharpe':>8s}{'± se':>8s}{'CAGR':>9s}{head}{'rank IC':>9s}{'t':>6s}  overrides → folder"
    ]
    for (overrides, path, metrics), p in zip(done, adjusted, strict=True):
        net, signal = metrics.performance.net, metrics.signal
        lines.append(
            f"{_number(net.sharpe, '.2f'):>8s}{_number(net.sharpe_se, '.2f'):>8s}"
            f"{_number(net.cagr, '.2%'):>9s}{p}{_number(signal.rank_ic_mean, '.4f'):>9s}"
            f"{_number(signal.rank_ic_t, '.1f'):>6s}  {' '.join(overrides)} → {path}"
        )
    lines += note
    if best:
        lines += [f"highest Sharpe: {best[0]}", *best[1:SAID]]
    else:
        lines.append(f"{UNCOUNTED.format(len(done))}, and no trial ledger counts them")
    return "\n".join(lines)


def _trials(made: Artifacts) -> list[str]:
    """What the trial ledger said when the run ended."""
    said = made.trials.says[:SAID] if made.trials is not None else ()
    return [f"trials at its end: {said[0]}", *said[1:], ""] if said else []


def _evidence(metrics: Metrics) -> list[str]:
    over = spell(metrics.horizon, metrics.annual.rows_per_year)
    every = metrics.evidence
    adjusted, head, note = _adjust([row.rank_ic_p for row in every.values()])
    alone = "p alone" if head else "p"
    lines = [f"{'rank IC, ' + over:32s}{head}{'mean':>10s}{'± se':>10s}{'t':>8s}{alone:>10s}"]
    for (name, row), p in zip(every.items(), adjusted, strict=True):
        lines.append(
            f"{name:32s}{p}{_number(row.rank_ic_mean, '.4f'):>10s}"
            f"{_number(row.rank_ic_se, '.4f'):>10s}{_number(row.rank_ic_t, '.1f'):>8s}"
            f"{probability(row.rank_ic_p):>10s}"
        )
    return lines + note


def _adjust(values: Sequence[float | None]) -> tuple[list[str], str, list[str]]:
    """A column of p-values adjusted for all, its head, and a line on it; empty for a few tests."""
    count = sum(p is not None for p in values)
    if count <= FEW:
        return [""] * len(values), "", []
    cells = [f"{probability(p):>14s}" for p in adjust(values)]
    return cells, f"{name_adjusted(count):>14s}", [explain_adjusted(count)]


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
