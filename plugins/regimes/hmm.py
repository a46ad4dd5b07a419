"""Hidden Markov model: market states that nobody sees, inferred from returns and volatility.

1. Observe two numbers a day: the market's return and the log of its realised volatility; and the
   market-wide series that are named, such as ``vix``.
2. Every `refit_every` days fit a Gaussian hidden Markov model to all the observations so far,
   by EM from several starting points (and from the last fit); keep the likeliest.
3. Order its states by volatility, so that a refit cannot swap their names.
4. Filter: run the forward recursion with the current parameters, from the first observation up
   to each date and no further (Hamilton 1989, "A New Approach to the Economic Analysis of
   Nonstationary Time Series and the Business Cycle", section 4). Smoothed probabilities, which
   the usual libraries return, would look ahead.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import engine
from engine.plugins.regimes._volatility import rolling_volatility


@dataclass(frozen=True, eq=False)
class _Parameters:
    """A fitted model of S states, ordered by volatility; in units of the raw observations."""

    start: engine.FloatArray  # (S,)
    transition: engine.FloatArray  # (S, S)
    mean: engine.FloatArray  # (S, D)
    covariance: engine.FloatArray  # (S, D, D)


@dataclass(frozen=True)
class HiddenMarkov(engine.Regime):
    """Filtered probabilities of a Gaussian hidden Markov model of the equal-weighted market."""

    name: ClassVar[str] = "hmm"

    n_states: int = engine.option(
        3, "two are calm and turbulent, three are calm, normal and turbulent", choices=(2, 3)
    )
    vol_window: int = engine.option(
        20, "in the volatility, one of the two observations", unit="trading days", ge=2
    )
    min_train: int = engine.option(504, "observed before the first fit", unit="trading days", ge=60)
    refit_every: int = engine.option(
        63, "between fits; 63 are a quarter", unit="trading days", ge=1
    )
    n_init: int = engine.option(
        3, "fresh starting points of a fit, beside the last fit; the likeliest wins", ge=1
    )
    max_iter: int = engine.option(100, "EM steps from a starting point at most", ge=1)
    tolerance: float = engine.option(
        0.1, "gain in log-likelihood below which EM stops", unit="nats", ge=0.0
    )
    seed: int = engine.option(7, "draws the starting points", ge=0)
    series: list[str] = engine.option(
        [], "market-wide series that are observed too, as they stand, such as [vix]"
    )

    @property
    def states(self) -> tuple[str, ...]:
        """The states, by rising volatility."""
        return ("calm", "turbulent") if self.n_states == 2 else ("calm", "normal", "turbulent")

    @property
    def observes(self) -> tuple[str, ...]:
        """The series that `series` names."""
        return tuple(self.series)

    def probabilities(self, panel: engine.Panel) -> engine.FloatArray:
        """Return P(state at t | observations up to t), shape (T, S); NaN before the first fit.

        A date without an observation carries the prediction of its eve.
        """
        observed = self._observations(panel)
        known = np.isfinite(observed.sum(axis=1))
        out = np.full((len(observed), self.n_states), np.nan)
        enough = np.flatnonzero(np.cumsum(known) >= self.min_train)
        if len(enough) == 0:
            return out
        fitted: _Parameters | None = None
        for row in range(int(enough[0]), len(observed), self.refit_every):
            engine.progress(row, len(observed))
            past = observed[: row + 1][known[: row + 1]]
            fitted = self._fit(past, fitted, row)
            stop = min(row + self.refit_every, len(observed))
            if fitted is not None:
                out[row:stop] = _filter(observed[:stop], known[:stop], fitted)[row:]
        return out

    def _observations(self, panel: engine.Panel) -> engine.FloatArray:
        """Market return, log volatility and the series, shape (T, D); NaN where not known."""
        market = panel.market
        volatility = rolling_volatility(market, self.vol_window, panel.periods_per_year)
        log = np.log(volatility, out=np.full(len(market), np.nan), where=volatility > 0.0)
        for name in self.series:
            if name not in panel.series:
                have = ", ".join(panel.series) or "none"
                raise engine.ConfigError(
                    f"regime.series: the bars have no market-wide series {name!r}, they have "
                    f"{have}: add +source.market.{name}.path=FILE"
                )
        return np.column_stack([market, log, *(panel.series[name] for name in self.series)])

    def _fit(
        self, past: engine.FloatArray, last: _Parameters | None, row: int
    ) -> _Parameters | None:
        """The likeliest of the fits to `past`, shape (R, D); the last one when all fail."""
        mean, scale = past.mean(axis=0), past.std(axis=0)
        if not (scale > 1e-12).all():
            return last
        x = (past - mean) / scale
        starts = [_draw(x, self.n_states, (self.seed, row, i)) for i in range(self.n_init)]
        if last is not None:
            starts.append(_rescale(last, mean, scale))
        best, best_likelihood = last, -np.inf
        for start in starts:
            found = self._em(x, start)
            if found is not None and found[1] > best_likelihood:
                best, best_likelihood = _rescale(found[0], -mean / scale, 1.0 / scale), found[1]
        return best

    def _em(self, x: engine.FloatArray, start: _Parameters) -> tuple[_Parameters, float] | None:
        """Parameters after EM and their log-likelihood; None when a state is lost."""
        from hmmlearn.hmm import GaussianHMM
        from threadpoolctl import threadpool_limits

        model = GaussianHMM(
            self.n_states, "full", n_iter=self.max_iter, tol=self.tolerance, init_params=""
        )
        model.startprob_, model.transmat_ = start.start, start.transition
        model.means_, model.covars_ = start.mean, start.covariance
        try:
            with threadpool_limits(limits=1, user_api="blas"), _quiet("hmmlearn"):
                likelihood = float(model.fit(x).score(x))
        except ValueError:  # a covariance or a row of transitions has degenerated
            return None
        if not np.isfinite(likelihood):
            return None
        order = np.lexsort((model.covars_[:, 0, 0], model.means_[:, 1]))
        return (
            _Parameters(
                model.startprob_[order],
                model.transmat_[np.ix_(order, order)],
                model.means_[order],
                model.covars_[order],
            ),
            likelihood,
        )


def _draw(x: engine.FloatArray, n_states: int, seed: tuple[int, int, int]) -> _Parameters:
    """A starting point: bands of volatility of random width, each state one of them."""
    shares = np.random.default_rng(seed).dirichlet(np.full(n_states, 5.0))
    cuts = np.quantile(x[:, 1], np.cumsum(shares)[:-1])
    band = np.searchsorted(cuts, x[:, 1])
    ridge = 0.05 * np.eye(x.shape[1])  # a narrow band has next to no spread of its own
    members = [x[band == s] if (band == s).sum() > x.shape[1] else x for s in range(n_states)]
    stay = 0.95
    return _Parameters(
        np.full(n_states, 1.0 / n_states),
        np.full((n_states, n_states), (1 - stay) / (n_states - 1))
        + (stay - (1 - stay) / (n_states - 1)) * np.eye(n_states),
        np.array([m.mean(axis=0) for m in members]),
        np.array([np.cov(m.T) + ridge for m in members]),
    )


def _rescale(old: _Parameters, mean: engine.FloatArray, scale: engine.FloatArray) -> _Parameters:
    """The same model of ``(x - mean) / scale``."""
    return _Parameters(
        old.start,
        old.transition,
        (old.mean - mean) / scale,
        old.covariance / np.outer(scale, scale),
    )


def _filter(x: engine.FloatArray, known: engine.BoolArray, model: _Parameters) -> engine.FloatArray:
    """P(state at t | x up to t), shape (T, S), by the forward recursion.

    Densities stay logarithms until the largest is taken out, so that nothing underflows.
    """
    density = np.where(known[:, None], _log_density(x, model), 0.0)
    out = np.empty(density.shape)
    predicted = model.start
    with np.errstate(divide="ignore"):  # log 0: a transition that was never seen
        for t, log_b in enumerate(density):
            joint = np.log(predicted) + log_b
            weight = np.exp(joint - joint.max())
            out[t] = weight / weight.sum()
            predicted = out[t] @ model.transition
    return out


def _log_density(x: engine.FloatArray, model: _Parameters) -> engine.FloatArray:
    """Log of the states' normal densities, less D / 2 times log 2π, shape (T, S).

    With L L' = covariance, the squares of L's solution add up to the distance. It is solved column
    by column: BLAS would round a row by how many there are.
    """
    lower = np.linalg.cholesky(model.covariance)
    solved: list[engine.FloatArray] = []
    density = np.zeros((len(x), len(model.start)))
    for i in range(x.shape[1]):
        rest = x[:, i : i + 1] - model.mean[:, i]
        for j, before in enumerate(solved):
            rest = rest - lower[:, i, j] * before
        solved.append(rest / lower[:, i, i])
        density -= 0.5 * solved[-1] ** 2 + np.log(lower[:, i, i])
    return density


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Mute a library's warnings: a start that does not converge is one of several."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
