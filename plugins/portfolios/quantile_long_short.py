"""Long the best names, short the worst."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

import engine
from engine.plugins.portfolios._weights import ROUNDING, Selected


@dataclass(frozen=True)
class QuantileLongShort(Selected):
    """Long the top quantile of the signal, short the bottom one.

    Each side has ⌊quantile × eligible names⌋ places; names with one score share them or take them
    by symbol, as `decision.ties` says. A tie that both sides reach into is held on one of them at
    most, with what it would fill there less what it would fill on the other; both sides then
    weigh less, and alike. With `sector_neutral`
    names are picked within each sector (symbols without a label form one): ⌊quantile × names⌋
    a side but at least one, none from a sector of a single name. Each sector then has the same
    part of the long side as of the short one.
    """

    name: ClassVar[str] = "quantile_long_short"

    quantile: float = engine.option(
        0.2, "part of the names on each side", unit="fraction", gt=0.0, le=0.5
    )
    net: float = engine.option(
        0.0, "long minus short at exposure 1", unit="fraction of equity", ge=-1.0, le=1.0
    )
    sector_neutral: bool = engine.option(False, "pick within each sector")

    def __post_init__(self) -> None:
        super().__post_init__()
        if abs(self.net) > min(self.gross, 1.0):
            raise engine.ConfigError(
                f"portfolio.net: {self.net:g} is beyond the gross of {self.gross:g} or beyond 1 "
                "(cash is not borrowed): write 0.0"
            )

    def pick(self, score: engine.FloatArray, book: engine.Book) -> engine.FloatArray | None:
        """Return the weights of both sides, or None with fewer than `min_names` on each."""
        sides = list(self._sides(score, book))
        count = sum(size for size, _ in sides)
        if not self._enough([places for _, places in sides]):
            return None
        long, short = (self.gross + self.net) / 2.0, (self.gross - self.net) / 2.0
        weights = np.zeros(len(score))
        for size, places in sides:
            share = size / count
            weights += self.weigh(places, size, score, book, long * share)
            weights -= self.weigh(-places, size, score, book, short * share)
        return weights

    def _enough(self, sides: list[engine.FloatArray]) -> bool:
        """Whether each side has `min_names`; where it has one place, the other has as many."""
        return all(
            sum(int((sign * places > 0.0).sum()) for places in sides) >= self.min_names
            for sign in (1.0, -1.0)
        )

    def _sides(
        self, score: engine.FloatArray, book: engine.Book
    ) -> Iterator[tuple[int, engine.FloatArray]]:
        """How many names a side has, and who they are, in the universe or in each sector."""
        sectors = self.find_sectors(book)
        everyone = np.ones(len(score), bool)
        among = [everyone] if sectors is None else [sectors == s for s in np.unique(sectors)]
        for names in among:
            count = int((names & np.isfinite(score)).sum())
            size = int(count * self.quantile + ROUNDING)
            if self.sector_neutral:
                size = min(max(size, 1), count // 2)
            if size:
                yield size, book.places(score, names, size, size)

    def find_sectors(self, book: engine.Book) -> npt.NDArray[np.str_] | None:
        """Sectors, if names are picked within each."""
        return book.sectors("sector_neutral", "false") if self.sector_neutral else None

    def shortage(self, most: int) -> str:
        """Name the quantile and how many names there were."""
        return (
            f"portfolio.quantile: {self.quantile:g} of at most {most} names with a signal is "
            f"fewer than portfolio.min_names={self.min_names} a side on every date: "
            "raise the quantile or widen the universe"
        )
