"""What ``trials.json`` holds, typed: what the trial ledger said when the run ended.

A number is None where it is not defined.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """Trials on the same data, the run's own among them.

    Parameters
    ----------
    all : int
        Strategies that were begun.
    known : int
        Those that have a Sharpe ratio.
    unfinished : int
        Those of which no run has finished: it failed, was stopped, or is still at work.
    independent : float
        As many independent ones would be as good at finding a high Sharpe ratio.
    clusters : int
        Of the trials that were drawn: those whose returns go together.
    drawn : int
        Trials whose returns were compared.
    """

    all: int
    known: int
    unfinished: int
    independent: float
    clusters: int
    drawn: int


@dataclass(frozen=True)
class Best:
    """What a search alone would come to.

    Parameters
    ----------
    expected : float, optional
        Sharpe ratio per year of the best of that many strategies without skill.
    deflated : float, optional
        Deflated Sharpe ratio.
    chance : float, optional
        That the best of them has at least the run's Sharpe ratio.
    """

    expected: float | None
    deflated: float | None
    chance: float | None


@dataclass(frozen=True)
class Cuts:
    """Haircut Sharpe ratios, per year."""

    bonferroni: float
    holm: float
    bhy: float


@dataclass(frozen=True)
class Chosen:
    """What became, out of sample, of the trials that were best in sample.

    Parameters
    ----------
    pbo : float
        Probability of backtest overfitting.
    below : float
        Share of splits in which the best in sample was below the median out of sample.
    loss : float
        Share of splits in which it had a negative Sharpe ratio out of sample.
    trials, days, splits : int
        That it was found from.
    """

    pbo: float
    below: float
    loss: float
    trials: int
    days: int
    splits: int


@dataclass(frozen=True)
class Trials:
    """What the trial ledger said when a run had finished.

    Parameters
    ----------
    key : str
        Of the strategy.
    kind : str
        real, null, simulated or audit; they are never counted together.
    ledger : str
        The file.
    counts : Counts
    rank : int, optional
        Of the run by its Sharpe ratio, among the known ones.
    sharpe : float, optional
        Per year, of daily returns in excess of cash.
    probabilistic : float, optional
        Probabilistic Sharpe ratio.
    minimum_years : float, optional
        Minimum track record length.
    raw, effective : Best, optional
        Of all trials, and of the independent ones; None where there are no two known ones.
    haircut : Cuts, optional
    overfitting : Chosen, optional
    says : tuple of str
        All of this in sentences, the most important first.
    units : mapping of str to str
        What each key of the file means.
    """

    key: str
    kind: str
    ledger: str
    counts: Counts
    rank: int | None
    sharpe: float | None
    probabilistic: float | None
    minimum_years: float | None
    raw: Best | None
    effective: Best | None
    haircut: Cuts | None
    overfitting: Chosen | None
    says: tuple[str, ...]
    units: Mapping[str, str]
