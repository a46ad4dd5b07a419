"""What is kept of the rows before the new ones: what new rows of a formula are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.core.keeping import OpenStore
from engine.core.panel import FloatArray, Panel
from engine.expr import Node
from engine.library.bars import lay
from engine.library.identity import Work
from engine.library.rows import Todo


@dataclass(frozen=True)
class Past:
    """What is kept of the parts of formulas that reach back without end.

    Parameters
    ----------
    store : OpenStore
    commit : int
        As of which it is read, whoever writes meanwhile.
    panel : Panel
    keys : mapping of Node to str
        The parts, and their series.
    starts : mapping of str to int
        By series, the row before which all that is kept is what the panel gives.
    """

    store: OpenStore
    commit: int
    panel: Panel
    keys: Mapping[Node, str]
    starts: Mapping[str, int]

    def find_start(self, work: Work, todo: Todo) -> int:
        """Return the row from which on a formula is made of what is kept; 0 where it cannot be."""
        if work.needs is None or not todo.fresh.any():
            return 0
        return min([todo.start, *(self.starts[part.series] for part in work.needs)])

    def read(self, parts: Sequence[Node], rows: slice) -> FloatArray:
        """Return parts on some rows, shape (F, R, N); NaN where nothing is kept."""
        dates, keys = self.panel.dates[rows], [self.keys[part] for part in parts]
        once = [*dict.fromkeys(keys)]
        kept = self.store.read(once, dates[0], dates[-1], self.commit)
        values = lay(kept, dates, self.panel.symbols)[[once.index(key) for key in keys]]
        return np.asarray(values, np.float64)
