"""What a Sharpe ratio is worth after a search: it is judged by how many were tried.

All Sharpe ratios here are per period, but for those of `cut_sharpe`. Bailey & Lopez de Prado call
a ratio per year "annualized"; it is √(periods per year) times that per period.

The formulas of `judge_sharpe`, `deflate` and `measure_minimum` are the papers': they take returns
for independent of one another. `judge_search` does not; its chance holds for returns that are
autocorrelated and have fat tails.

Sources
-------
Bailey & Lopez de Prado (2012), "The Sharpe Ratio Efficient Frontier", Journal of Risk 15(2).
Bailey & Lopez de Prado (2014), "The Deflated Sharpe Ratio", J. of Portfolio Management 40(5).
Harvey & Liu (2015), "Backtesting", Journal of Portfolio Management 42(1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from engine.core.errors import ConfigError
from engine.core.panel import FloatArray
from engine.study.sharpe import find_chance, sharpe_error
from engine.study.student import find_normal

EULER = 0.5772156649015329  # Euler–Mascheroni's γ
NORMAL = NormalDist()


@dataclass(frozen=True)
class Track:
    """What is known of a track record; all per period.

    Attributes
    ----------
    n : int
        Returns.
    sharpe : float
        Mean over standard deviation (n - 1) of the excess returns.
    skew, kurtosis : float
        Third and fourth standardised moment (n). The kurtosis is the raw one: 3 for a normal
        distribution.
    error : float
        Standard error of `sharpe` (`engine.study.sharpe.sharpe_error`), for returns that may be
        autocorrelated and have fat tails.
    """

    n: int
    sharpe: float
    skew: float
    kurtosis: float
    error: float

    @classmethod
    def of(cls, excess: FloatArray) -> Track:
        """Measure returns.

        Parameters
        ----------
        excess : float array, shape (T,)
            Simple returns per period, in excess of the risk-free rate. NaN is skipped.

        Returns
        -------
        Track
            Its floats are NaN for fewer than 3 returns, or a constant.
        """
        x = np.asarray(excess, dtype=np.float64)
        x = x[np.isfinite(x)]
        error = sharpe_error(x)
        if not np.isfinite(error):
            return cls(len(x), np.nan, np.nan, np.nan, np.nan)
        z = (x - x.mean()) / x.std()
        sharpe = float(x.mean() / x.std(ddof=1))
        return cls(len(x), sharpe, float(np.mean(z**3)), float(np.mean(z**4)), error)


def judge_sharpe(track: Track, target: float = 0.0) -> float:
    """Return the probabilistic Sharpe ratio: the confidence that the true ratio is above a target.

    Parameters
    ----------
    track : Track
        Returns that are taken for independent.
    target : float
        Sharpe ratio per period.

    Returns
    -------
    float
        Φ((S - target) √(n - 1) / √(1 - γ₃ S + (γ₄ - 1)/4 S²)); Bailey & Lopez de Prado (2012),
        "Probabilistic Sharpe ratio". NaN where the track has no ratio.
    """
    spread = _spread(track)
    if not spread > 0.0:
        return np.nan
    return find_normal((track.sharpe - target) * math.sqrt((track.n - 1) / spread))


def expect_best(trials: float, deviation: float) -> float:
    """Return the best Sharpe ratio that is to be expected of trials without skill.

    Parameters
    ----------
    trials : float
        Independent trials, 1 or more; an effective number may be fractional.
    deviation : float
        Standard deviation of the Sharpe ratios of the trials. The result has its unit.

    Returns
    -------
    float
        deviation ((1 - γ) Φ⁻¹(1 - 1/N) + γ Φ⁻¹(1 - 1/(N e))), the false strategy theorem; Bailey &
        Lopez de Prado (2014), equation 1. It approaches the expected maximum of N normal numbers
        (0.92 of it for 2 trials, 1.01 for 100), and is 0 below about 1.3 trials, where the formula
        is negative.

    Raises
    ------
    ConfigError
        Fewer trials than 1.
    """
    _refuse_trials(trials)
    if trials == 1.0:
        return 0.0
    high, higher = (-NORMAL.inv_cdf(1.0 / each) for each in (trials, trials * math.e))
    return deviation * max((1.0 - EULER) * high + EULER * higher, 0.0)


def deflate(track: Track, trials: float, deviation: float) -> float:
    """Return the deflated Sharpe ratio: the confidence in more skill than a search explains.

    Parameters
    ----------
    track : Track
        The trial that was chosen; its returns are taken for independent.
    trials : float
        Independent trials, 1 or more.
    deviation : float
        Standard deviation of the Sharpe ratios of all trials, per period.

    Returns
    -------
    float
        `judge_sharpe` with `expect_best` as its target; Bailey & Lopez de Prado (2014), equation
        2. NaN where the track has no ratio.

    Raises
    ------
    ConfigError
        Fewer trials than 1.
    """
    return judge_sharpe(track, expect_best(trials, deviation))


def measure_minimum(track: Track, target: float = 0.0, confidence: float = 0.95) -> float:
    """Return the minimum track record length: returns needed to be confident in a Sharpe ratio.

    Parameters
    ----------
    track : Track
        Returns that are taken for independent.
    target : float
        Sharpe ratio per period which the true one shall be above.
    confidence : float
        Above 0.5 and below 1.

    Returns
    -------
    float
        Rows: 1 + (1 - γ₃ S + (γ₄ - 1)/4 S²) (Φ⁻¹(confidence) / (S - target))²; Bailey & Lopez de
        Prado (2012), "Minimum track record length". Infinite where the ratio is not above the
        target, NaN where there is none.

    Raises
    ------
    ConfigError
        The confidence is not between 0.5 and 1.
    """
    if not 0.5 < confidence < 1.0:
        raise ConfigError(f"confidence={confidence:g}: write a number between 0.5 and 1, as 0.95")
    if track.sharpe <= target:
        return math.inf
    return 1.0 + _spread(track) * (NORMAL.inv_cdf(confidence) / (track.sharpe - target)) ** 2


def judge_search(track: Track, trials: float) -> float:
    """Return the chance that a search over strategies without any skill ends at least this high.

    Parameters
    ----------
    track : Track
        The best of the trials. Its returns may be autocorrelated and have fat tails.
    trials : float
        Independent trials, 1 or more.

    Returns
    -------
    float
        1 - (1 - p)^trials, p the chance of one trial without skill (one-sided, of Student's t,
        `engine.study.sharpe.find_chance`); exact where it is tiny. It bounds the chance from above
        where trials are correlated and all are counted. NaN where the track has no ratio.

    Raises
    ------
    ConfigError
        Fewer trials than 1.
    """
    _refuse_trials(trials)
    chance = find_chance(track.sharpe, track.error, track.n)
    if chance >= 1.0:
        return 1.0
    return -math.expm1(trials * math.log1p(-chance))


def _spread(track: Track) -> float:
    """Variance of the Sharpe ratio of independent returns, times n - 1 (Mertens 2002)."""
    s = track.sharpe
    return 1.0 - track.skew * s + (track.kurtosis - 1.0) / 4.0 * s * s


def _refuse_trials(trials: float) -> None:
    if not trials >= 1.0:
        raise ConfigError(f"trials={trials:g}: count 1 or more, the one that is judged among them")
