"""Values as they were and as they are, side by side, and what of them has to be written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from engine.core.keeping import Block, Values
from engine.core.panel import BoolArray, Panel
from engine.library.bars import differ
from engine.library.identity import Work
from engine.library.rows import Todo


@dataclass
class Sheet:
    """Values of some factors from one row on: as they were, and as they are.

    Parameters
    ----------
    names : list of str
    first : int
        The row of the panel with which it begins.
    old, new : float array, shape (F, R, N)
        Without `old` nothing was kept.
    """

    names: list[str]
    first: int
    old: Values | None
    new: Values

    def put(
        self, name: str, span: slice, where: BoolArray, values: Values, rows: BoolArray
    ) -> None:
        """Take values that were computed, of the rows that were asked for, shape (T,)."""
        places = np.flatnonzero(rows[span])
        k = self.names.index(name)
        if where.all():
            self.new[k, places + span.start - self.first] = values[places]
        else:
            to = np.ix_(places + span.start - self.first, np.flatnonzero(where))
            self.new[k][to] = values[places]

    @cached_property
    def differs(self) -> BoolArray | None:
        """Where a value is another one, shape (F, R, N); None where nothing was kept."""
        return None if self.old is None else differ(self.old, self.new)

    def list_blocks(
        self, works: Mapping[str, Work], todo: Mapping[str, Todo], panel: Panel
    ) -> Iterator[Block]:
        """What has to be written: new rows whole, and the rows and symbols that differ."""
        by_rows: dict[bytes, list[int]] = {}
        for k, name in enumerate(self.names):
            by_rows.setdefault(todo[name].fresh[self.first :].tobytes(), []).append(k)
        dates = panel.dates[self.first :]
        for rows, members in by_rows.items():
            fresh = np.frombuffer(rows, bool)
            keys = tuple(works[self.names[k]].series for k in members)
            if fresh.any():
                values = self._take(members, fresh)
                yield Block(keys, dates[fresh], panel.symbols, values)
            if self.differs is not None:
                yield from self._correct(members, fresh, self.differs, keys, panel)

    def _take(self, members: Sequence[int], rows: BoolArray) -> Values:
        every = len(members) == len(self.names)
        some = self.new if every else self.new[np.array(members)]
        return some if rows.all() else some[:, rows]

    def _correct(
        self,
        members: Sequence[int],
        fresh: BoolArray,
        changed: BoolArray,
        keys: Sequence[str],
        panel: Panel,
    ) -> Iterator[Block]:
        """What lies on top of earlier rows: the rows and symbols at which some factor differs."""
        where = changed[np.array(members)] & ~fresh[:, None]
        at = [np.flatnonzero(where.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
        if len(at[0]):
            own = np.array(members)[at[0]]
            yield Block(
                tuple(keys[k] for k in at[0].tolist()),
                panel.dates[self.first :][at[1]],
                tuple(panel.symbols[k] for k in at[2]),
                self.new[np.ix_(own, at[1], at[2])],
            )

    def count(self, todo: Mapping[str, Todo]) -> dict[str, int]:
        """Cells that held another value, by factor: of dates and symbols that the bars had."""
        if self.differs is None:
            return {}
        counts = {}
        for where, name in zip(self.differs, self.names, strict=True):
            each = todo[name]
            counts[name] = int(where[each.dates[self.first :]][:, each.symbols].sum())
        return counts
