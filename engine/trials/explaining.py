"""Every figure of a trial with its sentence."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine.core.errors import ConfigError, DataError
from engine.storage import Trials
from engine.study import compare_trials
from engine.trials.database import SHORT, Database
from engine.trials.family import find_family, read_returns
from engine.trials.trial import Row
from engine.trials.verdict import choose, judge, lay_out
from engine.trials.words import NOUNS, count, say, share, tell_chance

SEED = 7  # of the bootstrap
JOINED = "trials JOIN data ON data.id = trials.data"
NAMED = 6  # trials that one sentence can hold


def explain_trial(database: Database, row: Row) -> Iterator[str]:
    """Yield a paragraph for each figure."""
    made = judge(database, row)
    yield from (f"{line[0].upper()}{line[1:]}." for line in say(made))
    if made.sharpe is None:
        return
    yield from _explain_counts(database, row, made)
    yield from _explain_ratio(made)
    yield from _explain_search(made)
    yield from _explain_overfitting(made)
    yield from _compare(database, row)


def _explain_counts(database: Database, row: Row, made: Trials) -> Iterator[str]:
    counts, many = made.counts, NOUNS[made.kind][1]
    text = (
        f"Trials: {count(counts.all, made.kind)} on the same source, with symbols and dates that "
        "overlap by half or more; a strategy counts once, however often it ran."
    )
    if counts.unfinished:
        text += f" Those that did not finish count as well: {counts.unfinished}."
    if counts.all > 1:
        text += (
            f" Trials whose daily returns are correlated by 0.5 or more make a cluster: there "
            f"{'is 1' if counts.clusters == 1 else f'are {counts.clusters}'}. All together are "
            f"worth {counts.independent:.1f} independent trials, which would be as good at finding "
            "a high Sharpe ratio."
        )
    yield text
    rows = database.list_rows(
        f"SELECT kind, count(DISTINCT key) FROM {JOINED} GROUP BY kind"  # noqa: S608
    )
    kinds = {str(kind): int(number) for kind, number in rows}
    others = _count_others(database, row)
    if others:
        yield (
            f"Not counted: {others} {many} of this ledger that are of other data: another source, "
            "other symbols or other dates."
        )
    apart = [count(kinds[kind], kind) for kind in NOUNS if kind != made.kind and kinds.get(kind)]
    if apart:
        yield f"Kept apart, and not counted: {', '.join(apart)}."


def _count_others(database: Database, row: Row) -> int:
    """Trials of the same kind that are not of a trial's family."""
    (total,) = database.list_rows(
        f"SELECT count(*) FROM (SELECT DISTINCT source, key FROM {JOINED} WHERE kind = ?)",  # noqa: S608
        (row.kind,),
    )[0]
    return int(total) - len(find_family(database, row).ids)


def _explain_ratio(made: Trials) -> Iterator[str]:
    yield f"Sharpe ratio: {made.sharpe:.2f} per year, of daily net returns in excess of cash."
    if made.probabilistic is not None:
        yield (
            f"Probabilistic Sharpe ratio: {made.probabilistic:.3f}. If this had been the only "
            "trial, that would be the confidence that its true Sharpe ratio is above 0."
        )
    if made.minimum_years is None:
        yield "Minimum track record: none is long enough, for the Sharpe ratio is not above 0."
    else:
        yield (
            f"Minimum track record: {made.minimum_years:.1f} years of returns like these make "
            "that confidence 0.95."
        )


def _explain_search(made: Trials) -> Iterator[str]:
    if made.raw is None or made.effective is None:
        yield "Deflated Sharpe ratio: none, for this is the only trial with a result."
        return
    pairs = ((made.effective, made.counts.independent), (made.raw, made.counts.all))
    names = ("what these are worth", "as if no two were alike")
    for (best, number), which in zip(pairs, names, strict=True):
        if best.expected is None or best.deflated is None or best.chance is None:
            continue
        yield (
            f"A search over {number:.3g} independent strategies without skill ({which}): "
            f"its best is to be expected at a Sharpe ratio of {best.expected:.2f} per year, where "
            "they vary as these trials do; the confidence that the true ratio is above that, the "
            f"deflated Sharpe ratio, is {best.deflated:.3f}. It ends at least as high as this "
            f"trial in {tell_chance(best)} of cases."
        )
    if made.haircut is not None:
        cuts = made.haircut
        yield (
            f"Haircut Sharpe ratios per year, adjusted for all trials with a result: "
            f"{cuts.bonferroni:.2f} (Bonferroni), {cuts.holm:.2f} (Holm), {cuts.bhy:.2f} "
            "(Benjamini, Hochberg & Yekutieli)."
        )


def _explain_overfitting(made: Trials) -> Iterator[str]:
    found = made.overfitting
    if found is None:
        yield (
            "Overfitting: not known, for it needs 2 trials that share 160 days of returns with "
            "this one."
        )
        return
    yield (
        f"Overfitting: the days were cut into 16 blocks, and each half of them was in sample once. "
        f"The best of {found.trials} trials in sample was below the median out of "
        f"sample in {share(found.below)} of {found.splits} splits (PBO {found.pbo:.3f}), and lost "
        f"against cash there in {share(found.loss)}."
    )


def _compare(database: Database, row: Row) -> Iterator[str]:
    """The tests that need `arch`."""
    family = find_family(database, row)
    returns = choose(family, read_returns(database, family))
    table = lay_out(returns, returns.days[returns.ids.index(row.id)]).astype(np.float64)
    keys = dict(database.list_rows("SELECT id, key FROM trials"))
    names = [str(keys[number])[:SHORT] for number in returns.ids]
    try:
        found = compare_trials(table, np.zeros(len(table)), SEED, names=names)
    except (ConfigError, DataError) as error:
        yield f"Reality check, SPA and confidence set: not known: {error}."
        return
    yield (
        f"White's reality check: if none of {len(names)} trials earned more than cash, the best "
        f"mean return would be this high or higher in {share(found.white)} of cases. Hansen's "
        f"test, of means over their errors: {share(found.spa_consistent)} (between "
        f"{share(found.spa_lower)} and {share(found.spa_upper)})."
    )
    listed = ", ".join(found.confident[:NAMED])
    more = f" and {len(found.confident) - NAMED} more" if len(found.confident) > NAMED else ""
    inside = "this one among them" if row.key[:SHORT] in found.confident else "without this one"
    yield (
        f"Model confidence set: the trial of the highest true mean return is among {listed}{more} "
        f"({inside}) in 95 % of such samples."
    )
