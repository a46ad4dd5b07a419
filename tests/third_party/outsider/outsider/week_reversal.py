"""A factor that is one formula."""

from dataclasses import dataclass
from typing import ClassVar

import engine


@dataclass(frozen=True)
class WeekReversal(engine.Formula):
    """Minus the return of the last week."""

    name: ClassVar[str] = "week_reversal"
    formula: str = engine.option("-(close / delay(close, 5) - 1)", "the formula")
