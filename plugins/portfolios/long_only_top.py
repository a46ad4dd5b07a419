"""Long the best names, nothing short."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import engine
from plugins.portfolios._weights import ROUNDING, Book, Selected


@dataclass(frozen=True)
class LongOnlyTop(Selected):
    """Long the names with the highest signal.

    Their number is `top_n`, or ⌊quantile × eligible names⌋ when `top_n` is 0; ties go by
    symbol. Cash is not borrowed: `gross` times the exposure is cut to 1.
    """

    name: ClassVar[str] = "long_only_top"

    quantile: float = engine.option(
        0.2, "part of the names to hold; not used with top_n", unit="fraction", ge=0.0, le=1.0
    )
    top_n: int = engine.option(0, "names to hold; 0 takes the quantile", unit="names", ge=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.gross > 1.0:
            raise engine.ConfigError(
                f"portfolio.gross: {self.gross:g} is above 1 and cash is not borrowed: write 1.0, "
                "or choose portfolio=quantile_long_short"
            )
        if not (0.0 < self.quantile <= 1.0):
            raise engine.ConfigError(
                f"portfolio.quantile: {self.quantile:g} is not in (0, 1]: write 0.2"
            )

    def pick(self, score: engine.FloatArray, book: Book) -> engine.FloatArray | None:
        """Return the weights, or None with fewer than `min_names` or `top_n` names."""
        ranked = book.ranked(score, np.isfinite(score))
        size = self.top_n or int(len(ranked) * self.quantile + ROUNDING)
        if size < self.min_names or size > len(ranked):
            return None
        top = ranked[:size]
        weights = np.zeros(len(score))
        weights[top] = self.sized(top, score, book, self.gross)
        return weights

    def allowed(self, exposure: float) -> float:
        """The exposure, cut where it would borrow cash."""
        return min(exposure, 1.0 / self.gross) if self.gross > 0.0 else exposure

    def complaint(self, most: int) -> str:
        """Name the key that asks for too much and how many names there were."""
        asked = f"top_n: {self.top_n}" if self.top_n else f"quantile: {self.quantile:g}"
        return (
            f"portfolio.{asked} of at most {most} names with a signal is not to be had, or fewer "
            f"than portfolio.min_names={self.min_names}, on every date: widen the universe, or "
            "change portfolio.quantile or portfolio.top_n"
        )
