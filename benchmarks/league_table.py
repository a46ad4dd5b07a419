"""What the league shows: a row a model, what differs beyond chance, and a section of a page."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from engine.core.panel import FloatArray
from engine.study import adjust, compare_trials, newey_west_t, overlap_lags

BASE, LEVEL, SEED = "ridge", 0.05, 7
WIDTH, DASH = 100, "–"
BEGIN, END = "<!-- league: begin -->", "<!-- league: end -->"
HEAD = ("model", "rank IC", "t", f"less {BASE}'s", "t", "p", "p among {tests}", "may be best",
        "net Sharpe", "deflated", "turnover", "fit, s", "fit, MB", "run, MB")  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A model on a universe.

    Parameters
    ----------
    model : str
    failed : str
        Why there is no run, in a line; "" where there is one.
    rank_ic, rank_ic_t : float, optional
        Mean over dates, and its t (Newey & West).
    sharpe, sharpe_se, deflated : float, optional
        Net, per year; the confidence that it is above the best of as many trials without skill.
    turnover : float, optional
        Two-way, a day, in fractions of equity.
    fit_seconds, fit_mb, run_mb : float, optional
        Of the stage of the trainings, and the highest of all stages.
    """

    model: str
    failed: str = ""
    rank_ic: float | None = None
    rank_ic_t: float | None = None
    sharpe: float | None = None
    sharpe_se: float | None = None
    deflated: float | None = None
    turnover: float | None = None
    fit_seconds: float | None = None
    fit_mb: float | None = None
    run_mb: float | None = None


@dataclass(frozen=True)
class Difference:
    """A model's daily rank ICs less those of the base: mean, t, p-value, and the adjusted one."""

    mean: float
    t: float
    p: float
    adjusted: float | None


@dataclass(frozen=True)
class Standing:
    """All models on a universe.

    Parameters
    ----------
    universe : str
    facts : str
        What the bars are, in a sentence.
    rows : tuple of Row
    differences : mapping of str to Difference
    confident : tuple of str, optional
        The model confidence set; None where it was not computed.
    trials, independent : float
        That count against each Sharpe ratio, and how many independent ones they are worth.
    """

    universe: str
    facts: str
    rows: tuple[Row, ...]
    differences: Mapping[str, Difference]
    confident: tuple[str, ...] | None
    trials: int = 0
    independent: float = 0.0


def compare(daily: Mapping[str, FloatArray], horizon: int) -> dict[str, Difference]:
    """Test each model's daily rank ICs, shape (T,), less those of the base, against zero.

    Dates on which one of the two has none are left out. The standard error is Newey & West's over
    the overlap of `horizon` days, as the report has it; p-values are adjusted for all models by
    Holm's method. A model that never differs from the base has no t.
    """
    if BASE not in daily:
        return {}
    others = [name for name in daily if name != BASE]
    tests = [newey_west_t(daily[name] - daily[BASE], overlap_lags(horizon)) for name in others]
    adjusted = adjust([test.p for test in tests])
    return {
        name: Difference(test.mean, test.t, test.p, p)
        for name, test, p in zip(others, tests, adjusted, strict=True)
    }


def find_confident(daily: Mapping[str, FloatArray]) -> tuple[str, ...] | None:
    """Return the models that may have the highest mean rank IC; None without the extra `stats`."""
    if find_spec("arch") is None or BASE not in daily or len(daily) < 2:
        return None
    columns = np.column_stack([*daily.values()])
    return compare_trials(columns, daily[BASE], SEED, names=[*daily]).confident


def draw(standings: Sequence[Standing], notes: Sequence[str]) -> str:
    """The section: a table a universe, with what it says, and notes."""
    parts = [part for standing in standings for part in _draw_one(standing)]
    return "\n\n".join([*parts, *map(wrap, notes)])


def _draw_one(standing: Standing) -> Iterator[str]:
    yield f"## `{standing.universe}`"
    yield wrap(standing.facts)
    yield draw_table(standing)
    if not all(row.failed for row in standing.rows):
        yield from map(wrap, say(standing))


def draw_table(standing: Standing) -> str:
    """A table in Markdown: the highest rank IC first, models without a run last."""
    tests = sum(np.isfinite(each.p) for each in standing.differences.values())
    head = [name.format(tests=tests) for name in HEAD]
    rows = sorted(standing.rows, key=_order)
    cells = [head, ["---", *["---:"] * (len(head) - 1)], *(_cells(row, standing) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _order(row: Row) -> tuple[bool, float, str]:
    return bool(row.failed), -(row.rank_ic or 0.0), row.model


def _cells(row: Row, standing: Standing) -> list[str]:
    name = f"`{row.model}`"
    if row.failed:
        return [name, row.failed.replace("|", "\\|"), *[""] * (len(HEAD) - 2)]
    gap = standing.differences.get(row.model)
    compared = [DASH] * 4 if gap is None else [
        show(gap.mean, "+.4f"), show(gap.t, ".1f"), show(gap.p, ".3f"), show(gap.adjusted, ".3f"),
    ]  # fmt: skip
    best = DASH
    if standing.confident is not None:
        best = "yes" if row.model in standing.confident else "no"
    return [
        name, show(row.rank_ic, ".4f"), show(row.rank_ic_t, ".1f"), *compared, best,
        f"{show(row.sharpe, '.2f')} ± {show(row.sharpe_se, '.2f')}", show(row.deflated, ".2f"),
        show(row.turnover, ".3f"), show(row.fit_seconds, ".1f"), show(row.fit_mb, ".0f"),
        show(row.run_mb, ".0f"),
    ]  # fmt: skip


def show(value: float | None, form: str) -> str:
    """A number in print; a dash where there is none."""
    return DASH if value is None or not np.isfinite(value) else format(value, form)


def say(standing: Standing) -> Iterator[str]:
    """What the table tells, in sentences."""
    yield _say_differences(standing)
    yield _say_confident(standing)
    best = max((row for row in standing.rows if row.sharpe is not None),
               key=lambda row: row.sharpe or 0.0, default=None)  # fmt: skip
    if best is not None:
        yield (
            f"The best net Sharpe ratio, {show(best.sharpe, '.2f')} of `{best.model}`, is that of "
            f"{standing.trials} trials, worth about {standing.independent:.1f} independent ones; "
            f"deflated for all {standing.trials} it is {show(best.deflated, '.2f')}."
        )


def _say_differences(standing: Standing) -> str:
    known = {n: d for n, d in standing.differences.items() if d.adjusted is not None}
    if not known:
        return f"No model can be compared with {BASE} yet."
    beyond = {n: d for n, d in known.items() if (d.adjusted or 0.0) < LEVEL}
    better = sorted(name for name, each in beyond.items() if each.mean > 0.0)
    worse = sorted(name for name, each in beyond.items() if each.mean <= 0.0)
    return (
        f"Beyond chance (5% after Holm's adjustment for {count_models(known)}), better than "
        f"{BASE}: {list_names(better)}; worse: {list_names(worse)}. The others cannot be told "
        "apart from it on these dates."
    )


def _say_confident(standing: Standing) -> str:
    if standing.confident is None:
        return (
            f"The model confidence set was not computed: it needs runs of {BASE} and of another "
            "model, and the extra `stats`."
        )
    ran = sorted(row.model for row in standing.rows if not row.failed)
    out = [name for name in ran if name not in standing.confident]
    return (
        f"Of {count_models(ran)} {len(ran) - len(out)} may have the highest rank IC (model "
        f"confidence set, 95%); not among them: {list_names(out)}."
    )


def count_models(names: Sized) -> str:
    """A number of models in print."""
    return f"{len(names)} model{'s' * (len(names) != 1)}"


def list_names(names: Sequence[str]) -> str:
    """Names in print; "none" of none."""
    return ", ".join(f"`{name}`" for name in names) or "none"


def wrap(text: str) -> str:
    """A paragraph of lines that fit the page."""
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def replace_section(page: str, section: str) -> str:
    """Return a page with another section between its two markers."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page needs the lines {BEGIN} and {END}, in this order")
    return f"{before}{BEGIN}\n\n{section}\n\n{END}{after}"
