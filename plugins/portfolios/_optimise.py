"""What the optimised portfolios of this room share: the covariance, the solver, the fallback.

1. The covariance is that of the last `window` returns, the row's own included, of symbols with
   at least `min_history` of them; gaps as in `_risk.deviations`; shrunk as `shrinkage` says.
2. Symbols enter the solver in the order of their names, BLAS and the solver on one thread, so
   that the same data give the same bytes.
3. Returns are divided by the root of their median variance, which changes no optimum but
   keeps the solver's absolute tolerances small against the objective.
4. What the solver returns is checked against the constraints; a failure is the `fallback`'s.

`import skfolio` takes 4 to 6 seconds, once a process, at the first decision.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

import engine
from engine.plugins.portfolios._long_only import LongOnly
from engine.plugins.portfolios._risk import deviation, deviations
from engine.plugins.portfolios._weights import ROUNDING, Names, Paced, apply_cap

SHRINKAGES = ("ledoit_wolf", "oas", "none")
FALLBACKS = ("raise", "hold", "equal")
SOLVER = {"tol_gap_abs": 1e-10, "tol_gap_rel": 1e-10, "tol_feas": 1e-9, "max_threads": 1}
DUST = 1e-7  # of equity: what an interior-point solver leaves where it means 0
SLACK = 1e-5  # of equity: how far a constraint may be missed


class Unsolved(Exception):  # noqa: N818 — an answer of the solver, not a mistake
    """The optimiser found no weights."""


@dataclass(frozen=True)
class Optimised(Paced):
    """A portfolio that an optimiser sizes by the covariance of past returns."""

    window: int = engine.option(
        252, "of returns for the covariance, today's included", unit="trading days", ge=3
    )
    min_history: float = engine.option(
        0.8,
        "part of the window's returns that a symbol must have to be held",
        unit="fraction",
        ge=0.0,
        le=1.0,
    )
    shrinkage: str = engine.option(
        "ledoit_wolf", "of the covariance (Ledoit & Wolf 2004; OAS: Chen et al. 2010)",
        choices=SHRINKAGES,
    )  # fmt: skip
    fallback: str = engine.option(
        "raise",
        "without a solution: stop, hold what is held, or weigh names equally",
        choices=FALLBACKS,
    )

    @abstractmethod
    def choose(self, score: engine.FloatArray, book: engine.Book) -> Names:
        """Columns to give weights to; none where there are too few."""

    @abstractmethod
    def solve(
        self,
        returns: engine.FloatArray,
        score: engine.FloatArray,
        columns: Names,
        book: engine.Book,
    ) -> engine.FloatArray:
        """Return the weights of the columns, shape (n,), at exposure 1.

        Parameters
        ----------
        returns : float array, shape (window, n)
            Of the columns, as `_risk.deviations` gives them.
        score : float array, shape (N,)
        columns : int array, shape (n,)
            In the order of their symbols.

        Raises
        ------
        Unsolved
            If there are none.
        """

    @abstractmethod
    def equal(
        self, score: engine.FloatArray, columns: Names, book: engine.Book
    ) -> engine.FloatArray:
        """Return the weights of the columns, shape (n,), without an optimiser."""

    @abstractmethod
    def limits(self, book: engine.Book) -> str:
        """The constraints as written, for messages."""

    def able(self, book: engine.Book) -> engine.BoolArray | bool:
        """Which symbols have moved and have `min_history` of the window, shape (N,)."""
        least = max(2, int(np.ceil(self.window * self.min_history - ROUNDING)))
        known = np.isfinite(deviation(book.recent(self.window), least))
        return known & super().able(book)

    def pick(self, score: engine.FloatArray, book: engine.Book) -> engine.FloatArray | None:
        """Return the optimiser's weights, or what `fallback` says; None with too few names."""
        columns = self.choose(score, book)
        if len(columns) == 0:
            return None
        weights = np.zeros(len(score))
        try:
            weights[columns] = self._solve(score, columns, book)
        except Unsolved as failure:
            complaint = self._failure(len(columns), book)
            if self.fallback == "raise":
                raise engine.ConfigError(complaint) from failure
            book.notes.append(complaint)
            if self.fallback == "hold":
                return None
            weights[columns] = self.equal(score, columns, book)
        return weights

    def _solve(
        self, score: engine.FloatArray, columns: Names, book: engine.Book
    ) -> engine.FloatArray:  # fmt: skip
        import skfolio.optimization  # noqa: F401 — limits reach only the BLAS that is loaded
        from threadpoolctl import threadpool_limits

        returns = deviations(book.recent(self.window)[:, columns])
        with threadpool_limits(limits=1, user_api="blas"):
            found = self.solve(returns, score, columns, book)
        return np.where(np.abs(found) < DUST, 0.0, found)

    def _failure(self, count: int, book: engine.Book) -> str:
        return (
            f"portfolio.name={self.name}: the optimiser finds no weights on {book.date} for "
            f"{count} names with {self.limits(book)}: relax one of these, or write "
            "portfolio.fallback=hold"
        )

    def shortage(self, most: int) -> str:
        """Name the keys that ask for more names or history than there are."""
        return (
            f"portfolio.name={self.name}: at most {most} names have a signal and "
            f"{self.min_history:.0%} of {self.window} returns, too few on every date: lower "
            f"portfolio.window or portfolio.min_names={self.min_names}, or widen the universe"
        )

    def prior(self) -> Any:
        """What estimates the covariance of the returns for skfolio's optimisers."""
        from skfolio.moments import OAS, EmpiricalCovariance, LedoitWolf
        from skfolio.prior import EmpiricalPrior

        estimator = {"ledoit_wolf": LedoitWolf, "oas": OAS, "none": EmpiricalCovariance}
        return EmpiricalPrior(covariance_estimator=estimator[self.shrinkage]())


@dataclass(frozen=True)
class OptimisedTop(LongOnly, Optimised):
    """An optimised portfolio, long only, of the names with the highest signal.

    The signal picks the ⌊quantile × eligible names⌋ names and does nothing else: their weights
    come from the covariance alone, and sum to `gross`. Of names with one score at the cut all
    are taken in, or the first by symbol, as `decision.ties` says.
    """

    @abstractmethod
    def optimiser(self, cap: float, columns: Names, book: engine.Book) -> Any:
        """Return skfolio's optimiser of weights that sum to 1, none above `cap`."""

    def choose(self, score: engine.FloatArray, book: engine.Book) -> Names:
        """Columns of the highest signals, by symbol; none with fewer than `min_names`."""
        known = np.isfinite(score)
        size = int(known.sum() * self.quantile + ROUNDING)
        places = book.places(score, known, size if size >= self.min_names else 0)
        return book.sorted(places > 0.0)

    def solve(
        self,
        returns: engine.FloatArray,
        score: engine.FloatArray,
        columns: Names,
        book: engine.Book,
    ) -> engine.FloatArray:
        """Return weights >= 0 that sum to `gross`, none above `max_weight`."""
        count = len(columns)
        if self.gross == 0.0:
            return np.zeros(count)
        cap = min(1.0, self.max_weight / self.gross)
        if cap * count < 1.0 - ROUNDING:
            raise Unsolved("the cap leaves gross to invest")
        if count == 1:  # nothing to optimise
            return np.full(1, self.gross)
        found = run_optimiser(self.optimiser(cap, columns, book), returns)
        if abs(found.sum() - 1.0) > SLACK or found.min() < -SLACK or found.max() > cap + SLACK:
            raise Unsolved("the solution misses its constraints")
        found = np.clip(np.where(found < DUST, 0.0, found), 0.0, cap)
        return apply_cap(found, self.gross, self.max_weight, book.date)

    def equal(
        self, score: engine.FloatArray, columns: Names, book: engine.Book
    ) -> engine.FloatArray:
        """Return the same weight for each, or raise where even that exceeds the cap."""
        return apply_cap(np.ones(len(columns)), self.gross, self.max_weight, book.date)

    def limits(self, book: engine.Book) -> str:
        """The constraints as written."""
        return f"gross={self.gross:g}, max_weight={self.max_weight:g}"


def run_optimiser(optimiser: Any, returns: engine.FloatArray) -> engine.FloatArray:
    """Return what an optimiser of skfolio makes of returns (T, n) over their unit, shape (n,).

    Raises
    ------
    Unsolved
        If it fails, or its answer is not finite.
    """
    from skfolio.exceptions import OptimizationError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "may be inaccurate": the caller checks
            optimiser.fit(returns / unit(returns))
    except (OptimizationError, np.linalg.LinAlgError) as failure:
        raise Unsolved(str(failure)) from failure
    weights: engine.FloatArray = np.asarray(optimiser.weights_, np.float64)
    if not np.isfinite(weights).all():
        raise Unsolved("weights are not finite")
    return weights


def unit(returns: engine.FloatArray) -> float:
    """What the returns (T, n) are divided by for the solver: the root of their median variance."""
    return float(np.sqrt(np.median(np.square(returns).mean(axis=0))))
