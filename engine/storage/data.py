"""What ``data.json`` holds, typed; `engine.bars.inspect.record` writes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    """A place where something was found.

    Parameters
    ----------
    date, symbol : str
        "" where the finding has none.
    value : float, optional
        How bad it is, in the unit that the finding's `what` names; None where it has no number.
    note : str
        What stands there, in words.
    """

    date: str
    symbol: str
    value: float | None
    note: str


@dataclass(frozen=True)
class Finding:
    """Something odd about the data, and what was done about it.

    Parameters
    ----------
    name : str
    count : int
        How many; `what` says of what.
    share : float
        `count` as a fraction of all of them.
    severity : str
        ``error``, ``warning`` or ``info``.
    what : str
        What was looked for.
    examples : tuple of Example
        The worst first.
    key : str
        The configuration key that decides; "" where none does.
    action : str
        Of the policy, such as ``drop``; "" where none decides.
    rows : int
        On how many the policy acted, after those before it had acted.
    """

    name: str
    count: int
    share: float
    severity: str
    what: str
    examples: tuple[Example, ...]
    key: str
    action: str
    rows: int


@dataclass(frozen=True)
class Data:
    """What bars there were, what is odd about them, and what is left of them.

    Parameters
    ----------
    rows, symbols, sessions : int
        Rows of the universe's symbols, symbols with a usable bar, sessions in the span.
    start, end : str
        First and last date.
    coverage : float, optional
        Sessions with a bar, of those between each symbol's first and last, 0 to 1.
    calendar : str
        Of the sessions; "" for the source's own days.
    findings : tuple of Finding
        The severest first.
    bars : int
        That are left.
    mends : int
        Values and bars that were mended by hand.
    late_listings, delistings : int
        Symbols.
    absent : tuple of str
        Symbols of the universe without a bar.
    """

    rows: int
    symbols: int
    sessions: int
    start: str
    end: str
    coverage: float | None
    calendar: str
    findings: tuple[Finding, ...]
    bars: int
    mends: int
    late_listings: int
    delistings: int
    absent: tuple[str, ...]
