"""How much names move, by the returns that a book shows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

import engine


def volatility(book: engine.Book, window: int) -> engine.FloatArray:
    """Standard deviation of the last `window` returns, shape (N,).

    NaN with fewer than half of them, and where it is zero.
    """
    return deviation(book.recent(window), max(2, window // 2))


def risk(book: engine.Book, weights: engine.FloatArray, window: int) -> float:
    """Yearly volatility of these weights (N,) by the covariance of the last `window` returns."""
    columns = book.sorted(weights != 0.0)
    centred = deviations(book.recent(window)[:, columns])
    per_row = np.square((centred * weights[columns]).sum(axis=1)).sum()
    return float(np.sqrt(per_row / max(len(centred) - 1, 1) * book.periods_per_year))


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
