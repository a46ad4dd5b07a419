"""Long the best names, each with the same part of the risk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import engine
from engine.plugins.portfolios._optimise import SOLVER, OptimisedTop
from engine.plugins.portfolios._weights import Names


@dataclass(frozen=True)
class RiskParity(OptimisedTop):
    """Long the top of the signal, each name with an equal contribution to the variance.

    Maillard, Roncalli & Teïletche (2010): w_i (Σw)_i is the same for all, unless `max_weight`
    binds. See `OptimisedTop` for the signal's role.
    """

    name: ClassVar[str] = "risk_parity"

    def optimiser(self, cap: float, columns: Names, book: engine.Book) -> Any:
        """Return skfolio's RiskBudgeting with equal budgets of variance."""
        from skfolio import RiskMeasure
        from skfolio.optimization import RiskBudgeting

        return RiskBudgeting(
            risk_measure=RiskMeasure.VARIANCE,
            prior_estimator=self.prior(),
            max_weights=cap,
            solver_params=SOLVER,
        )
