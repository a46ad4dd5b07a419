"""A factor that is one formula."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.errors import ConfigError
from engine.expr.executor import evaluate
from engine.expr.facts import lookback
from engine.expr.parser import parse
from engine.kinds import Factor, option
from engine.panel import FloatArray, Panel


@dataclass(frozen=True)
class Formula(Factor):
    """One formula of the formula language.

    Derive from it to ship a formula as a plugin: set `name`, and `formula` to its text.
    """

    name: ClassVar[str] = "formula"
    formula: str = option("", "the formula, such as rank(close / delay(close, 5))")

    def __post_init__(self) -> None:
        if not self.formula.strip():
            raise ConfigError("formula is empty: write one, such as rank(close)")
        parse(self.formula)

    @property
    def lookback(self) -> int | None:
        """Rows before t that row t reads, or None when it reads all of them."""
        return lookback(parse(self.formula))

    def compute(self, panel: Panel) -> FloatArray:
        """Return the formula's values, shape (T, N)."""
        return evaluate({self.name: self.formula}, panel)[self.name]
