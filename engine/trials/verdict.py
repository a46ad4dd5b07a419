"""What a ledger says of one trial, as of now: how many count against it, and what is left.

1. Its family is found (`engine.trials.family`).
2. The daily returns of its trials, or of `DRAW` of them, are put side by side: clusters of those
   that go together tell how many independent ones they are worth.
3. Its Sharpe ratio is judged by that number, and by the number of all.
4. Those that have a return on nearly all of its days say how often the best in sample failed.

Which trials are read is decided by keys and days, never by a result.
"""

from __future__ import annotations

import math
from dataclasses import asdict, replace

import numpy as np
import numpy.typing as npt

from engine.storage import Best, Chosen, Counts, Cuts, Trials
from engine.study import (
    Track,
    count_independent,
    cut_sharpe,
    deflate,
    expect_best,
    find_overfitting,
    judge_search,
    judge_sharpe,
    measure_minimum,
)
from engine.trials.database import Database
from engine.trials.family import Family, Returns, find_family, read_returns
from engine.trials.trial import Days, Row
from engine.trials.words import UNITS, say

RANKED = 64  # trials, at most, of which the best in sample is chosen: more would be slow
COVERED = 0.9  # of the run's days, on which they have a return
BLOCKS = 16
LEAST = 10  # days a block


def judge(database: Database, row: Row) -> Trials:
    """Return what a ledger says of a trial."""
    family = find_family(database, row)
    returns = read_returns(database, family)
    counts = _count(family, returns)
    made = Trials(
        key=row.key,
        kind=row.kind,
        ledger=str(database.path),
        counts=counts,
        rank=None,
        sharpe=row.annual,
        probabilistic=None,
        minimum_years=None,
        raw=None,
        effective=None,
        haircut=None,
        overfitting=None,
        says=(),
        units=UNITS,
    )
    if row.annual is not None:
        made = _measure(made, family, returns)
    return replace(made, says=tuple(say(made)))


def _count(family: Family, returns: Returns) -> Counts:
    near = count_independent(lay_out(returns, np.unique(_join(returns))))
    total, known = len(family.ids), len(family.known)
    return Counts(
        all=total,
        known=known,
        unfinished=int((~family.finished).sum()),
        independent=round(near.count_effective(total), 3) if near.drawn else float(total),
        clusters=near.clusters,
        drawn=near.drawn,
    )


def _measure(made: Trials, family: Family, returns: Returns) -> Trials:
    row = family.row
    assert row.annual is not None
    assert row.rows_per_year
    track, year = _track_of(row), math.sqrt(row.rows_per_year)
    rows = measure_minimum(track)
    searched = len(family.known) > 1
    return replace(
        made,
        rank=1 + int((family.annual > row.annual).sum()),
        probabilistic=judge_sharpe(track),
        minimum_years=rows / row.rows_per_year if math.isfinite(rows) else None,
        raw=_search(track, made.counts.all, family, year) if searched else None,
        effective=_search(track, made.counts.independent, family, year),
        haircut=_cut(family) if searched and row.annual > 0.0 else None,
        overfitting=_overfit(family, returns),
    )


def _track_of(row: Row) -> Track:
    numbers = (row.sharpe, row.skew, row.kurtosis, row.error)
    return Track(row.n or 0, *(np.nan if each is None else each for each in numbers))


def _search(track: Track, trials: float, family: Family, year: float) -> Best:
    """What a search over so many strategies would come to; one trial was no search."""
    if len(family.known) < 2:
        return Best(None, None, judge_search(track, trials))
    deviation = float(np.std(family.known, ddof=1))
    return Best(
        expected=expect_best(trials, deviation) * year,
        deflated=deflate(track, trials, deviation),
        chance=judge_search(track, trials),
    )


def _cut(family: Family) -> Cuts:
    at = int(np.flatnonzero(family.ids == family.row.id)[0])
    year = family.row.rows_per_year
    assert year
    return Cuts(**asdict(cut_sharpe(family.annual, family.n, at, year)))


def choose(family: Family, returns: Returns) -> Returns:
    """Those that have a return on nearly all days of a trial, itself first; at most `RANKED`."""
    own = returns.days[returns.ids.index(family.row.id)]
    different = {id(days): days for days in returns.days}
    shared = {at: len(np.intersect1d(days, own, True)) for at, days in different.items()}
    kept = [at for at, days in enumerate(returns.days) if shared[id(days)] >= COVERED * len(own)]
    kept.sort(key=lambda at: returns.ids[at] != family.row.id)
    return returns.take(kept[:RANKED])


def _overfit(family: Family, returns: Returns) -> Chosen | None:
    """How often the best in sample failed; None with too few trials or days."""
    chosen = choose(family, returns)
    table = lay_out(chosen, chosen.days[0])
    known = table[np.isfinite(table).all(axis=1)]
    if len(chosen.ids) < 2 or len(known) < BLOCKS * LEAST:
        return None
    found = find_overfitting(known.astype(np.float64), BLOCKS)
    return Chosen(found.pbo, found.below, found.loss, found.trials, found.rows, found.splits)


def _join(returns: Returns) -> Days:
    """The days of all trials; those of one calendar once."""
    different = {id(days): days for days in returns.days}
    return np.concatenate([np.empty(0, np.int32), *different.values()])


def lay_out(returns: Returns, days: Days) -> npt.NDArray[np.float32]:
    """Returns side by side, shape (days, trials); NaN where a trial has none."""
    table = np.full((len(days), len(returns.ids)), np.nan, np.float32)
    places: dict[int, tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]] = {}
    for at, (own, values) in enumerate(zip(returns.days, returns.excess, strict=True)):
        if id(own) not in places:
            _, there, here = np.intersect1d(days, own, assume_unique=True, return_indices=True)
            places[id(own)] = there, here
        there, here = places[id(own)]
        table[there, at] = values[here]
    return table
