"""A factor that is one formula."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from engine.core.errors import FormulaError
from engine.core.kinds import Factor
from engine.core.options import option
from engine.core.panel import FloatArray, Panel
from engine.expr.executor import evaluate
from engine.expr.facts import lookback
from engine.expr.missing import fit
from engine.expr.nodes import Node
from engine.expr.parser import DIALECTS, parse

log = logging.getLogger(__name__)
SPOKEN = ("auto", *DIALECTS)


@dataclass(frozen=True)
class Formula(Factor):
    """One formula of the formula language.

    Derive from it to ship a formula as a plugin: set `name`, and `formula` to its text.
    """

    name: ClassVar[str] = "formula"
    formula: str = option("", "the formula, such as rank(close / delay(close, 5))")
    missing: str = option(
        "raise",
        "when the data lack a field or grouping: stop, or warn and do without",
        choices=("raise", "warn"),
    )
    dialect: str = option(
        "auto",
        "whose words and signs the formula has: with auto, Qlib's where it has a $, else the "
        "paper's",
        choices=SPOKEN,
    )

    def __post_init__(self) -> None:
        if not self.formula.strip():
            raise FormulaError("formula is empty: write one, such as rank(close)")
        self.node  # noqa: B018 — it is read now, so that a mistake shows now

    @cached_property
    def node(self) -> Node:
        """The formula's tree."""
        return parse(self.formula, None if self.dialect == "auto" else self.dialect)

    @property
    def lookback(self) -> int | None:
        """Rows before t that row t reads, or None when it reads all of them.

        A factor that it names counts as a field: `engine.factors.sets.lookbacks` knows the set.
        """
        return lookback(self.node)

    def compute(self, panel: Panel) -> FloatArray:
        """Return the formula's values, shape (T, N)."""
        return evaluate(trees({self.name: self}, panel), panel)[self.name]


def trees(formulas: Mapping[str, Formula], panel: Panel) -> dict[str, str | Node]:
    """What to evaluate on this panel, by name; whatever is done without is logged, a line each."""
    made: dict[str, str | Node] = {}
    causes: dict[str, list[str]] = {}
    factors = frozenset(name.lower() for name in formulas)
    for name, factor in formulas.items():
        made[name] = factor.formula if factor.dialect == "auto" else factor.node
        if factor.missing == "warn":
            made[name], reasons = fit(factor.node, panel, factors)
            for reason in reasons:
                causes.setdefault(reason, []).append(name)
    for reason, names in causes.items():
        log.warning("%s (%s)", reason, ", ".join(names))
    return made
