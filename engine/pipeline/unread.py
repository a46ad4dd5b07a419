"""What a run was given and nothing read: told, for it may be there to change something.

Whether a stranger's class reads a series or a field is not known; where one takes part, these
are not told of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from engine.core.panel import Panel
from engine.expr import Formula, Node, fields
from engine.pipeline.settings import Settings
from engine.plugin import is_ours
from engine.signal import MARKET_BETA

# Columns that say how prices were, or are to be, adjusted, without blanks, _ and capitals.
ADJUSTED = ("adjclose", "adjustedclose", "closeadj")
ACTIONS = ("split", "splits", "stocksplits", "splitratio", "splitfactor", "dividend", "dividends")
PER_SHARE = re.compile(r"(?i)(.*_)?(eps|dps|bps|bvps|sps|cfps)(_.*)?|.*_?per_?share(_.*)?")
RAW = "raw_close"


def find_unread(settings: Settings, panel: Panel, overrides: Sequence[str]) -> list[str]:
    """Say what of a run's input nothing reads, a line each.

    Parameters
    ----------
    settings : Settings
        The run's configuration.
    panel : Panel
        Its bars.
    overrides : sequence of str
        What was typed: a factor that was added by hand is meant to be used.
    """
    return [*_series(settings, panel), *_columns(settings, panel), *_factors(settings, overrides),
            *_per_share(settings, panel)]  # fmt: skip


def _series(settings: Settings, panel: Panel) -> Iterator[str]:
    seen = settings.regime.observes
    if seen is None or _strangers(settings):
        return
    for name in panel.series:
        if name not in seen:
            how = f"regime.series=[{name}]" if settings.regime.name == "hmm" else "regime=hmm"
            yield (
                f"source.market.{name}: nothing reads it, for regime={settings.regime.name} does "
                f"not observe it: take it out, or try {how}"
            )


def _columns(settings: Settings, panel: Panel) -> Iterator[str]:
    if getattr(settings.source, "adjust", "") is not None or _strangers(settings):
        return  # the source adjusts by itself, or by what it was told
    read = _find_read(settings)
    for name in panel.fields:
        plain = re.sub(r"[ _.]", "", name.lower())
        if name.lower() in read or plain not in (*ADJUSTED, *ACTIONS):
            continue
        column = (f"'{name}'" if " " in name else name) if plain in ADJUSTED else "COLUMN"
        yield (
            f"the bars have {name}, which nothing reads: prices count as they are, so a split or a "
            f"dividend is a return; for adjusted closes type source.adjust={column}"
        )


def _factors(settings: Settings, overrides: Sequence[str]) -> Iterator[str]:
    if settings.needs_model:
        return  # it takes them all
    bundle = settings.bundle
    used = {factor.name for factor in bundle.factors} | {*bundle.neutralize, MARKET_BETA}
    named = _find_read(settings)
    for word in overrides:
        found = re.match(r"\+{1,2}factors\.([A-Za-z_]\w*)=", word)
        if found and found[1] in settings.factors and found[1] not in used:
            if found[1].lower() in named:
                continue
            yield (
                f"factors.{found[1]}: nothing uses it: name it in bundle.factors, or choose a "
                "bundle with a model"
            )


def _per_share(settings: Settings, panel: Panel) -> Iterator[str]:
    """Figures of one share beside prices that were adjusted since: they are of another share."""
    if RAW not in panel:
        return
    for name, node in _formulas(settings).items():
        read = fields(node)
        figures = sorted(field for field in read if PER_SHARE.fullmatch(field))
        if figures and "close" in read and RAW not in read:
            yield (
                f"factors.{name}: {figures[0]} is of one share as it was, and close is adjusted "
                f"for what came later: write {RAW}"
            )


def _formulas(settings: Settings) -> dict[str, Node]:
    return {name: f.node for name, f in settings.factors.items() if isinstance(f, Formula)}


def _find_read(settings: Settings) -> set[str]:
    """Fields that formulas read, in small letters."""
    return {name.lower() for node in _formulas(settings).values() for name in fields(node)}


def _strangers(settings: Settings) -> bool:
    plugins = (*settings.factors.values(), settings.portfolio, settings.costs, settings.regime)
    return not all(is_ours(plugin) for plugin in plugins)
