"""What a variant shows of each stage: who is the same, who is another, and who only follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from engine.audit.comparing import PARTED, ROUNDED, SAME, Difference, Outcome, compare
from engine.audit.verdicts import CLEAN, LATER, LEAK, UNCHECKED, Seen
from engine.audit.views import VIEWS, list_views
from engine.core.kinds import Factor
from engine.expr import Formula, fields
from engine.pipeline import STAGES, Remade

SHOWING = {"cut", "perturbed"}  # kinds of variants that show look-ahead
OF = {stage.name: stage.of for stage in STAGES}


@dataclass
class Look:
    """One variant beside the run.

    Parameters
    ----------
    title : str
        Of the variant, as in "1.0 in the run, 2.0 {title}".
    stop : int
        The first row that is not compared.
    kind : str
        Of the variant: repeat, cut, perturbed, permuted or split.
    """

    title: str
    stop: int
    kind: str
    seen: list[Seen] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)  # of stages: same, rounded, parted
    amplified: str = ""  # a stage that made more of what was rounded
    parted: set[tuple[str, str]] = field(default_factory=set)  # whatever the reason
    exact: bool = True  # whether the least bit counts

    def look(self, base: Remade, made: Remade) -> None:
        """Compare all stages, in their order."""
        dates = base["bars"].panel.dates
        for stage in base.stages:
            if stage not in VIEWS:
                self.states[stage] = SAME
            elif stage in made.stages:
                self._look(stage, base, made, dates)
            else:
                self.states[stage] = PARTED
                self._note(stage, "", UNCHECKED, why=f"{self.title} it stopped: {made.stopped}")

    def _look(self, stage: str, base: Remade, made: Remade, dates: pd.DatetimeIndex) -> None:
        outcomes = self._compare(stage, base, made, dates)
        inputs = {self.states[name] for name in OF[stage] if name in self.states}
        hows = {each.how for each in outcomes.values()}
        self._collect(stage, outcomes)
        self.states[stage] = next(how for how in (PARTED, ROUNDED, SAME) if how in {*hows, SAME})
        if PARTED in inputs:
            culprit = next(name for name in OF[stage] if self.states.get(name) == PARTED)
            self._note(stage, "", UNCHECKED, why=f"{self.title} {culprit} differs already")
        elif PARTED in hows and ROUNDED in inputs:
            self.amplified = self.amplified or stage
            self._note(stage, "", UNCHECKED, why=f"{self.title} its inputs are rounded otherwise")
        else:
            self._judge(stage, outcomes, base)

    def _collect(self, stage: str, outcomes: Mapping[str, Outcome]) -> None:
        parted = [name for name, each in outcomes.items() if each.how == PARTED]
        if stage == "factors":
            self.parted |= {(stage, name) for name in parted}
        elif parted:
            self.parted |= {(stage, ""), (stage, "portfolio"), (stage, "costs")}

    def _compare(
        self, stage: str, base: Remade, made: Remade, dates: pd.DatetimeIndex
    ) -> dict[str, Outcome]:
        ours, theirs = list_views(stage, base), list_views(stage, made)
        same = base["bars"].panel.symbols == made["bars"].panel.symbols
        self.exact = exact = same and self.kind not in {"split", "jitter"}
        found = {}
        for item, view in ours.items():
            one = view()
            if self.kind == "split" and one.given:
                continue
            if item not in theirs:
                found[item] = Outcome(PARTED, Difference(item, 0, "", "", "there", "missing", 0))
                continue
            found[item] = compare(item, one, theirs[item](), dates, self.stop, exact)
        return found

    def _judge(self, stage: str, outcomes: Mapping[str, Outcome], base: Remade) -> None:
        if stage == "factors":
            self._judge_factors(outcomes, base.settings.factors)
        elif stage == "account":
            self._judge_account(outcomes)
        else:
            parted = [each for each in outcomes.values() if each.first is not None]
            self._tell(stage, "", min(parted, key=_row).first if parted else None)

    def _judge_factors(
        self, outcomes: Mapping[str, Outcome], factors: Mapping[str, Factor]
    ) -> None:
        """Each factor by itself; a formula that names another factor follows from it."""
        parted = {name for name, each in outcomes.items() if each.how == PARTED}
        for name, each in outcomes.items():
            factor = factors[name]
            read = fields(factor.node) if isinstance(factor, Formula) else frozenset()
            others = sorted(other for other in parted - {name} if other.lower() in read)
            if name in parted and others:
                why = f"{self.title} {others[0]}, which it names, differs already"
                self._note("factors", name, UNCHECKED, why=why)
            else:
                self._tell("factors", name, each.first)

    def _judge_account(self, outcomes: Mapping[str, Outcome]) -> None:
        """The portfolio decides, at a close, by what the costs have left by then."""
        targets = outcomes["targets"].first
        money = [each for name, each in outcomes.items() if name != "targets" and each.first]
        paid = min(money, key=_row).first if money else None
        by_costs = paid is not None and (targets is None or paid.row <= targets.row)
        self._tell("account", "costs", paid if by_costs else None)
        if by_costs and targets is not None:
            why = f"{self.title} what is held differs already"
            self._note("account", "portfolio", UNCHECKED, why=why)
        else:
            self._tell("account", "portfolio", targets)

    def _tell(self, stage: str, name: str, first: Difference | None) -> None:
        verdict = CLEAN if first is None else LATER if self.kind == "split" else LEAK
        self._note(stage, name, verdict, first)

    def _note(
        self, stage: str, name: str, verdict: str, first: Difference | None = None, why: str = ""
    ) -> None:
        shows = self.kind in SHOWING
        self.seen.append(Seen((stage, name), verdict, self.title, shows, first, why))


def _row(outcome: Outcome) -> int:
    return outcome.first.row if outcome.first is not None else -1
