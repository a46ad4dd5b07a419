"""What is to be decided: a portfolio, and what it decides by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.account.ledger import Decide, State
from engine.account.tally import Tally
from engine.core.book import Book
from engine.core.contracts import array
from engine.core.errors import PluginError
from engine.core.kinds import Portfolio, overrides
from engine.core.panel import FloatArray, Panel
from engine.core.sealed import seal
from engine.plugin import calling, lend, take_over


@dataclass(frozen=True, eq=False)
class Plan:
    """A portfolio, and what it decides by.

    Parameters
    ----------
    portfolio : Portfolio
    signal : float array, shape (T, N)
    exposure : float array, shape (T,)
    ties : {"split", "symbol"}
        Of `Book.places`.
    """

    portfolio: Portfolio
    signal: FloatArray
    exposure: FloatArray
    ties: str = "split"

    def __post_init__(self) -> None:
        if not (overrides(self.portfolio, "decide") or overrides(self.portfolio, "weights")):
            raise PluginError(f"portfolio {self.portfolio.name!r} has neither decide nor weights")

    def ask_for_all(self, panel: Panel) -> FloatArray | None:
        """All weights at once, shape (T, N); None of a portfolio that decides."""
        who = f"portfolio {self.portfolio.name!r}"
        if overrides(self.portfolio, "decide", before="weights"):
            return None
        with calling(self.portfolio, who):
            made = self.portfolio.weights(
                seal(self.signal), lend(panel, self.portfolio), seal(self.exposure)
            )
            return take_over(array(made, panel.shape, who), self.portfolio)

    def decide(self, panel: Panel, tally: Tally, start: int = 0) -> Decide:
        """What asks the portfolio at a close of the panel, whose row `start` is the ledger's 0.

        A row that is not `Panel.full` decides nothing.
        """
        who = f"portfolio {self.portfolio.name!r}"
        data, signal = lend(panel, self.portfolio), seal(self.signal)

        def decide(t: int, state: State) -> FloatArray | None:
            row = start + t
            if not panel.full[row]:
                return None
            book = Book(
                row=row,
                held=state.held,
                equity=state.equity,
                cash=state.cash,
                waiting=state.waiting.copy(),
                score=signal[row],
                exposure=float(self.exposure[row]),
                notes=tally.notes,
                memory=state.memory,
                data=data,
                ties=self.ties,
            )
            with calling(self.portfolio, who, often=True):
                targets = self.portfolio.decide(signal[row].copy(), book)
                if targets is not None:
                    targets = array(targets, state.shares.shape, who)
            _refuse_memory(state.memory, who)
            tally.count(book, targets)
            return targets

        return decide


def _refuse_memory(memory: Mapping[str, object], who: str) -> None:
    """Raise PluginError unless all that is remembered can be saved with the account."""
    for name, value in memory.items():
        number = isinstance(value, (int, float, np.integer, np.floating))
        if not (number or (isinstance(value, np.ndarray) and value.dtype.kind in "fiub")):
            raise PluginError(
                f"{who} keeps book.memory[{name!r}] as {type(value).__name__}: keep arrays of "
                "numbers, and numbers"
            )
