"""Long the best names, sized by hierarchical risk parity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import engine
from engine.plugins.portfolios._optimise import OptimisedTop
from engine.plugins.portfolios._weights import Names


@dataclass(frozen=True)
class HRP(OptimisedTop):
    """Long the top of the signal, sized by hierarchical risk parity.

    López de Prado (2016): names are ordered by a tree over the distances √((1 - ρ) / 2), and
    weight is split between halves of that order by their inverse variance. Ward's linkage, as
    skfolio has it; the paper's is single linkage. See `OptimisedTop` for the signal's role.
    """

    name: ClassVar[str] = "hrp"

    def optimiser(self, cap: float, columns: Names, book: engine.Book) -> Any:
        """Return skfolio's HierarchicalRiskParity on variances."""
        from skfolio import RiskMeasure
        from skfolio.optimization import HierarchicalRiskParity

        return HierarchicalRiskParity(
            risk_measure=RiskMeasure.VARIANCE, prior_estimator=self.prior(), max_weights=cap
        )
