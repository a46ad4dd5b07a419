"""What a ledger says, in sentences that are true as statistics.

Without skill means: a true Sharpe ratio of 0, in excess of cash. How often a search over such
strategies ends at least this high is no probability that this result is luck: for that one would
have to know how often strategies have skill.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.storage import Best, Chosen, Counts, Trials
from engine.trials.family import DRAW
from engine.trials.trial import AUDIT, NULL, REAL, SIMULATED

NOUNS = {
    REAL: ("trial", "trials"),
    NULL: ("null control", "null controls"),
    SIMULATED: ("simulated trial", "simulated trials"),
    AUDIT: ("audit", "audits"),
}
SKILL = (
    "without skill means a true Sharpe ratio of 0 in excess of cash: what an account earns by "
    "holding the market counts as skill here"
)
UNITS = {
    "counts.all": "distinct strategies that were begun on the same source, with symbols and dates "
    "that overlap by half or more, this one among them",
    "counts.known": "those that have a Sharpe ratio",
    "counts.unfinished": "those of which no run has finished: it failed, was stopped, or is still "
    "at work",
    "counts.independent": "independent trials that would find as high a Sharpe ratio; trials "
    "without returns and those not drawn are counted in",
    "counts.clusters": "of the trials drawn: daily returns that are correlated by 0.5 or more on "
    "average",
    "counts.drawn": f"trials whose returns were compared: at most {DRAW}, drawn by their keys",
    "rank": "by Sharpe ratio per year, among counts.known; 1 is the best",
    "sharpe": "per year, of daily net returns in excess of cash",
    "probabilistic": "confidence that the true Sharpe ratio is above 0 (Bailey & Lopez de Prado "
    "2012); returns are taken for independent",
    "minimum_years": "years of returns like these that make this confidence 0.95; null where the "
    "Sharpe ratio is not above 0",
    "raw, effective": "of a search over counts.all and over counts.independent strategies without "
    "skill, whose true Sharpe ratio is 0",
    "*.expected": "Sharpe ratio per year of the best of them (Bailey & Lopez de Prado 2014), whose "
    "ratios vary as those of the known trials",
    "*.deflated": "confidence that the true Sharpe ratio is above that; null where one trial is "
    "known",
    "*.chance": "share of such searches that end with at least this Sharpe ratio; for returns that "
    "may be autocorrelated and have fat tails",
    "haircut": "Sharpe ratios per year that are left when the p-value is adjusted for all known "
    "trials (Harvey & Liu 2015); null where it is not above 0",
    "overfitting": "combinatorially symmetric cross-validation in 16 blocks (Bailey, Borwein, "
    "Lopez de Prado & Zhu 2017) of at most 64 trials: those with a return on nine tenths of this "
    "run's days, the first by their keys; null with fewer than 2, or 160 days",
    "overfitting.pbo": "share of splits in which the best in sample was below the median out of "
    "sample; at the median it counts one half",
    "overfitting.below": "the share without those at the median",
    "overfitting.loss": "share of splits in which it had a negative Sharpe ratio out of sample",
}


def say(made: Trials) -> Iterator[str]:
    """What is known of a trial, in sentences; the most important first."""
    yield say_search(made)
    if made.overfitting is not None:
        yield say_overfitting(made.overfitting)
    if made.sharpe is not None:
        yield SKILL


def say_search(made: Trials) -> str:
    """How the trial stands among all, and how often a search ends as high."""
    counts, (one, many) = made.counts, NOUNS[made.kind]
    if made.sharpe is None or made.rank is None:
        return (
            "this run has no Sharpe ratio, for it held too little or too short: there is nothing "
            f"to judge ({count(counts.all, made.kind)} on these data)"
        )
    if counts.all == 1:
        return (
            f"the only {one} on these data so far, so nothing is deflated: a strategy without any "
            f"skill ends at least this high in {tell_chance(made.effective)} of cases"
        )
    place = spell_place(made.rank, counts.known)
    missing = counts.all - counts.known
    more = f" with a result, and {missing} without" if missing else ""
    return (
        f"{place} of {counts.known} {one if counts.known == 1 else many}{more}, "
        f"{tell_independent(counts)}: a search of this size over strategies without any skill ends "
        f"at least this high in {tell_chance(made.effective)} of cases{_tell_most(made)}"
    )


def _tell_most(made: Trials) -> str:
    """The chance where no two trials were alike, which it cannot exceed."""
    most = tell_chance(made.raw)
    if made.raw is None or most == tell_chance(made.effective):
        return ""
    return f" ({most} if all {made.counts.all} were independent)"


def say_overfitting(found: Chosen) -> str:
    """How often the best in sample failed."""
    return (
        f"the best in-sample was below the median out of sample in {share(found.below)} of splits "
        f"({found.trials} trials, {found.days} days)"
    )


def tell_independent(counts: Counts) -> str:
    """How many trials are independent."""
    near = max(round(counts.independent), 1)
    if near >= counts.all:
        return "all independent of one another"
    if near == 1:
        return "so alike that they count as one"
    return f"about {near} of them independent"


def count(number: int, kind: str) -> str:
    """A number of trials."""
    one, many = NOUNS[kind]
    return f"{number} {one if number == 1 else many}"


def tell_chance(best: Best | None) -> str:
    """The chance that a search ends as high, in percent; it is never quite 1."""
    if best is None or best.chance is None:
        return "an unknown share"
    return share(min(best.chance, 1.0 - 1e-9))


def share(value: float) -> str:
    """A share in percent: never 0 or 100 where it is not."""
    percent = 100.0 * value
    if 0.0 < percent < 0.1:
        return "less than 0.1 %"
    if 99.9 < percent < 100.0:
        return "more than 99.9 %"
    if 1.0 <= percent <= 99.0 or percent in (0.0, 100.0):
        return f"{percent:.0f} %"
    return f"{percent:.1f} %"


def spell_place(rank: int, count: int) -> str:
    """Return a rank as best, 2nd best, worst."""
    if rank == 1:
        return "best"
    if rank == count:
        return "worst"
    ends = {1: "st", 2: "nd", 3: "rd"}
    end = "th" if rank % 100 in (11, 12, 13) else ends.get(rank % 10, "th")
    return f"{rank}{end} best"
