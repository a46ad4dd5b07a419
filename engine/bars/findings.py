"""What can be wrong with bars, and what the policy does about it.

The checks are those of `engine.bars.dirt`, in the order of its table. A row that one of them
dropped, or a value that one of them masked, is not counted again by the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any, ClassVar

import numpy as np

from engine.bars.dirt import DIRT, IntArray, Limits, Rows
from engine.core.errors import DataError
from engine.core.options import Options, option
from engine.core.panel import BoolArray
from engine.core.universe import Universe

EXAMPLES = 3


@dataclass(frozen=True)
class Policy(Options):
    """What to do with bars that look wrong: ``raise``, ``drop``, ``mask`` or ``keep``.

    ``drop`` takes the whole bar out. ``mask`` takes out the values that are wrong, as NaN, and
    leaves the rest of the bar: a masked volume costs no price. Without its close there is no
    bar, so to mask a close is to drop its bar. Of prices that cross (``ohlc``) nobody knows
    which one is wrong: open, high and low are masked where they take part, the close is not.

    A finding offers the answers that make sense: a panel has no place for two bars of one day
    or for an infinite price, a whole day has no value to mask, and being out of order is no
    fault of any single bar that one could drop (``keep`` sorts them, and counts them).

    Every answer for a date rests on that date and those before it alone.
    """

    config_key: ClassVar[str] = "bars"

    nonfinite: str = option("raise", "an infinite number", choices=("raise", "drop", "mask"))
    nonpositive: str = option(
        "raise", "a price <= 0 or a volume < 0", choices=("raise", "drop", "mask", "keep")
    )
    ohlc: str = option(
        "drop", "open or close outside [low, high]", choices=("raise", "drop", "mask", "keep")
    )
    off_calendar: str = option(
        "drop", "a day that universe.calendar does not know", choices=("raise", "drop", "keep")
    )
    unsorted: str = option(
        "raise", "a symbol's dates out of order in the source", choices=("raise", "keep")
    )
    duplicates: str = option(
        "raise",
        "a (date, symbol) pair seen before; drop keeps the first",
        choices=("raise", "drop"),
    )
    thin: str = option(
        "keep",
        "a day on which few of the symbols trade that did in the 20 dates before",
        choices=("raise", "drop", "keep"),
    )
    thin_share: float = option(
        0.3333, "of those symbols, below which a day is thin; asked of 10 or more", ge=0, le=1
    )
    absurd: str = option(
        "keep",
        "a price far off the median of its symbol's 20 closes before",
        choices=("raise", "drop", "mask", "keep"),
    )
    absurd_times: float = option(100.0, "price factor from which it is; asked after 5 bars", ge=2)
    mends: str | None = option(
        None,
        "file of symbol, date, field, value: corrections by hand, before all checks",
        file=True,
    )

    @property
    def kept(self) -> frozenset[str]:
        """Findings that may remain in the panel; `schemas.bars` leaves their rules out."""
        return frozenset(item.name for item in decisions() if getattr(self, item.name) == "keep")

    @property
    def limits(self) -> Limits:
        """From where on the kinds of dirt that need a number are found."""
        return Limits(self.absurd_times, self.thin_share)


def decisions() -> list[Field[Any]]:
    """Return the policy's fields that are answers, not numbers."""
    return [item for item in fields(Policy) if item.metadata["choices"]]


@dataclass(frozen=True)
class Findings:
    """What was wrong with the bars, and what was done about it.

    Parameters
    ----------
    rows_in, rows_out : int
        Rows of the universe's symbols in the source, and bars in the panel.
    counts : mapping of str to int
        Rows by finding; every finding is listed, most of them with 0.
    actions : mapping of str to str
        ``drop``, ``mask`` or ``keep``, for findings with a count.
    examples : mapping of str to tuple of str
        Up to three of the worst rows of each finding, as text.
    missing_symbols : tuple of str
        Symbols of the universe without a single bar.
    mends : int
        Values and bars mended by hand.
    """

    rows_in: int = 0
    rows_out: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    actions: Mapping[str, str] = field(default_factory=dict)
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    missing_symbols: tuple[str, ...] = ()
    mends: int = 0

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Findings:
        """Return what was written as plain values."""
        examples = {name: tuple(rows) for name, rows in plain["examples"].items()}
        missing = tuple(plain["missing_symbols"])
        return cls(**{**plain, "examples": examples, "missing_symbols": missing})

    def lines(self) -> list[str]:
        """Return the findings for a log, one line each; only those that are not zero."""
        out = [f"bars: {self.rows_in} rows in, {self.rows_out} out"]
        if self.mends:
            out.append(f"bars.mends: {self.mends} values mended by hand")
        for name, count in self.counts.items():
            if count:
                shown = "; ".join(self.examples[name])
                out.append(f"bars.{name}: {count} ({self.actions[name]}), such as {shown}")
        if self.missing_symbols:
            out.append(f"not in the source: {few(self.missing_symbols)}")
        return out


def apply_policy(
    rows: Rows, universe: Universe, policy: Policy
) -> tuple[Rows, BoolArray, Findings]:
    """Ask the policy finding by finding.

    Returns
    -------
    Rows
        The rows, with masked values as NaN; the source's own arrays are not touched.
    bool array, shape (R,)
        Which rows are bars.
    Findings
        What was found on the way there.

    Raises
    ------
    DataError
        A finding whose policy is ``raise``.
    """
    alive = np.ones(len(rows), bool)
    counts: dict[str, int] = {}
    actions: dict[str, str] = {}
    examples: dict[str, tuple[str, ...]] = {}
    for name, test in DIRT.items():
        badness = test.badness(rows, alive, universe, policy.limits)
        found = np.flatnonzero(alive & (badness > 0))
        counts[name] = len(found)
        if not len(found):
            continue
        worst = found[np.argsort(-badness[found], kind="stable")[:EXAMPLES]]
        actions[name] = getattr(policy, name, "drop")
        examples[name] = tuple(rows.text(row) for row in worst)
        if actions[name] == "raise":
            raise DataError(_refusal(name, len(found), examples[name][0]))
        if actions[name] == "drop":
            alive[found] = False
        if actions[name] == "mask" and test.wrong is not None:
            rows = _mask(rows, found, test.wrong(rows, alive, found, policy.limits))
            alive[found] &= ~np.isnan(rows.numbers["close"][found])
    done = Findings(len(rows), int(alive.sum()), counts, actions, examples, mends=rows.mends)
    return rows, alive, done


def _mask(rows: Rows, found: IntArray, wrong: Mapping[str, BoolArray]) -> Rows:
    """The rows with NaN where the values of those found are wrong."""
    numbers = dict(rows.numbers)
    for name, values in wrong.items():
        if values.any():
            numbers[name] = numbers[name].copy()
            numbers[name][found[values]] = np.nan
    return replace(rows, numbers=numbers)


def _refusal(name: str, count: int, example: str) -> str:
    choice = next(item for item in decisions() if item.name == name)
    others = _either(choice.metadata["choices"][1:])
    what = choice.metadata["help"].split(";")[0]
    return (
        f"{count} rows have {what}, such as {example}: mend the data, or set bars.{name}={others}"
    )


def _either(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def few(names: Sequence[str]) -> str:
    """Return the first few names, and how many there are when that is not all."""
    shown = ", ".join(names[:EXAMPLES])
    return f"{shown} … ({len(names)} in all)" if len(names) > EXAMPLES else shown
