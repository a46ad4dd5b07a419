"""How many trials are independent: those whose returns go together are one.

1. The correlation of each two trials, over the rows that both have.
2. Average linkage joins the two clusters whose trials are correlated most, on average, until no
   two are correlated by `CUT` or more.
3. Each cluster counts as one trial.

Trials that say the opposite count as two: a search that tries both signs finds the better one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Singles: TypeAlias = npt.NDArray[np.float32]

CUT = 0.5  # of 1,000 independent trials no two come near it by chance: 0.31 in 250 rows
OVERLAP = 20  # rows; a correlation over fewer is not known


@dataclass(frozen=True)
class Independence:
    """Clusters of trials that were drawn from a ledger.

    Attributes
    ----------
    clusters : int
        Independent trials among those drawn.
    singles : int
        Clusters of one trial.
    drawn : int
        Trials that were drawn.
    """

    clusters: int
    singles: int
    drawn: int

    def extrapolate(self, total: int) -> float:
        """Return the expected clusters of all trials, of which these are a random sample.

        The next trial is a new cluster with the chance singles / drawn (Good 1953, with Turing:
        "The population frequencies of species"), and so is each after it, at most: the number
        does not fall short.

        Parameters
        ----------
        total : int
            Trials, those drawn among them.
        """
        if not self.drawn:
            return 0.0
        return self.clusters + max(total - self.drawn, 0) * self.singles / self.drawn


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
        rows independent trials may be joined by chance.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    drawn = returns.shape[1]
    if drawn < 2:
        return Independence(drawn, drawn, drawn)
    near = _correlate(*_standardize(returns))
    apart = 1.0 - near[np.triu_indices(drawn, 1)].astype(np.float64)
    labels = fcluster(linkage(apart, "average"), 1.0 - CUT, "distance")
    sizes = np.bincount(labels)
    return Independence(int((sizes > 0).sum()), int((sizes == 1).sum()), drawn)


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


def _correlate(x: Singles, known: npt.NDArray[np.bool_]) -> Singles:
    """Correlations over the rows that two columns share, shape (M, M); 0 where not known."""
    near: Singles = x.T @ x
    if not known.all():
        seen = known.astype(np.float32)
        square = np.square(x).T @ seen
        size = np.sqrt(square * square.T)
        shared = (seen.T @ seen >= OVERLAP) & (size > 0.0)
        near *= shared / np.where(shared, size, 1.0)
    still = ~x.any(axis=0)
    near[np.ix_(still, still)] = 1.0
    return np.clip(near, -1.0, 1.0)
