"""An audit in words: what stands in ``audit.json``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from engine.audit.auditing import Audit
from engine.audit.verdicts import LATER, LEAK, UNCHECKED, UNKNOWN, Verdict, find_worst
from engine.pipeline import STAGES, list_deciding

SCHEDULE = "the schedule of trainings is the run's own"
NO_DECISION = "statistics that feed no decision"
SHOWN = 4  # names in a line


def to_plain(audit: Audit, command: str) -> dict[str, Any]:
    """Everything that is told of an audit, as plain values."""
    return {
        "command": command,
        "bundle": audit.bundle,
        "source": audit.source,
        "simulated": audit.simulated,
        "start": audit.start,
        "end": audit.end,
        "symbols": audit.symbols,
        "verdict": find_worst(each for each in audit.verdicts if each.verdict in (LEAK, LATER)),
        "said": say(audit),
        "schedule": SCHEDULE if audit.trainings else "",
        "trainings": audit.trainings,
        "variants": [asdict(each) for each in audit.tried],
        "verdicts": [_row(each) for each in [*audit.verdicts, *_list_statistics()]],
    }


def _row(verdict: Verdict) -> dict[str, Any]:
    first = verdict.first
    return {
        "stage": verdict.stage,
        "name": verdict.name,
        "plugin": verdict.plugin,
        "verdict": verdict.verdict,
        "why": verdict.why,
        "variant": verdict.variant,
        "first": None if first is None else asdict(first),
    }


def _list_statistics() -> Iterator[Verdict]:
    """The stages that no decision is made of; the table of stages says so."""
    deciding = [stage.name for stage in list_deciding()]
    for stage in STAGES:
        if stage.name not in deciding:
            yield Verdict(stage.name, "", "", UNCHECKED, NO_DECISION)


def say(audit: Audit) -> str:
    """The audit in a line."""
    dates = sorted({each.date for each in audit.tried if each.kind in {"cut", "perturbed"}})
    if audit.leaks:
        worst = audit.leaks[0]
        more = f", and {len(audit.leaks) - 1} more" if len(audit.leaks) > 1 else ""
        return f"LOOK-AHEAD in {name_part(worst)}{more}: {worst.why}"
    later = [each for each in audit.verdicts if each.verdict == LATER]
    also = f"; depending on later adjustments of prices: {name_parts(later)}" if later else ""
    unknown = [each for each in audit.verdicts if each.verdict == UNKNOWN]
    also += f"; what cannot be known: {name_parts(unknown)}" if unknown else ""
    return (
        f"No look-ahead was found on {len(dates)} date{'s' * (len(dates) != 1)}; one that shows on "
        f"other dates alone would not be found{also}"
    )


def name_part(verdict: Verdict) -> str:
    """What a part is called, such as ``factors.rv_20``."""
    return ".".join(filter(None, (verdict.stage, verdict.name)))


def name_parts(verdicts: Sequence[Verdict]) -> str:
    """Some parts, in a line."""
    names = [name_part(each) for each in verdicts]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"
