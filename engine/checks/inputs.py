"""What a plugin is given: a panel and some arrays; cut, changed after a date, reordered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from engine.checks.verdict import Broken
from engine.core.groups import content
from engine.core.panel import FloatArray, Panel

_Change = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, eq=False)
class Inputs:
    """A panel, and arrays of shape (T,) or (T, N) that go along with it.

    `gappy` names the arrays that may be NaN.
    """

    panel: Panel
    arrays: Mapping[str, FloatArray] = field(default_factory=dict)
    gappy: frozenset[str] = frozenset()

    @property
    def rows(self) -> int:
        """T."""
        return len(self.panel.dates)

    def copy(self) -> Inputs:
        """The same in memory of its own, with nothing cached yet."""
        panel = replace(
            self.panel,
            fields={k: _lock(a) for k, a in self.panel.fields.items()},
            series={k: a.copy() for k, a in self.panel.series.items()},
            member=self.panel.member.copy(),
        )
        return replace(self, panel=panel, arrays={k: a.copy() for k, a in self.arrays.items()})

    def cut(self, stop: int) -> Inputs:
        """As known after the first `stop` dates."""
        arrays = {k: a[:stop] for k, a in self.arrays.items()}
        return replace(self, panel=self.panel.cut(stop), arrays=arrays)

    def take(self, order: list[int]) -> Inputs:
        """The symbols in another order."""
        arrays = {k: a[:, order] if a.ndim == 2 else a for k, a in self.arrays.items()}
        return replace(self, panel=self.panel.take(order), arrays=arrays)

    def change(self, stop: int, lag: int = 0) -> Iterator[tuple[str, Inputs]]:
        """Other futures: bars from row `stop` on, arrays from row `stop + lag` on.

        Yields
        ------
        tuple of str and Inputs
            What became of the later rows, and the inputs with it.
        """
        random = np.random.default_rng(stop)
        yield "scaled", self._with(stop, lag, lambda a: a * random.lognormal(0.0, 1.0, a.shape))
        backwards = self._with(stop, lag, lambda a: a[::-1])
        member = self.panel.member.copy()
        member[stop:] = ~member[stop:]
        yield "reversed", replace(backwards, panel=replace(backwards.panel, member=member))
        nothing = self._with(stop, lag, lambda a: np.full(a.shape, np.nan))
        kept = {k: a for k, a in self.arrays.items() if k not in self.gappy}
        yield "taken away", replace(nothing, arrays={**nothing.arrays, **kept})

    def _with(self, stop: int, lag: int, change: _Change) -> Inputs:
        """The inputs with the later rows of all that is numbers changed."""
        panel = replace(
            self.panel,
            fields={k: _after(a, stop, change) for k, a in self.panel.fields.items()},
            series={k: _after(a, stop, change) for k, a in self.panel.series.items()},
        )
        arrays = {k: _after(a, stop + lag, change) for k, a in self.arrays.items()}
        return replace(self, panel=panel, arrays=arrays)

    def stops(self) -> list[int]:
        """Where to cut: the first dates, quarters, and within gaps that end later.

        In a gap a value that is filled from behind shows.
        """
        T = self.rows
        found = {1, 2, T // 4, T // 2, 3 * T // 4, 7 * T // 8, T - 1}
        fields = [*self.panel.fields.values(), *(a[:, None] for a in self.panel.series.values())]
        for array in fields:
            gap = np.isnan(array)
            ends = np.flatnonzero((gap[:-1] & ~gap[1:]).any(axis=1)) + 1
            found |= {int(i) for i in ends[[0, -1]]} if len(ends) else set()
        return sorted(stop for stop in found if 0 < stop < T)

    def check_untouched(self, used: Inputs) -> None:
        """Raise Broken when `used`, once a copy of these inputs, is no longer equal to them."""
        panel, other = self.panel, used.panel
        pairs = {f"panel[{k!r}]": (a, other.fields.get(k)) for k, a in panel.fields.items()}
        pairs |= {f"panel.series[{k!r}]": (a, other.series.get(k)) for k, a in panel.series.items()}
        pairs |= {k: (a, used.arrays.get(k)) for k, a in self.arrays.items()}
        for name in ("member", "present", "returns", "market"):
            pairs[f"panel.{name}"] = getattr(panel, name), getattr(other, name)
        for name, (before, after) in pairs.items():
            if after is None or not np.array_equal(before, after, equal_nan=True):
                raise Broken(f"changes {name} that it was given: work on a copy")
        groups, others = (
            {name: content(grouping) for name, grouping in each.groups.items()}
            for each in (panel, other)
        )
        if groups != others or panel.symbols != other.symbols:
            raise Broken("changes the panel's symbols or groups: work on a copy")


def _lock(array: FloatArray) -> FloatArray:
    array = array.copy()
    array.flags.writeable = False
    return array


def _after(array: FloatArray, stop: int, change: _Change) -> FloatArray:
    out = array.copy()
    if stop < len(out):
        out[stop:] = change(array[stop:])
    return out
