"""Long the best names, nothing short."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import engine
from engine.plugins.portfolios._long_only import LongOnly
from engine.plugins.portfolios._weights import ROUNDING, Selected


@dataclass(frozen=True)
class LongOnlyTop(LongOnly, Selected):
    """Long the names with the highest signal.

    Their number is `top_n`, or ⌊quantile × eligible names⌋ when `top_n` is 0; at the cut names
    with one score share what is left, or take it by symbol (`decision.ties`). Cash is not
    borrowed: `gross` times the exposure is cut to 1.
    """

    name: ClassVar[str] = "long_only_top"

    top_n: int = engine.option(
        0, "names to hold, whatever the quantile; 0 takes the quantile", ge=0
    )

    def pick(self, score: engine.FloatArray, book: engine.Book) -> engine.FloatArray | None:
        """Return the weights, or None with fewer than `min_names` or `top_n` names."""
        known = np.isfinite(score)
        count = int(known.sum())
        size = self.top_n or int(count * self.quantile + ROUNDING)
        if size < self.min_names or size > count:
            return None
        return self.weigh(book.places(score, known, size), size, score, book, self.gross)

    def shortage(self, most: int) -> str:
        """Name the key that asks for too much and how many names there were."""
        asked = f"top_n: {self.top_n}" if self.top_n else f"quantile: {self.quantile:g}"
        return (
            f"portfolio.{asked} of at most {most} names with a signal is not to be had, or fewer "
            f"than portfolio.min_names={self.min_names}, on every date: widen the universe, or "
            "change portfolio.quantile or portfolio.top_n"
        )
