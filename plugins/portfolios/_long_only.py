"""What portfolios without short positions share: the part of the signal, and no borrowed cash."""

from __future__ import annotations

from dataclasses import dataclass

import engine
from engine.plugins.portfolios._weights import Paced


@dataclass(frozen=True)
class LongOnly(Paced):
    """A portfolio of the names with the highest signal, nothing short, cash not borrowed."""

    quantile: float = engine.option(
        0.2, "part of the eligible names to hold", unit="fraction", gt=0.0, le=1.0
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.gross > 1.0:
            raise engine.ConfigError(
                f"portfolio.gross: {self.gross:g} is above 1 and cash is not borrowed: write 1.0, "
                "or choose portfolio=quantile_long_short"
            )

    def allow(self, exposure: float) -> float:
        """The exposure, cut where it would borrow cash."""
        return min(exposure, 1.0 / self.gross) if self.gross > 0.0 else exposure
