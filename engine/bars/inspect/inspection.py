"""All that can be said about a source's bars before the policy decides."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from engine.bars import Policy, Rows, read
from engine.bars.inspect.finding import DataFinding, Thresholds, by_severity
from engine.bars.inspect.lives import lives, of_lives
from engine.bars.inspect.prices import of_prices
from engine.bars.inspect.shape import absent, find_twins, of_rows
from engine.bars.inspect.spacing import spacing
from engine.bars.inspect.tape import day_text, tape
from engine.bars.inspect.times import times
from engine.core.errors import DataError
from engine.core.universe import Universe


@dataclass(frozen=True)
class Inspection:
    """What bars there are, and what is odd about them.

    Parameters
    ----------
    rows, symbols, sessions : int
        Rows of the universe's symbols, symbols with a usable bar, sessions in the span.
    start, end : str
        First and last date; "" without a usable bar.
    coverage : float
        Sessions with a bar, of those between each symbol's first and last, 0 to 1; NaN
        without a usable bar.
    calendar : str
        The calendar of the sessions; "" for the source's own days.
    findings : tuple of DataFinding
        Those with a count, the severest first.
    """

    rows: int
    symbols: int
    sessions: int
    start: str
    end: str
    coverage: float
    calendar: str
    findings: tuple[DataFinding, ...]

    @property
    def refused(self) -> bool:
        """Whether a run with this policy would refuse the bars."""
        return not self.symbols or any(item.severity == "error" for item in self.findings)


def examine(
    frame: pd.DataFrame,
    universe: Universe,
    policy: Policy | None = None,
    limits: Thresholds | None = None,
    periods_per_year: float | None = None,
) -> Inspection:
    """Look a source's bars over, before the policy touches them.

    Statistics use the whole sample: this is inspection, and nothing of it feeds a decision.

    Parameters
    ----------
    frame : pandas.DataFrame
        What `Source.load` returned: ``timestamp`` (UTC), ``symbol``, ``close``, and more.
    universe : Universe
        Whose symbols, and whose calendar.
    policy : Policy, optional
        A finding whose policy is ``raise`` is an error; else it is a warning.
    limits : Thresholds, optional
        When something is odd.
    periods_per_year : float, optional
        Rows a year that decisions count; by default read from the first dates.

    Raises
    ------
    PluginError
        The source does not keep its contract.
    DataError
        It has no rows, or none of the universe's symbols.
    """
    if frame.empty:
        raise DataError("the source has no rows: name another file, or widen its dates")
    policy = policy or Policy()
    rows = read(frame, universe, policy.mends)
    return look(rows, universe, policy, limits or Thresholds(), periods_per_year)


def look(
    rows: Rows,
    universe: Universe,
    policy: Policy,
    limits: Thresholds,
    periods_per_year: float | None = None,
) -> Inspection:
    """Look rows over, as `examine` does with a frame."""
    findings, alive = of_rows(rows, universe, policy)
    bars = tape(rows, alive)
    life = lives(bars, universe, limits)
    findings += [absent(rows, universe), find_twins(rows), *of_prices(bars, limits)]
    findings += [*of_lives(life, universe, limits), spacing(bars, periods_per_year)]
    findings += times(bars)
    return Inspection(
        rows=len(rows),
        symbols=len(life.head),
        sessions=len(life.sessions),
        start=day_text(bars.days[bars.day.min()]) if len(bars) else "",
        end=day_text(bars.days[bars.day.max()]) if len(bars) else "",
        coverage=life.coverage,
        calendar=universe.calendar or "",
        findings=tuple(by_severity(findings)),
    )


def inspect(
    frame: pd.DataFrame,
    universe: Universe,
    policy: Policy | None = None,
    limits: Thresholds | None = None,
) -> list[DataFinding]:
    """Return the findings of `examine` alone."""
    return list(examine(frame, universe, policy, limits).findings)
