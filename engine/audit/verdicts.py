"""From what was compared to a verdict on each stage, and on each plugin in it.

A stage whose inputs are others already follows from the stage that made them: the first culprit
is named, and not those that it leads astray. Whoever follows in one variant is judged by the
others; who follows in all was not checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from engine.audit.comparing import Difference

CLEAN, LEAK, LATER = "clean", "leak", "depends on later adjustments"
UNCHECKED, UNKNOWN = "not checked", "cannot be known"


@dataclass(frozen=True)
class Seen:
    """What one variant showed of one part.

    Parameters
    ----------
    part : tuple of str
        Stage, and the part of it that is a plugin's; "" for the stage's own work.
    verdict : str
    variant : str
        Which variant.
    shows : bool
        Whether that variant is one that shows look-ahead: its rows end, or go on otherwise.
    first : Difference, optional
        Where it is another.
    why : str
        Of what was not checked.
    """

    part: tuple[str, str]
    verdict: str
    variant: str
    shows: bool = True
    first: Difference | None = None
    why: str = ""


@dataclass(frozen=True)
class Verdict:
    """What is said of a stage, or of a plugin in it.

    Parameters
    ----------
    stage, name : str
        The part of the run; `name` is a factor's or a plugin's, "" for the stage as a whole.
    plugin : str
        Kind and name of the plugin that does it; "" for the engine's own work.
    verdict : str
    why : str
        In words, with date, symbol and values where there is a difference.
    variant : str
        Which variant found it.
    first : Difference, optional
    """

    stage: str
    name: str
    plugin: str
    verdict: str
    why: str = ""
    variant: str = ""
    first: Difference | None = field(default=None)


def judge(part: tuple[str, str], plugin: str, seen: Sequence[Seen]) -> Verdict:
    """Return the verdict on a part from what all variants showed of it."""
    stage, name = part
    for worst in (LEAK, LATER):
        found = next((each for each in seen if each.verdict == worst), None)
        if found is not None and found.first is not None:
            why = tell(found.first, found.variant)
            return Verdict(stage, name, plugin, worst, why, found.variant, found.first)
    clean = [each for each in seen if each.verdict == CLEAN]
    if any(each.shows for each in clean):
        return Verdict(stage, name, plugin, CLEAN, _tell_clean(len(clean), len(seen)))
    why = next((each.why for each in seen if each.why), "no variant reached it")
    return Verdict(stage, name, plugin, UNCHECKED, why)


def tell(first: Difference, variant: str) -> str:
    """A difference, as a sentence."""
    where = " ".join(filter(None, [first.date, first.column]))
    more = f", and {first.cells - 1} more values" if first.cells > 1 else ""
    more += f"; the largest on {first.largest}" if first.largest else ""
    return f"{first.item} on {where}: {first.run} in the run, {first.variant} {variant}{more}"


def _tell_clean(same: int, count: int) -> str:
    many = f"all {count}" if same == count else f"{same} of {count}"
    return f"the same in {many} variants"


def find_worst(verdicts: Iterable[Verdict]) -> str:
    """The gravest of some verdicts."""
    order = (LEAK, LATER, UNCHECKED, UNKNOWN, CLEAN)
    there = {each.verdict for each in verdicts}
    return next((each for each in order if each in there), CLEAN)
