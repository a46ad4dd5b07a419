"""Long and short by the signal, without beta and sectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

import engine
from engine.plugins.portfolios._risk import by_sector
from engine.plugins.portfolios._weights import Paced


@dataclass(frozen=True)
class FactorNeutral(Paced):
    """Weights in proportion to the part of the signal that beta and sectors do not explain.

    The signal is regressed on a constant, each name's beta and sector dummies, over the names
    of the date; weights are the residuals, scaled to `gross`. Their sum, their beta and their
    net weight in each sector are 0 to rounding, at any exposure, unless `max_weight`,
    `no_trade_band` or `max_turnover` binds on that date, or names that are held have no bar.

    Beta is that of the last `beta_window` returns to the mean return of the universe's members;
    half of them must exist. Where the regression leaves nothing, the date decides nothing.
    """

    name: ClassVar[str] = "factor_neutral"

    beta: bool = engine.option(True, "hold no beta to the universe's mean return")
    beta_window: int = engine.option(
        252, "of returns for beta, today's included", unit="trading days", ge=3
    )
    sector: bool = engine.option(True, "hold each sector as long as short")

    def able(self, book: engine.Book) -> engine.BoolArray | bool:
        """Which symbols have a beta, if it is asked for, shape (N,)."""
        enough = super().able(book)
        return enough & np.isfinite(self._betas(book)) if self.beta else enough

    def pick(self, score: engine.FloatArray, book: engine.Book) -> engine.FloatArray | None:
        """Return the scaled residuals, or None with fewer than `min_names` a side."""
        columns = book.sorted(np.isfinite(score))
        known = score[columns]
        weights = np.zeros(len(score))
        left = residual(known, self._exposures(book)[:, columns])
        if not np.abs(left).max(initial=0.0) > 1e-9 * np.abs(known).max(initial=0.0):
            return None
        if min((left > 0.0).sum(), (left < 0.0).sum()) < self.min_names:
            return None
        weights[columns] = left * (self.gross / np.abs(left).sum())
        return weights

    def shortage(self, most: int) -> str:
        """Name the history that a beta needs and how many names had it."""
        return (
            f"portfolio.name={self.name}: at most {most} names have a signal and a beta over "
            f"portfolio.beta_window={self.beta_window}, or fewer than "
            f"portfolio.min_names={self.min_names} a side are left, on every date: widen the "
            "universe, lower beta_window, or write portfolio.sector=false"
        )

    def find_sectors(self, book: engine.Book) -> npt.NDArray[np.str_] | None:
        """Sectors, if each is to be as long as short."""
        return book.sectors("sector", "false") if self.sector else None

    def _exposures(self, book: engine.Book) -> engine.FloatArray:
        """One row per factor to be neutral to, shape (K, N); the first ones sum to a constant."""
        labels = self.find_sectors(book)
        rows = by_sector(np.full(len(book.held), "") if labels is None else labels)
        return np.vstack([rows, self._betas(book)]) if self.beta else rows

    def _betas(self, book: engine.Book) -> engine.FloatArray:
        market = book.market(self.beta_window)[:, None]
        returns = book.recent(self.beta_window)
        known = np.isfinite(returns) & np.isfinite(market)
        count = known.sum(axis=0)
        ours = _centre(returns, known)
        theirs = _centre(np.broadcast_to(market, returns.shape), known)
        beta: engine.FloatArray = np.full(len(count), np.nan)
        power = np.square(theirs).sum(axis=0)
        enough = (count >= max(2, self.beta_window // 2)) & (power > 0.0)
        np.divide((ours * theirs).sum(axis=0), power, out=beta, where=enough)
        return beta


def residual(score: engine.FloatArray, exposures: engine.FloatArray) -> engine.FloatArray:
    """The part of a score (n,) at right angles to all rows of exposures (K, n)."""
    length = np.linalg.norm(exposures, axis=1, keepdims=True)
    rows = exposures[length[:, 0] > 0.0] / length[length[:, 0] > 0.0]
    if rows.size == 0:
        return score
    _, size, basis = np.linalg.svd(rows, full_matrices=False)
    basis = basis[size > 1e-10 * size[0]]  # beta may be all in the sectors
    left = score
    for _ in range(2):  # the second pass takes away what rounding left
        left = left - basis.T @ (basis @ left)
    return left


def _centre(values: engine.FloatArray, known: engine.BoolArray) -> engine.FloatArray:
    """Deviations from each column's mean over what is known, 0 elsewhere."""
    mean = np.where(known, values, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    centred: engine.FloatArray = np.where(known, values - mean, 0.0)
    return centred
