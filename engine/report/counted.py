"""The table of trials: what the ledger said when the run ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.report.cells import DASH, number, table
from engine.storage import Trials

SEARCHES = {
    "chance": ("searches without skill that end as high", ".1%"),
    "expected": ("best Sharpe ratio per year to expect of one", ".2f"),
    "deflated": ("deflated Sharpe ratio: confidence that skill is more", ".3f"),
}
CUTS = {"bonferroni": "Bonferroni", "holm": "Holm", "bhy": "Benjamini, Hochberg & Yekutieli"}


def tables(made: Trials | None) -> list[dict[str, Any]]:
    """What a search of this size makes of the result; nothing where the run was not counted."""
    if made is None:
        return []
    return [table("Trials", "trials.json", ["what", "value"], [list(row) for row in _rows(made)])]


def _rows(made: Trials) -> Iterator[tuple[str, str]]:
    counts = made.counts
    yield "trials on these data", str(counts.all)
    yield "of them without a result", str(counts.all - counts.known)
    yield "of them independent, about", number(counts.independent, ".1f")
    yield "rank by Sharpe ratio", DASH if made.rank is None else str(made.rank)
    for name, best in (("independent", made.effective), ("all", made.raw)):
        for key, (words, form) in SEARCHES.items():
            yield f"{words}, {name} trials", _cell(best, key, form)
    yield "probabilistic Sharpe ratio, if it was the only trial", number(made.probabilistic, ".3f")
    yield "years for 0.95 of it (minimum track record)", number(made.minimum_years, ".1f")
    for key, words in CUTS.items():
        yield (
            f"haircut Sharpe ratio, {words}",
            _cell(made.haircut, key, ".2f"),
        )
    if made.overfitting is not None:
        yield (
            "splits with the best in-sample below the median",
            number(made.overfitting.below, ".1%"),
        )
        yield "probability of backtest overfitting (PBO)", number(made.overfitting.pbo, ".3f")


def _cell(part: object, key: str, form: str) -> str:
    return DASH if part is None else number(getattr(part, key), form)
