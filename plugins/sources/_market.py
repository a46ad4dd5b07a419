"""The paths of the simulated market: regimes, market, sectors, stocks.

Every path has a random stream of its own, keyed by the seed and a word; so no path
depends on which others are drawn, or in which order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np

from engine import FloatArray

YEAR = 252.0
# State: daily volatility over its long-run root mean square, log drift per year, mean stay
# in days. Mean stays and the moves below give shares of 54%, 40% and 6% of all days.
STATES = ("calm", "normal", "turbulent")
MULTIPLIER = (0.74, 1.06, 2.12)
DRIFT = (0.14, 0.06, -0.35)
STAY = (120.0, 60.0, 25.0)
UP_FROM_NORMAL = 1.0 / 3.0  # a normal market turns turbulent rather than calm
FREEDOM = 5.0  # degrees of freedom of Student's t
CLIP = 6.0  # in standard deviations: no day halves a price
SECTORS = (
    "Energy",
    "Financials",
    "Health Care",
    "Industrials",
    "Materials",
    "Staples",
    "Technology",
    "Utilities",
)


@dataclass(frozen=True)
class Market:
    """What all symbols share; arrays of shape (T,), one row per business day."""

    state: FloatArray  # index into STATES
    multiplier: FloatArray  # volatility of the day over its long-run value
    returns: FloatArray  # log return
    vix: FloatArray  # annualised percent, known at the close


@dataclass(frozen=True)
class Stocks:
    """What each symbol has of its own; (N,) unless a shape is given."""

    sector: tuple[str, ...]
    beta: FloatArray
    vol: FloatArray  # idiosyncratic, per day
    price: FloatArray  # before the first day
    size: FloatArray  # traded value over the median symbol's
    fate: FloatArray  # (7, N) uniforms: late, when; delisted, when; suspended, when, how long
    shock: FloatArray  # (T, N) unit variance
    signals: tuple[FloatArray, ...]  # (T, N) each: independent, standard normal, persistent
    wiggle: FloatArray  # (4, T, N) standard normals: gap, high, low, volume; (0, T, N) if not asked


def stream(seed: int, *words: str) -> np.random.Generator:
    """Return the random stream of a seed and some words."""
    key = int.from_bytes(blake2b("/".join(words).encode(), digest_size=8).digest(), "little")
    return np.random.default_rng(np.random.SeedSequence([seed, key]))


@lru_cache(maxsize=2)  # a load asks three times; nobody writes into it
def draw_market(seed: int, days: int, vol: float) -> Market:
    """Draw regimes, market returns and VIX; `vol` is the market's, annualised."""
    state = _states(stream(seed, "regime"), days)
    multiplier = np.array(MULTIPLIER)[state]
    shock = _student(stream(seed, "market"), days)
    returns = np.array(DRIFT)[state] / YEAR + vol / YEAR**0.5 * multiplier * shock
    noise = stream(seed, "vix").standard_normal(days)
    level = np.log(100.0 * vol * multiplier)
    vix = level.copy()
    for t in range(1, days):  # half of a change of regime shows within three days
        vix[t] = vix[t - 1] + 0.2 * (level[t] - vix[t - 1]) + 0.04 * noise[t]
    return Market(state.astype(np.float64), multiplier, returns, np.exp(vix))


def _states(random: np.random.Generator, days: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    state = np.ones(days, np.intp)
    leave, turn = random.random(days), random.random(days)
    for t in range(1, days):
        now = state[t - 1]
        if leave[t] >= 1.0 / STAY[now]:
            state[t] = now
        elif now == 1:
            state[t] = 2 if turn[t] < UP_FROM_NORMAL else 0
    return state


def _student(random: np.random.Generator, days: int) -> FloatArray:
    unit = random.standard_t(FREEDOM, days) * ((FREEDOM - 2.0) / FREEDOM) ** 0.5
    clipped: FloatArray = np.clip(unit, -CLIP, CLIP)
    return clipped


def sector_paths(seed: int, labels: Sequence[str], market: Market, vol: float) -> FloatArray:
    """Return each symbol's sector log returns, shape (T, N), by its label; `vol` annualised."""
    scale = vol / YEAR**0.5 * market.multiplier
    kinds = sorted(set(labels))
    paths = {k: scale * _student(stream(seed, "sector", k), len(scale)) for k in kinds}
    return np.stack([paths[label] for label in labels], axis=1)


def draw_stocks(
    seed: int,
    names: Sequence[str],
    days: int,
    vol: float,
    persistence: float,
    signals: int,
    *,
    wiggle: bool = True,
) -> Stocks:
    """Draw each symbol from streams of its own; `vol` is idiosyncratic, annualised."""
    traits = np.empty((12, len(names)))
    normals = np.empty((5 if wiggle else 1, len(names), days))  # turned below, which is quicker
    shock = np.empty((len(names), days))
    for i, name in enumerate(names):
        random = stream(seed, "symbol", name)
        traits[:8, i] = random.random(8)
        traits[8:, i] = random.standard_normal(4)
        normals[:, i] = random.standard_normal((5, days))[-len(normals) :]
        shock[i] = _student(random, days)
    turned = np.ascontiguousarray(normals.transpose(0, 2, 1))
    more = [_draw_normal(seed, names, days, f"signal {k}") for k in range(2, signals + 1)]
    return Stocks(
        sector=tuple(SECTORS[int(u * len(SECTORS))] for u in traits[7]),
        beta=np.clip(1.0 + 0.3 * traits[8], 0.2, 2.0),
        vol=vol / YEAR**0.5 * np.exp(np.clip(0.3 * traits[9], -0.75, 0.75)),
        price=np.exp(3.8 + 0.6 * traits[10]),
        size=np.exp(traits[11]),  # the middle half lies within a factor of 4
        fate=traits[:7],
        shock=np.ascontiguousarray(shock.T),
        signals=tuple(_persistent(normal, persistence) for normal in (turned[-1], *more)),
        wiggle=turned[:-1],
    )


def _draw_normal(seed: int, names: Sequence[str], days: int, word: str) -> FloatArray:
    """White noise of unit variance, shape (T, N), from a stream of each symbol's own."""
    drawn = [stream(seed, word, name).standard_normal(days) for name in names]
    return np.stack(drawn, axis=1)


def _persistent(normal: FloatArray, persistence: float) -> FloatArray:
    """Stationary AR(1) of unit variance from white noise, shape (T, N)."""
    signal = normal.copy()
    fresh = (1.0 - persistence**2) ** 0.5
    for t in range(1, len(signal)):
        signal[t] = persistence * signal[t - 1] + fresh * normal[t]
    return signal


def log_returns(
    market: Market, sectors: FloatArray, stocks: Stocks, score: FloatArray, strength: float
) -> FloatArray:
    """Return log returns, shape (T, N), with the premium of each day earned from it on."""
    vol = market.multiplier[:, None] * stocks.vol
    out = market.returns[:, None] * stocks.beta + sectors + vol * stocks.shock
    out -= 0.5 * stocks.vol**2  # so that volatile symbols do not earn more on average
    out[1:] += strength * premium(market, stocks, score)[1:]
    return out


def premium(market: Market, stocks: Stocks, score: FloatArray) -> FloatArray:
    """Return the premium at strength 1, shape (T, N): yesterday's score in units of risk."""
    out = np.zeros_like(score)
    out[1:] = market.multiplier[1:, None] * stocks.vol * score[:-1]
    return out
