"""How far a sweep has come: done, running, failed, and the best so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from engine.config.outcome import Outcome

Show = Callable[[str, int, int], None]  # a line, how many jobs are done, of how many
_show: ContextVar[Show] = ContextVar("show", default=lambda line, done, total: None)


@contextmanager
def showing(show: Show) -> Iterator[None]:
    """Have `show` called as jobs of a sweep begin and end."""
    token = _show.set(show)
    try:
        yield
    finally:
        _show.reset(token)


@dataclass
class Tally:
    """Counts the jobs of a sweep.

    Parameters
    ----------
    jobs : sequence of sequences of str
        The overrides of each.
    """

    jobs: Sequence[Sequence[str]]
    done: int = 0
    running: int = 0
    failed: int = 0
    best: Outcome | None = None

    def begin(self) -> None:
        """A job begins."""
        self.running += 1
        self._tell()

    def end(self, outcome: Any) -> None:
        """A job has ended."""
        self.running -= 1
        self.done += 1
        if isinstance(outcome, Outcome):
            self.failed += bool(outcome.error)
            if outcome.score is not None and outcome.score > self._best:
                self.best = outcome
        self._tell()

    @property
    def line(self) -> str:
        """What is to be shown."""
        line = f"{self.done} of {self.total} done, {self.running} running, {self.failed} failed"
        if self.best is not None:
            own = [word for word in self.best.overrides if word not in self._shared]
            line += f", best Sharpe {self.best.score:.2f}: {' '.join(own)}"
        return line

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.jobs)

    @cached_property
    def _shared(self) -> set[str]:
        """The overrides that all have."""
        return {*self.jobs[0]}.intersection(*self.jobs[1:]) if self.jobs else set()

    @property
    def _best(self) -> float:
        found = None if self.best is None else self.best.score
        return float("-inf") if found is None else found

    def _tell(self) -> None:
        _show.get()(self.line, self.done, self.total)
