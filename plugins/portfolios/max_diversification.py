"""Long the best names, as diversified as can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

import engine
from engine.plugins.portfolios._optimise import SLACK, SOLVER, OptimisedTop, Unsolved
from engine.plugins.portfolios._risk import by_sector
from engine.plugins.portfolios._weights import Names


@dataclass(frozen=True)
class MaxDiversification(OptimisedTop):
    """Long the top of the signal, with the highest diversification ratio w'σ / √(w'Σw).

    Choueifaty & Coignard (2008). See `OptimisedTop` for the signal's role.
    """

    name: ClassVar[str] = "max_diversification"

    max_sector: float | None = engine.option(
        None, "cap on one sector at exposure 1; null is none", unit="fraction of equity", ge=0.0
    )

    def optimiser(self, cap: float, columns: Names, book: engine.Book) -> Any:
        """Return skfolio's MaximumDiversification, each sector within its cap."""
        from skfolio.optimization import MaximumDiversification

        sectors = self._sectors(columns, book)
        bound = None if sectors is None else np.full(len(sectors), self._cap() / self.gross)
        return MaximumDiversification(
            prior_estimator=self.prior(),
            max_weights=cap,
            left_inequality=sectors,
            right_inequality=bound,
            solver_params=SOLVER,
        )

    def solve(
        self,
        returns: engine.FloatArray,
        score: engine.FloatArray,
        columns: Names,
        book: engine.Book,
    ) -> engine.FloatArray:
        """Return the weights of `OptimisedTop`, no sector above `max_sector`."""
        found = super().solve(returns, score, columns, book)
        sectors = self._sectors(columns, book)
        if sectors is not None and (sectors @ found).max() > self._cap() + SLACK:
            raise Unsolved("a sector exceeds its cap")
        return found

    def limits(self, book: engine.Book) -> str:
        """The constraints as written."""
        more = "" if self.max_sector is None else f", max_sector={self.max_sector:g}"
        return super().limits(book) + more

    def find_sectors(self, book: engine.Book) -> npt.NDArray[np.str_] | None:
        """Sectors, if they have a cap."""
        return None if self.max_sector is None else book.sectors("max_sector", "null")

    def _cap(self) -> float:
        return 1.0 if self.max_sector is None else self.max_sector

    def _sectors(self, columns: Names, book: engine.Book) -> engine.FloatArray | None:
        labels = self.find_sectors(book)
        return None if labels is None else by_sector(labels[columns])
