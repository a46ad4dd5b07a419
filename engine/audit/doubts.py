"""What no variant can show: a leak that lies in the data themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from engine.audit.changes import PRICES
from engine.audit.verdicts import CLEAN, UNCHECKED, UNKNOWN, Verdict
from engine.bars import STATED
from engine.core.kinds import Kind
from engine.pipeline import Remade, Settings
from engine.plugin import find_file_options

SHOWN = 4  # names in a line
OF_BARS = {*PRICES, "volume", STATED}


def find_doubts(base: Remade) -> Iterator[Verdict]:
    """Say of the data what cannot be known, and what the source would have to say."""
    source = base.settings.source
    plugin = f"source {source.name}"
    if source.simulated:
        why = "the data are invented: what was known when is a matter of the market alone"
        yield Verdict("source", "", plugin, UNCHECKED, why)
        return
    yield Verdict("source", "values", plugin, UNKNOWN, _tell_values(base))
    yield Verdict("source", "members", plugin, *_tell_members(base))


def doubt(verdict: Verdict, settings: Settings) -> Verdict:
    """Return the verdict; of a clean part that reads a file, that it cannot be known.

    The file is the same in all variants, whatever the date on which their rows end.
    """
    plugin = _find_plugin(verdict, settings)
    if verdict.verdict != CLEAN or plugin is None:
        return verdict
    files = [str(getattr(plugin, each) or "") for each in find_file_options(type(plugin))]
    file = next(filter(None, files), "")
    if not file:
        return verdict
    why = (
        f"{file} is not cut with the rows, and its dates alone do not say when each value was "
        f"known: ask engine data check {file} --known COLUMN --period COLUMN"
    )
    return replace(verdict, verdict=UNKNOWN, why=why)


def _find_plugin(verdict: Verdict, settings: Settings) -> Kind | None:
    """The plugin whose work a verdict is on; None where it is the engine's own."""
    if verdict.stage == "factors":
        return settings.factors[verdict.name]
    whose: dict[tuple[str, str], Kind] = {
        ("regimes", ""): settings.regime,
        ("forecasts", ""): settings.model,
        ("account", "portfolio"): settings.portfolio,
        ("account", "costs"): settings.costs,
    }
    return whose.get((verdict.stage, verdict.name))


def _tell_values(base: Remade) -> str:
    figures = [name for name in base["source"].rows.numbers if name.lower() not in OF_BARS]
    if not figures:
        return "prices count as known at their close; whether they were corrected later is not told"
    named = ", ".join(figures[:SHOWN]) + ("…" if len(figures) > SHOWN else "")
    return f"{named}: no column known_at says when each was known; dates alone do not"


def _tell_members(base: Remade) -> tuple[str, str]:
    panel, after = base["bars"].panel, base.settings.delisting.after
    T = len(panel.dates)
    last = T - 1 - panel.present[::-1].argmax(axis=0)
    left = (T - 1 - last >= after) | ~panel.member[last, np.arange(len(last))]
    left |= panel.member.any(axis=0) & ~panel.member[-1]
    if not left.any():
        return UNKNOWN, (
            f"all {len(last)} names are there at the end, and none leaves: whether they were "
            "chosen by who survived"
        )
    return UNCHECKED, (
        f"{int(left.sum())} of {len(last)} names end or leave; whether all that did are there is "
        "for the source to say"
    )
