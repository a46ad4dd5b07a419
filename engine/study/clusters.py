"""How many independent trials a search was worth.

1. The correlation of each two trials, over the rows that both have.
2. Average linkage joins the two clusters whose trials are correlated most, on average, until no
   two are correlated by `CUT` or more.
3. A cluster of g trials with the correlation ρ is not quite one trial: the best of 48 with ρ = 0.9
   is as high as that of 3. Its Sharpe ratios are taken for √ρ U + √(1 - ρ) Eᵢ, U and the g Eᵢ
   normal, and clusters for independent. The *effective* number is how many independent trials
   would pass, in 5 % of searches without skill, what these pass.

Trials that say the opposite count as two: a search that tries both signs finds the better one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from engine.core.panel import FloatArray

Singles: TypeAlias = npt.NDArray[np.float32]

CUT = 0.5  # of 1,000 independent trials no two come near it by chance: 0.31 in 250 rows
OVERLAP = 20  # rows; a correlation over fewer is not known
LEVEL = 0.05  # of the searches that effective trials are counted by


@dataclass(frozen=True, eq=False)
class Independence:
    """Clusters of trials that were drawn from a ledger.

    Attributes
    ----------
    sizes : int array, shape (K,)
        Trials of each cluster, the largest first.
    within : float array, shape (K,)
        Mean correlation of the Sharpe ratios of two of its trials, at least 0.05; 1 for a cluster
        of one.
    """

    sizes: npt.NDArray[np.int64]
    within: FloatArray

    @property
    def clusters(self) -> int:
        """K."""
        return len(self.sizes)

    @property
    def singles(self) -> int:
        """Clusters of one trial."""
        return int((self.sizes == 1).sum())

    @property
    def drawn(self) -> int:
        """Trials."""
        return int(self.sizes.sum())

    def extrapolate(self, total: int) -> float:
        """Return the expected clusters of all trials, of which these are a random sample.

        The next trial is a new cluster with the chance singles / drawn (Good 1953, "The population
        frequencies of species"), and each after it at most: the number does not fall short.

        Parameters
        ----------
        total : int
            Trials, those drawn among them.
        """
        return self.clusters + self._expect_new(total)

    def count_effective(self, total: int | None = None) -> float:
        """Return how many independent trials would be as good at finding a high Sharpe ratio.

        Parameters
        ----------
        total : int, optional
            Trials, of which these are a random sample: new ones come as in `extrapolate`, and the
            others join the clusters of more than one. All are drawn by default.

        Returns
        -------
        float
            From the number of clusters, where the trials of each are the same, to that of trials.
            Clusters that are correlated with one another, by less than `CUT`, count as independent,
            so that it is too high rather than too low.
        """
        alone = self.singles + self._expect_new(total or self.drawn)
        many = self.sizes > 1
        if not many.any():
            return alone
        from scipy.optimize import brentq
        from scipy.special import log_ndtr

        joined = max(total or 0, self.drawn) - alone
        sizes = self.sizes[many].astype(np.float64) * (joined / max(self.drawn - self.singles, 1))
        log = math.log1p(-LEVEL)

        def exceed(z: float) -> float:
            within = _stay_below(z, sizes, self.within[many])
            return float(np.log(within).sum() + alone * log_ndtr(z)) - log

        return float(log / log_ndtr(float(brentq(exceed, 0.0, 12.0))))

    def _expect_new(self, total: int) -> float:
        return max(total - self.drawn, 0) * self.singles / max(self.drawn, 1)


def count_independent(returns: npt.NDArray[np.floating]) -> Independence:
    """Count the clusters of trials whose returns go together.

    Parameters
    ----------
    returns : float array, shape (T, M)
        Returns per period; NaN where a trial has none. 1,000 trials are fast; time and memory grow
        with M².

    Returns
    -------
    Independence
        It does not depend on the order of the trials. Two that share fewer than `OVERLAP` rows
        count as uncorrelated. Trials without any movement are one cluster. In much fewer than 250
        rows independent trials may be joined by chance: 10 % of 1,000 in 60 rows with fat tails.
    """
    trials = returns.shape[1]
    x, known = _standardize(returns)
    near = _join_still(x.T @ x, x)
    labels = np.ones(trials, dtype=np.int64)
    if trials > 1:
        from scipy.cluster.hierarchy import fcluster, linkage  # slow to import: one needs none

        apart = 1.0 - _overlap(near, x, known)[np.triu_indices(trials, 1)].astype(np.float64)
        labels = fcluster(linkage(apart, "average"), 1.0 - CUT, "distance").astype(np.int64)
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    members.sort(key=len, reverse=True)
    within = np.array([_average(near[np.ix_(each, each)]) for each in members])
    return Independence(np.array([len(each) for each in members], dtype=np.int64), within)


def _standardize(returns: npt.NDArray[np.floating]) -> tuple[Singles, npt.NDArray[np.bool_]]:
    """Columns of mean 0 and length 1, 0 where not known or constant; and where they are known.

    They are sorted by their content, so that sums are added up in the same way always.
    """
    x = np.array(returns, dtype=np.float32, order="C")
    known = np.isfinite(x)
    x[~known] = 0.0
    largest = np.abs(x).max(axis=0, initial=0.0)
    x -= x.sum(axis=0, dtype=np.float64) / np.maximum(known.sum(axis=0), 1)
    x[~known] = 0.0
    size = np.sqrt(np.square(x).sum(axis=0, dtype=np.float64))
    still = size <= 1e-6 * largest * np.sqrt(len(x))
    x *= np.where(still, 0.0, 1.0 / np.where(still, 1.0, size))
    weight = np.cos(np.arange(len(x), dtype=np.float32))[:, None]
    order = np.argsort((x * weight).sum(axis=0), kind="stable")
    return x[:, order], known[:, order]


def _overlap(near: Singles, x: Singles, known: npt.NDArray[np.bool_]) -> Singles:
    """Correlations over the rows that two columns share, shape (M, M); 0 where not known."""
    if not known.all():
        seen = known.astype(np.float32)
        square = np.square(x).T @ seen
        size = np.sqrt(square * square.T)
        shared = (seen.T @ seen >= OVERLAP) & (size > 0.0)
        near = near * shared / np.where(shared, size, 1.0)
    return np.clip(_join_still(near, x), -1.0, 1.0)


def _join_still(near: Singles, x: Singles) -> Singles:
    """Correlations in which columns without any movement are the same."""
    still = ~x.any(axis=0)
    near[np.ix_(still, still)] = 1.0
    return near


def _average(near: Singles) -> float:
    """Mean correlation of the Sharpe ratios of two trials: of sums, each over its own rows."""
    n = len(near)
    if n == 1:
        return 1.0
    pairs = float(near.sum(dtype=np.float64) - np.trace(near, dtype=np.float64))
    return min(max(pairs / (n * (n - 1)), 0.05), 1.0)


def _stay_below(z: float, sizes: FloatArray, within: FloatArray) -> FloatArray:
    """Chance that no trial of a cluster is above z, shape (K,): over the quantiles of max Eᵢ."""
    from scipy.special import ndtr, ndtri

    at, weight = np.polynomial.legendre.leggauss(32)
    best = ndtri(((at + 1.0) / 2.0) ** (1.0 / sizes[:, None]))
    shared = within[:, None]
    chance: FloatArray = ndtr((z - np.sqrt(1.0 - shared) * best) / np.sqrt(shared)) @ weight / 2.0
    return chance
