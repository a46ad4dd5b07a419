"""How strong the premium must be for the planted score to have a given rank IC.

The score is what earns the premium (`_shapes.py`): of the linear shape, the signal itself. For that
one, to first order in the strength b, with s standard normal, X the label's noise of density f
across symbols, and the premium earned over the label's days worth b A sigma s to it,

    rank IC = (6 / sqrt(pi)) b A E[sigma f(X)],    A = sum of persistence^j, j = 1 .. h

which has no closed form here: X mixes betas times the market's move, sectors, unequal
volatilities and Student's t in regimes. So a reference cross-section, drawn from the same
law on the same market path, measures it; b is then solved for by bisection.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from engine import FloatArray
from engine.plugins.sources._market import (
    draw_market,
    draw_stocks,
    log_returns,
    premium,
    sector_paths,
)
from engine.plugins.sources._shapes import SHAPES

REFERENCE = 256  # symbols of the reference cross-section
DATES = 250  # of it, evenly spaced; relative error of b about 1 percent
STRONGEST = 1.0  # daily premium of a score of 1, in daily idiosyncratic volatilities
STEPS = 26


@lru_cache(maxsize=8)  # most runs of a process want the same market
def strength(
    rank_ic: float,
    horizon: int,
    shape: str,
    *,
    seed: int,
    days: int,
    market_vol: float,
    idio_vol: float,
    sector_vol: float,
    persistence: float,
) -> float:
    """Return the premium's strength that gives the score of a shape this rank IC.

    Parameters
    ----------
    rank_ic : float
        Mean over dates of the Spearman correlation, across symbols, of the score at t with
        close[t+1+h] / close[t+1] - 1. A panel of few symbols (n) measures n / (n + 1) of it,
        as Spearman's coefficient does.
    horizon : int
        h, in trading days.
    shape : str
        One of `SHAPES`.
    days : int
        Of the market path, more than h + 2.

    Returns
    -------
    float
        NaN when no strength up to 1 reaches `rank_ic`.
    """
    if rank_ic == 0.0:
        return 0.0
    chosen, market = SHAPES[shape], draw_market(seed, days, market_vol)
    names = [f"reference {i}" for i in range(REFERENCE)]
    stocks = draw_stocks(seed, names, days, idio_vol, persistence, chosen.signals, wiggle=False)
    score = chosen.score(market, stocks.signals)
    sectors = sector_paths(seed, stocks.sector, market, sector_vol)
    dates = np.unique(np.linspace(0, days - horizon - 2, DATES).astype(int))
    noise = _label(log_returns(market, sectors, stocks, score, 0.0), dates, horizon)
    gain = _label(premium(market, stocks, score), dates, horizon)
    ranks = _ranks(score[dates])

    def measure(b: float) -> float:
        return float((ranks * _ranks(noise + b * gain)).sum(axis=1).mean())

    # Without a premium the true value is 0: what is measured there is noise that the same
    # draws have at every b, so it is taken off.
    chance = measure(0.0)
    low, high = 0.0, STRONGEST
    if measure(high) - chance < abs(rank_ic):
        return float("nan")
    for _ in range(STEPS):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if measure(middle) - chance > abs(rank_ic) else (middle, high)
    return float(np.copysign(0.5 * (low + high), rank_ic))


def _label(log_return: FloatArray, dates: npt.NDArray[np.intp], horizon: int) -> FloatArray:
    """Log return from the close of t+1 to that of t+1+h, shape (D, N); monotone in the label."""
    total = np.cumsum(log_return, axis=0)
    label: FloatArray = total[dates + 1 + horizon] - total[dates + 1]
    return label


def _ranks(values: FloatArray) -> FloatArray:
    """Ranks along each row, centred and of unit length; continuous values have no ties."""
    count = values.shape[1]
    ranks = np.empty(values.shape)
    centred = np.arange(count) - (count - 1) / 2.0
    np.put_along_axis(ranks, np.argsort(values, axis=1), centred[None, :], axis=1)
    unit: FloatArray = ranks / np.sqrt((ranks[0] ** 2).sum())
    return unit
