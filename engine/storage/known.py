"""What a store knows of its files: which keys are read from which, in which order."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from engine.core.errors import DataError
from engine.core.keeping import Kept
from engine.storage.catalogue import Catalogue
from engine.storage.layout import Layout
from engine.storage.opened import NAMED, Opened
from engine.storage.rows import LOST, Segment

LAYOUTS = 64  # of sets of segments, and of keys, that are kept at hand


@dataclass(frozen=True)
class Part:
    """Keys that are read from the same segments: their places among those asked for."""

    members: list[int]
    ids: tuple[int, ...]
    series: tuple[int, ...]


class Known:
    """The segments that are read, learned anew when the catalogue has changed.

    Parameters
    ----------
    catalogue : Catalogue
    files : pathlib.Path
    """

    def __init__(self, catalogue: Catalogue, files: Path) -> None:
        self.catalogue, self.path = catalogue, files.parent
        self.opened = Opened(files, catalogue.symbols, self.name, catalogue.remember)
        self.segments: dict[int, Segment] = {}
        self.sets: dict[int, tuple[bytes, ...]] = {}  # the kinds of segments that hold a series
        self._seen = -1
        self._stacks: dict[tuple[bytes, ...], tuple[int, ...]] = {}
        self._layouts: OrderedDict[tuple[tuple[int, ...], int | None], Layout] = OrderedDict()
        self._asked: dict[tuple[str, ...], list[Part]] = {}

    def refresh(self) -> None:
        """Learn what other processes have written since."""
        changes = self.catalogue.changes()
        if changes == self._seen:
            return
        living = self.catalogue.living()
        if living != self.segments.keys():
            self._learn(living)
        self._seen = changes

    def expire(self) -> None:
        """Have it learned anew: the catalogue was changed here."""
        self._seen = -1

    def _learn(self, living: set[int]) -> None:
        new = self.catalogue.read(living - self.segments.keys())
        for gone in self.segments.keys() - living:
            self.opened.drop(self.segments.pop(gone).file)
        self.segments |= {segment.id: segment for segment in new}
        self._layouts.clear()
        self._asked.clear()
        self._stacks.clear()
        holding: dict[int, list[bytes]] = {}
        for kind, segment in {s.kind: s for s in self.segments.values()}.items():
            for number in segment.series.tolist():
                holding.setdefault(number, []).append(kind)
        holding.pop(LOST, None)
        self.sets = {number: tuple(kinds) for number, kinds in holding.items()}

    def find(self, keys: Sequence[str]) -> list[Part]:
        """Keys by the segments that they are read from; kept, for the same are asked for again."""
        asked = tuple(keys)
        parts = self._asked.get(asked)
        if parts is None:
            alike: dict[tuple[int, ...], list[int]] = {}
            numbers = self._numbers(asked)
            for k, number in enumerate(numbers):
                alike.setdefault(self._stack(self.sets[number]), []).append(k)
            parts = [Part(m, ids, tuple(numbers[k] for k in m)) for ids, m in alike.items()]
            if len(self._asked) >= LAYOUTS:
                self._asked.clear()
            self._asked[asked] = parts
        return parts

    def _numbers(self, keys: Sequence[str]) -> list[int]:
        found = self.catalogue.find(keys)
        missing = [repr(k) for k, n in zip(keys, found, strict=True) if n not in self.sets]
        if missing:
            more = f" and {len(missing) - NAMED} others" if len(missing) > NAMED else ""
            named = ", ".join(missing[:NAMED])
            raise DataError(f"{self.path}: nothing is kept for {named}{more}; compute it first")
        return [number for number in found if number is not None]

    def fill(
        self, part: Part, first: pd.Timestamp | None, last: pd.Timestamp | None, as_of: int | None
    ) -> Kept:
        """Read a part's values."""
        low, high = (None if at is None else at.as_unit("ns").value for at in (first, last))
        return self._layout(part.ids, as_of).fill(part.series, (low, high), self.opened.open)

    def _stack(self, kinds: tuple[bytes, ...]) -> tuple[int, ...]:
        """The segments of some kinds, the lowest first."""
        if kinds not in self._stacks:
            found = [s for s in self.segments.values() if s.kind in kinds]
            self._stacks[kinds] = tuple(s.id for s in sorted(found, key=lambda s: s.order))
        return self._stacks[kinds]

    @property
    def depth(self) -> int:
        """The most segments that one key is read from."""
        return max((len(self._stack(kinds)) for kinds in {*self.sets.values()}), default=0)

    def _layout(self, ids: tuple[int, ...], as_of: int | None) -> Layout:
        """The axes of some segments; kept, for all factors of a set share them."""
        layout = self._layouts.get((ids, as_of))
        if layout is None:
            segments = [self.segments[each] for each in ids]
            if as_of is not None:
                segments = [each for each in segments if each.since.min() <= as_of]
            axes = dict.fromkeys(segment.symbols for segment in segments)
            names = {axis: self.catalogue.symbols(axis) for axis in axes}
            layout = self._layouts[ids, as_of] = Layout.of(segments, names, as_of)
            if len(self._layouts) > LAYOUTS:
                self._layouts.popitem(last=False)
        self._layouts.move_to_end((ids, as_of))
        return layout

    def name(self, numbers: Iterable[int]) -> list[str]:
        """The keys of series, by their numbers."""
        names = self.catalogue.names()
        return [names[number] for number in numbers]
