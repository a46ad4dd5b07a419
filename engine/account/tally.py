"""What decisions went by: how many there were, what they kept, and what no score decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from engine.core.book import Book
from engine.core.panel import FloatArray

TIED = 0.1  # of the picks: fewer that no score decided are not told at the prompt


@dataclass
class Tally:
    """Counts over the closes at which a portfolio was asked.

    Parameters
    ----------
    decisions : int
        Closes at which it returned weights.
    kept : int
        Holdings that such a decision left alone because a member with a bar had no score.
    blind : int
        Closes at which a decision was due and no name had a score: all that was held was kept.
    first_blind : str
        The date of the first of them.
    picks : int
        Places on either side that such decisions gave to names (`Book.places`).
    by_tie : int
        Those of them that no score decided.
    notes : list of str
        What it wrote down: decisions that it could not make as asked.
    """

    decisions: int = 0
    kept: int = 0
    blind: int = 0
    first_blind: str = ""
    picks: int = 0
    by_tie: int = 0
    notes: list[str] = field(default_factory=list)

    def count(self, book: Book, targets: FloatArray | None) -> None:
        """Add one close."""
        if book.blind:
            self.blind += 1
            self.first_blind = self.first_blind or book.date
        if targets is None:
            return
        self.decisions += 1
        self.picks += book.picks
        self.by_tie += book.by_tie
        self.kept += int((book.unscored & np.isnan(targets)).sum())

    def numbers(self) -> dict[str, float]:
        """The counts, by name."""
        return {
            "taken": self.decisions,
            "kept_without_score": self.kept,
            "without_any_score": self.blind,
            "picks": self.picks,
            "picks_by_tie": self._tied,
        }

    @property
    def _tied(self) -> float:
        return self.by_tie / self.picks if self.picks else 0.0

    def lines(self) -> Iterator[str]:
        """What a run should be warned of, one line a cause."""
        if self.blind:
            yield (
                f"{self.blind} of {self.blind + self.decisions} decisions kept all that was held, "
                f"for no name had a score (the first: {self.first_blind}); look at the dates of "
                "the factors: one from a file may want as_of: true"
            )
        if self.kept:
            yield (
                f"for want of a score {self.kept} holdings were left alone, at {self.decisions} "
                "decisions: only a score that does not qualify sells; look at the coverage of the "
                "factors"
            )
        if self._tied > TIED:
            yield (
                f"{self._tied:.0%} of the picks were not decided by the score, for names share one "
                "value: take a factor of more values; decision.ties says who gets the places"
            )
