"""The audit of a run: the same run on rows that end earlier, or go on otherwise.

1. The run's own results are made, or found in the store.
2. *repeat*: they are made again, by plugins that are built anew, from no store and on another
   number of threads. *cut*: the rows end on a date. *perturbed*: they end a date later, and all
   values of that date are others. *permuted*: the columns stand in another order. *split*: one
   symbol's prices are halved, as a later split would have halved them.
3. All that was known by the date has to be the same, to the last bit where the symbols are the
   same. Trainings stay where the run had them: a schedule that is spread over the sample would
   move with its end.
4. What each training learnt from is checked by the rows that it saw.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from engine.audit import changes
from engine.audit.comparing import tell_date
from engine.audit.dates import Chosen, choose, find
from engine.audit.doubts import doubt, find_doubts
from engine.audit.fits import check_fits
from engine.audit.looking import SHOWING, Look
from engine.audit.parts import Part, list_parts
from engine.audit.verdicts import CLEAN, LEAK, UNCHECKED, Seen, Verdict, judge
from engine.core.errors import ConfigError
from engine.forecasts import CAUTION
from engine.kernels.threads import cores
from engine.pipeline import Raw, Remade, Variant, Workshop
from engine.storage import Artifacts

CUTS = 3  # and as many perturbations, at other dates


@dataclass(frozen=True)
class Request:
    """What is to be done.

    Parameters
    ----------
    cuts : int
        On how many dates the rows are cut; as many perturbations are on others.
    dates : sequence of str
        Dates that were typed, on each of which the rows are both cut and perturbed.
    all : bool
        Whether more is done than cuts.
    """

    cuts: int = CUTS
    dates: Sequence[str] = ()
    all: bool = True


@dataclass(frozen=True)
class Tried:
    """A variant that was compared.

    Parameters
    ----------
    kind : str
    title : str
        Such as "on the rows up to 2016-12-30".
    date : str
        Up to which results are compared.
    kinds : sequence of str
        What is rare about it.
    stopped : str
        Why it did not come to its end; "" where it did.
    """

    kind: str
    title: str
    date: str
    kinds: Sequence[str]
    stopped: str = ""


@dataclass(frozen=True)
class Audit:
    """What was found.

    Parameters
    ----------
    bundle : str
    source : str
    simulated : bool
        Whether the data are invented.
    start, end : str
        The run's first and last date.
    symbols : int
    verdicts : sequence of Verdict
        In the order of the stages.
    tried : sequence of Tried
    trainings : int
        How many were checked.
    """

    bundle: str
    source: str
    simulated: bool
    start: str
    end: str
    symbols: int
    verdicts: Sequence[Verdict]
    tried: Sequence[Tried]
    trainings: int

    @property
    def leaks(self) -> list[Verdict]:
        """The parts that look ahead."""
        return [each for each in self.verdicts if each.verdict == LEAK]


@dataclass
class Auditor:
    """Compares a run with its variants, one after the other.

    Parameters
    ----------
    workshop : Workshop
    base : Remade
        The run.
    """

    workshop: Workshop
    base: Remade
    seen: list[Seen] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)
    starts: np.ndarray[tuple[int], np.dtype[np.intp]] | None = None  # of trainings

    def __post_init__(self) -> None:
        settings = self.base.settings
        self.raw: Raw = self.base["source"]
        self.panel = self.base["bars"].panel
        self.first = _find_first(self.base)
        if "forecasts" in self.base.stages and not settings.validation.trains_on_later:
            split = self.base["forecasts"].split
            self.starts = np.flatnonzero(np.diff(split, prepend=-1) > 0)

    def run(self, request: Request) -> None:
        """Compare with all variants that are asked for."""
        todo = [*self._plan(request)]
        for each in todo:
            each()
            gc.collect()

    def _plan(self, request: Request) -> Iterator[Callable[[], None]]:
        cuts, changed = self._choose(request)
        if request.all:
            yield self._repeat
        yield from (partial(self._cut, at) for at in cuts)
        if not request.all:
            return
        yield from (partial(self._perturb, at) for at in changed)
        latest = max([*cuts, *changed], key=lambda at: at.row)
        yield partial(self._permute, latest)
        yield partial(self._split, latest)

    def _choose(self, request: Request) -> tuple[list[Chosen], list[Chosen]]:
        """The dates of cuts, and those of perturbations."""
        if request.dates:
            typed = find(self.panel, request.dates)
            for at in typed:
                if self.starts is not None and at.row < self.starts[0]:
                    first = tell_date(self.panel.dates[self.starts[0]])
                    raise ConfigError(
                        f"--dates {at}: the first training forecasts from {first} on: choose that "
                        "date or a later one"
                    )
            return typed, typed
        count = request.cuts * (2 if request.all else 1)
        after = self.base.settings.delisting.after
        chosen = choose(self.panel, count, self.first, after)
        if not chosen:
            raise ConfigError(
                f"audit: of {len(self.panel.dates)} dates none can be cut after the first "
                f"decision, on {tell_date(self.panel.dates[self.first])}: take a longer sample"
            )
        return (chosen[::2], chosen[1::2]) if request.all else (chosen, [])

    def _repeat(self) -> None:
        again = self.base.settings.source.repeatable or self.workshop.handed is not None
        threads = 2 if cores() == 1 else 1
        title = f"in a repeat on {threads} thread{'s' * (threads > 1)}"
        variant = Variant(raw=None if again else self.raw, threads=threads, kept=False)
        self._compare("repeat", title, self._last, variant)

    def _cut(self, at: Chosen) -> None:
        raw = changes.cut(self.raw, at.date)
        self._compare("cut", f"on the rows up to {at}", at, self._vary(raw, at))

    def _perturb(self, at: Chosen) -> None:
        after = self.panel.dates[at.row + 1]
        raw = changes.perturb(self.raw, at.date, after)
        title = f"with other values on {tell_date(after)}"
        self._compare("perturbed", title, at, self._vary(raw, at))

    def _permute(self, at: Chosen) -> None:
        raw = changes.shuffle(changes.cut(self.raw, self.panel.dates[at.row + 1]))
        variant = self._vary(raw, at, turn=changes.permute, kept=False)
        self._compare("permuted", "with the columns in another order", at, variant)

    def _split(self, at: Chosen) -> None:
        symbol = _choose_symbol(self.base, at.row)
        raw = changes.split(self.raw, at.date, self.panel.dates[at.row + 1], symbol)
        title = f"with {symbol} split 2:1 after {at}"
        self._compare("split", title, at, self._vary(raw, at))

    def _vary(self, raw: Raw, at: Chosen, **more: Any) -> Variant:
        """The variant with the trainings that the run had by the date."""
        starts = None
        if self.starts is not None:
            days = self.panel.dates[self.starts[self.starts <= at.row]]
            starts = [tell_date(day) for day in days]
        return Variant(raw=raw, starts=starts, **more)

    def _compare(self, kind: str, title: str, at: Chosen, variant: Variant) -> None:
        look = Look(title, at.row + 1, kind)
        with self.workshop.make(variant, label=kind) as made:
            look.look(self.base, made)
            self.tried.append(Tried(kind, title, str(at), at.kinds, made.stopped))
        seen = look.seen
        accused = {each.part for each in seen if each.verdict == LEAK}
        excused = accused & self.shaky if accused and not look.exact else set()
        seen = [_excuse(each) if each.part in excused else each for each in seen]
        if (look.amplified or excused) and kind in SHOWING:
            seen = [each for each in seen if each.verdict != UNCHECKED]
            seen += self._widen(title, at, kind, variant)
        self.seen += seen

    @cached_property
    def shaky(self) -> set[tuple[str, str]]:
        """Parts that make more of rounding: they differ when all numbers do in their last bits.

        Of these a difference between other columns, whose sums round otherwise, says nothing.
        """
        look = Look("with the last bits of all values changed", len(self.panel.dates), "jitter")
        variant = self._vary(changes.jitter(self.raw), self._last, kept=False)
        with self.workshop.make(variant, label="rounding") as made:
            look.look(self.base, made)
        return look.parted

    def _widen(self, title: str, at: Chosen, kind: str, variant: Variant) -> list[Seen]:
        """Compare again, with empty columns for the names that come later: sums round alike."""
        turn = partial(changes.widen, whole=self.panel)
        look = Look(title, at.row + 1, kind)
        wide = Variant(variant.raw, turn, variant.starts, kept=False)
        with self.workshop.make(wide, label=kind) as made:
            look.look(self.base, made)
        return look.seen

    @property
    def _last(self) -> Chosen:
        row = len(self.panel.dates) - 1
        return Chosen(row, self.panel.dates[row], ())

    def sum_up(self, splits: Sequence[Any]) -> Audit:
        """Return what was found, with what is known of the trainings."""
        verdicts = [*find_doubts(self.base)]
        for part, plugin in list_parts(self.base, self.workshop.registry):
            verdicts.append(self._judge(part, plugin, splits))
        settings, dates = self.base.settings, self.panel.dates
        return Audit(
            bundle=str((self.workshop.config.get("bundle") or {}).get("name", "run")),
            source=settings.source.name,
            simulated=settings.source.simulated,
            start=tell_date(dates[0]),
            end=tell_date(dates[-1]),
            symbols=len(self.panel.symbols),
            verdicts=verdicts,
            tried=self.tried,
            trainings=len(splits),
        )

    def _judge(self, part: Part, plugin: str, splits: Sequence[Any]) -> Verdict:
        validation = self.base.settings.validation
        if part[0] == "label":
            return self._judge_label(splits)
        if part[0] == "forecasts" and validation.trains_on_later:
            why = f"validation.scheme={validation.scheme}: {CAUTION}"
            return Verdict(*part, "", LEAK, why, "trainings")
        mine = [each for each in self.seen if each.part in {part, (part[0], "")}]
        return doubt(judge(part, plugin, mine), self.base.settings)

    def _judge_label(self, splits: Sequence[Any]) -> Verdict:
        """It looks ahead by definition: what counts is which of it a training saw."""
        if not splits:
            return Verdict("label", "", "", UNCHECKED, "no model learns from it")
        wrong = check_fits(splits, self.base["label"], self.panel.dates)
        if wrong:
            more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
            return Verdict("label", "", "", LEAK, f"{wrong[0]}{more}", "trainings")
        fits = sum(len(split["fits"]) for split in splits)
        why = f"looks ahead by definition; all of it that {fits} fits in {len(splits)} trainings"
        return Verdict("label", "", "", CLEAN, f"{why} saw was known before their first forecast")


def compare_all(
    workshop: Workshop, made: AbstractContextManager[Remade], request: Request
) -> Audit:
    """Audit a run, whose stages `made` brings."""
    with made as base:
        auditor = Auditor(workshop, base)
        auditor.run(request)
        learns = "forecasts" in base.stages
        splits = Artifacts(base.path).read_plain("forecasts")["splits"] if learns else ()
        return auditor.sum_up(splits)


def _excuse(seen: Seen) -> Seen:
    why = f"{seen.variant} sums round otherwise, and it makes more of that"
    return replace(seen, verdict=UNCHECKED, first=None, why=why)


def _find_first(base: Remade) -> int:
    """The first row on which something is decided, and each factor has been part of a score."""
    columns = base["seasoning"].values
    factors = [columns[b.name] for b in base.settings.bundle.factors if b.name in columns]
    known = (base["signal"], base["account"].targets, *factors)
    return max(int(np.isfinite(values).any(axis=1).argmax()) for values in known)


def _choose_symbol(base: Remade, row: int) -> str:
    """Of the members on a row, one with the most bars up to it."""
    panel = base["bars"].panel
    able = panel.member[row] & panel.present[row]
    count = np.where(able, panel.present[: row + 1].sum(axis=0), -1)
    symbol: str = panel.symbols[int(count.argmax())]
    return symbol
