"""What a decision may look at: the panel up to one row, and what is held there."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

import engine

Names = npt.NDArray[np.intp]

YEAR = 252  # trading days, to annualise a volatility


class Book:
    """What a pick may look at: the panel up to one row, and the weights held at its close.

    Parameters
    ----------
    panel : engine.Panel
    row : int
        The row of the decision; nothing after it is read.
    names : int array, shape (N,)
        The rank of each symbol among the symbols, by which ties go.
    window : int
        Rows of returns for `volatility` and `risk`.
    held : float array, shape (N,)
        Past targets, drifted to this close.
    exposure : float
        What the regime allows, known at this close.
    notes : list of str
        Where a portfolio writes down which decisions it could not make as asked.
    """

    def __init__(
        self,
        panel: engine.Panel,
        row: int,
        names: Names,
        window: int,
        held: engine.FloatArray,
        exposure: float,
        notes: list[str],
    ) -> None:
        self.panel, self.row, self.names = panel, row, names
        self.held, self.exposure, self.notes = held, exposure, notes
        self._window = window
        self._volatility: engine.FloatArray | None = None

    @property
    def date(self) -> str:
        """The row's date, for messages."""
        return str(self.panel.dates[self.row].date())

    @property
    def volatility(self) -> engine.FloatArray:
        """Standard deviation of the last returns, shape (N,); NaN where unknown or zero."""
        if self._volatility is None:
            self._volatility = deviation(self.recent(self._window), max(2, self._window // 2))
        return self._volatility

    def recent(self, window: int) -> engine.FloatArray:
        """The returns of the last `window` rows, this one included, shape (≤ window, N)."""
        return self.panel.returns[max(0, self.row + 1 - window) : self.row + 1]

    def risk(self, weights: engine.FloatArray) -> float:
        """Yearly volatility of these weights (N,) by the covariance of the last returns."""
        columns = self.sorted(weights != 0.0)
        centred = deviations(self.recent(self._window)[:, columns])
        daily = np.square((centred * weights[columns]).sum(axis=1)).sum()
        return float(np.sqrt(daily / max(len(centred) - 1, 1) * YEAR))

    def sectors(self, key: str, off: str) -> npt.NDArray[np.str_]:
        """Labels of the symbols, shape (N,), "" where unknown: those form one sector.

        Raises
        ------
        engine.ConfigError
            If there are none at all; `key` asks for them and the value `off` does without.
        """
        if "sector" not in self.panel.groups:
            raise engine.ConfigError(
                f"portfolio.{key}: the symbols have no sectors: give them in "
                f"universe.tags.sector, or write portfolio.{key}={off}"
            )
        return np.array(self.panel.groups["sector"])

    def sorted(self, among: engine.BoolArray) -> Names:
        """Columns of `among` in the order of their symbols, whatever the panel's order."""
        columns = np.flatnonzero(among)
        return columns[np.argsort(self.names[columns])]

    def ranked(self, score: engine.FloatArray, among: engine.BoolArray) -> Names:
        """Columns of `among` from the highest score to the lowest; ties by symbol."""
        columns = np.flatnonzero(among & np.isfinite(score))
        return columns[np.lexsort((self.names[columns], -score[columns]))]


def deviation(recent: engine.FloatArray, least: int) -> engine.FloatArray:
    """Standard deviation of each column, NaN with fewer than `least` values or if it is 0."""
    known = np.isfinite(recent)
    count = known.sum(axis=0)
    value = np.where(known, recent, 0.0)
    mean = value.sum(axis=0) / np.maximum(count, 1)
    squares = (np.where(known, value - mean, 0.0) ** 2).sum(axis=0)
    spread: engine.FloatArray = np.sqrt(squares / np.maximum(count - 1, 1))
    spread[(count < least) | (spread <= 1e-12)] = np.nan
    return spread


def deviations(recent: engine.FloatArray) -> engine.FloatArray:
    """X with XᵀX / (T - 1) a covariance matrix of the columns, gaps or not, shape (T, n).

    A missing return adds nothing to any sum. Each column's deviations from its own mean are
    scaled by √((T - 1) / (count - 1)), so that the diagonal holds the variances of the returns
    that exist; a covariance then shrinks with the days that two symbols do not share, and the
    matrix stays positive semidefinite, as pairwise covariances do not.
    """
    known = np.isfinite(recent)
    count = known.sum(axis=0)
    mean = np.where(known, recent, 0.0).sum(axis=0) / np.maximum(count, 1)
    centred = np.where(known, recent - mean, 0.0)
    scaled: engine.FloatArray = centred * np.sqrt((len(recent) - 1) / np.maximum(count - 1, 1))
    return scaled


def by_sector(labels: npt.NDArray[np.str_]) -> engine.FloatArray:
    """One row per sector, by label, with 1 for its symbols and 0 elsewhere, (sectors, n)."""
    rows: engine.FloatArray = (np.unique(labels)[:, None] == labels).astype(np.float64)
    return rows
