"""Long and short, by expected return against variance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

import engine
from engine.plugins.portfolios._optimise import (
    SLACK,
    SOLVER,
    Optimised,
    Unsolved,
    run_optimiser,
    unit,
)
from engine.plugins.portfolios._risk import by_sector
from engine.plugins.portfolios._weights import Names, apply_cap, exact_sum


@dataclass(frozen=True)
class MeanVariance(Optimised):
    """Weights with the highest expected return less λ/2 times the variance.

    Markowitz (1952), with the returns of Grinold (1994): α_i = ic × σ_i × z_i, where z_i is the
    signal's z-score among the names of the date, σ_i the name's daily volatility and `ic` the
    correlation of the signal with the next day's returns. Only `ic` / `risk_aversion` matters.
    With a `net` of 0 and no constraint that binds, the weights are Σ⁻¹(α - ν1) / λ.

    `gross` is a limit here, not a target; `net` is met exactly. With `max_turnover` the optimum
    is sought within reach of the weights held, after what has to be sold in any case: a book
    that drifts further past the other limits than that has no solution. With
    `vol_target` as well, the trades to the scaled weights are shrunk once more.
    ``fallback: equal`` is long the upper half of the signal and short the lower one.
    """

    name: ClassVar[str] = "mean_variance"

    net: float = engine.option(
        0.0,
        "long minus short at exposure 1; met exactly",
        unit="fraction of equity",
        ge=-1.0,
        le=1.0,
    )
    ic: float = engine.option(
        0.02, "correlation of the signal with the next day's returns (Grinold 1994)", ge=0.0, le=1.0
    )
    risk_aversion: float = engine.option(
        5.0, "λ of return - λ/2 variance; only ic / risk_aversion matters", ge=0.0
    )
    max_sector: float | None = engine.option(
        None,
        "cap on the net weight of one sector, long or short, at exposure 1; null is none",
        unit="fraction of equity",
        ge=0.0,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if abs(self.net) > min(self.gross, 1.0):
            raise engine.ConfigError(
                f"portfolio.net: {self.net:g} is beyond the gross of {self.gross:g} or beyond 1 "
                "(cash is not borrowed): write 0.0"
            )

    def choose(self, score: engine.FloatArray, book: engine.Book) -> Names:
        """All eligible columns, by symbol; none with fewer than `min_names` a side."""
        columns = book.sorted(np.isfinite(score))
        return columns if len(columns) >= 2 * self.min_names else columns[:0]

    def solve(
        self,
        returns: engine.FloatArray,
        score: engine.FloatArray,
        columns: Names,
        book: engine.Book,
    ) -> engine.FloatArray:
        """Return the weights of the columns, within all limits."""
        if self.gross == 0.0:
            return np.zeros(len(columns))
        # the variance is in units of the returns squared, so alpha is too
        alpha = self._alpha(returns, score[columns]) / unit(returns) ** 2
        sectors = self._sectors(columns, book)
        reach = self._reach(columns, book)
        optimiser = self._optimiser(alpha, sectors, reach)
        weights = run_optimiser(optimiser, returns)
        self._refuse_missed(weights, sectors, reach)
        return weights

    def equal(
        self, score: engine.FloatArray, columns: Names, book: engine.Book
    ) -> engine.FloatArray:
        """Return the upper half of the signal long, the lower one short, each the same."""
        half, among = len(columns) // 2, np.zeros(len(score), bool)
        among[columns] = True
        places = book.places(score, among, half, half)[columns]
        weights = np.zeros(len(columns))
        for sign, total in zip((1.0, -1.0), self._sides(), strict=True):
            side = sign * places > 0.0
            filled = np.abs(places[side])
            if side.any():
                part = total * (exact_sum(filled) / half)
                weights[side] = sign * apply_cap(filled, part, self.max_weight, book.date)
        return weights

    def limits(self, book: engine.Book) -> str:
        """The constraints as written, and where trades start from if they are limited."""
        text = f"gross={self.gross:g}, net={self.net:g}, max_weight={self.max_weight:g}"
        for key, value in (("max_sector", self.max_sector), ("max_turnover", self.max_turnover)):
            text += "" if value is None else f", {key}={value:g}"
        if self.max_turnover is not None:
            gross, net = np.abs(book.held).sum(), book.held.sum()
            text += f" from a drifted gross of {gross:.2f} and net of {net:.2f}"
        return text

    def find_sectors(self, book: engine.Book) -> npt.NDArray[np.str_] | None:
        """Sectors, if they have a cap."""
        return None if self.max_sector is None else book.sectors("max_sector", "null")

    def _sides(self) -> tuple[float, float]:
        return (self.gross + self.net) / 2.0, (self.gross - self.net) / 2.0

    def _alpha(
        self, returns: engine.FloatArray, score: engine.FloatArray
    ) -> engine.FloatArray:  # fmt: skip
        """Expected daily returns of the columns, shape (n,)."""
        spread = score.std()
        z = (score - score.mean()) / spread if spread > 0.0 else np.zeros(len(score))
        volatility = np.sqrt(np.square(returns).sum(axis=0) / (len(returns) - 1))
        alpha: engine.FloatArray = self.ic * volatility * z
        return alpha

    def _sectors(self, columns: Names, book: engine.Book) -> engine.FloatArray | None:
        labels = self.find_sectors(book)
        return None if labels is None else by_sector(labels[columns])

    def _reach(self, columns: Names, book: engine.Book) -> tuple[engine.FloatArray, float] | None:
        """The weights held and how far from them to go, both at exposure 1; None: anywhere."""
        if self.max_turnover is None or book.exposure <= 0.0:
            return None
        sold = exact_sum(np.abs(np.delete(book.held - book.frozen, columns)))
        left = max(self.max_turnover - sold, 0.0)
        return book.held[columns] / book.exposure, left / book.exposure

    def _optimiser(
        self,
        alpha: engine.FloatArray,
        sectors: engine.FloatArray | None,
        reach: tuple[engine.FloatArray, float] | None,
    ) -> Any:
        from skfolio import RiskMeasure
        from skfolio.optimization import MeanRisk, ObjectiveFunction

        long, short = self._sides()
        both = None if sectors is None else np.vstack([sectors, -sectors])
        return MeanRisk(
            objective_function=ObjectiveFunction.MAXIMIZE_UTILITY,
            risk_measure=RiskMeasure.VARIANCE,
            risk_aversion=self.risk_aversion / 2.0,
            prior_estimator=self.prior(),
            overwrite_expected_return=lambda w: alpha @ w,
            min_weights=-min(self.max_weight, short),
            max_weights=min(self.max_weight, long),
            budget=self.net,
            max_long=long or None,  # a side of 0 is kept out by the bounds
            max_short=short or None,
            left_inequality=both,
            right_inequality=None if both is None else np.full(len(both), self.max_sector),
            add_constraints=None if reach is None else _near(*reach),
            solver_params=SOLVER,
        )

    def _refuse_missed(
        self,
        weights: engine.FloatArray,
        sectors: engine.FloatArray | None,
        reach: tuple[engine.FloatArray, float] | None,
    ) -> None:
        """Raise Unsolved where a solution misses a limit by more than the solver's noise."""
        missed = [
            abs(weights.sum() - self.net),
            np.abs(weights).max() - self.max_weight,
            np.abs(weights).sum() - self.gross,
        ]
        if sectors is not None and self.max_sector is not None:
            missed.append(np.abs(sectors @ weights).max() - self.max_sector)
        if reach is not None:
            missed.append(np.abs(weights - reach[0]).sum() - reach[1])
        if max(missed) > SLACK:
            raise Unsolved("the solution misses its constraints")


def _near(held: engine.FloatArray, reach: float) -> Callable[[Any], Any]:
    """The constraint that all trades from `held` sum to `reach` at most."""
    from cvxpy.atoms.norm1 import norm1

    return lambda w: norm1(w - held) <= reach
