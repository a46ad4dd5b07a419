"""What a finding is, and the thresholds that make one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from engine.bars import IntArray
from engine.core.options import Options, option
from engine.core.panel import FloatArray

EXAMPLES = 5
SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True)
class Example:
    """One place where something was found.

    Parameters
    ----------
    date, symbol : str
        Where; "" where the finding has none.
    value : float
        How bad it is, in the unit that `DataFinding.what` names.
    note : str
        What stands there, in words.
    """

    date: str
    symbol: str
    value: float
    note: str

    def text(self) -> str:
        """Return it as one line."""
        return " ".join(part for part in (self.date, self.symbol, self.note) if part)


@dataclass(frozen=True)
class DataFinding:
    """Something odd about data.

    Parameters
    ----------
    name : str
        Such as ``missed_split``.
    count : int
        How many rows, bars, days or symbols; `what` says which.
    share : float
        `count` as a fraction of all of them, 0 to 1.
    severity : str
        ``error``: a run would refuse the data, or look ahead with them; ``warning``: probably
        wrong; ``info``: worth knowing.
    what : str
        One line: what was looked for.
    examples : tuple of Example
        Up to five, the worst first.
    key : str
        The configuration key that decides what happens to them; "" where none does.
    """

    name: str
    count: int
    share: float
    severity: str
    what: str
    examples: tuple[Example, ...]
    key: str = ""


@dataclass(frozen=True)
class Thresholds(Options):
    """When something is odd; fitted to no data set, but tried on real ones."""

    config_key: ClassVar[str] = "check"

    sigmas: float = option(
        10.0,
        "of a return against its symbol's robust deviation (1.4826 × median absolute deviation) "
        "over the whole sample, and over the 20 bars around it; the larger one counts",
        ge=3,
    )
    smallest: float = option(0.05, "a log return below this is never odd", ge=0)
    jump: float = option(0.25, "a log return below this is no jump", ge=0)
    shift: float = option(4.0, "price factor from which a jump is hardly news", ge=1)
    reversal: float = option(
        0.25, "a bad tick is undone by the next bar up to this share", ge=0, le=1
    )
    split: float = option(
        0.05, "distance from a split's ratio, as a log, where volume agrees", ge=0
    )
    exact: float = option(0.01, "the same for 3:2, and where there is no volume to agree", ge=0)
    turnover: float = option(
        2.25, "a split leaves price × volume (medians of 10 bars) within this factor", ge=1
    )
    spike: float = option(
        4.0, "of a day's volume over that around it, in money, above which it is news", ge=1
    )
    stale: int = option(10, "bars in a row without a new close", unit="bars", ge=2)
    edge: int = option(5, "how late a first, or early a last bar is", unit="sessions", ge=0)
    gap: int = option(5, "sessions in a row without a bar", unit="sessions", ge=1)
    reuse: int = option(
        60, "sessions without a bar, after which a ticker may be another's", unit="sessions", ge=1
    )
    reuse_jump: float = option(
        2.0, "price factor across a gap of 10 sessions, after which it may be", ge=1
    )
    thin: float = option(
        0.3333,
        "of the live symbols trade on a day that is no session, where no calendar says so",
        le=1,
    )
    crowd: int = option(10, "symbols before a share of them means anything", ge=1)
    years: float = option(2.0, "span in which some symbol should have ended", unit="years", ge=0)


def worst(
    found: IntArray,
    badness: FloatArray,
    describe: Callable[[int, float], Example],
) -> tuple[Example, ...]:
    """Return examples of the largest badness, the first ones among equals.

    Parameters
    ----------
    found : int array, shape (F,)
        Positions, ascending.
    badness : float array, shape (F,)
        How bad each is.
    describe : callable
        From a position and its badness to the example.
    """
    order = np.argsort(-badness, kind="stable")[:EXAMPLES]
    return tuple(describe(int(found[i]), float(badness[i])) for i in order)


def by_severity(findings: Sequence[DataFinding]) -> list[DataFinding]:
    """Return those with a count, the severest first, then the most frequent."""
    there = [item for item in findings if item.count]
    return sorted(there, key=lambda f: (SEVERITIES.index(f.severity), -f.count, f.name))
