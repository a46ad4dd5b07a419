"""What is known of a registered factor, and what is kept of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.core.keeping import OpenStore
from engine.library.reading import read_values
from engine.library.records import Registered, State


@dataclass(frozen=True)
class Shown:
    """A registered factor, and what is kept of it.

    Parameters
    ----------
    name : str
    factor : Registered
    state : State or None
        None before its first values.
    coverage : float
        Share of the bars with a value.
    since : str
        The first date with a value; "" without any.
    bytes : int
        Of its values, as they are read.
    """

    name: str
    factor: Registered
    state: State | None
    coverage: float = 0.0
    since: str = ""
    bytes: int = 0


def show(store: OpenStore, name: str, factor: Registered) -> Shown:
    """Return what is known of a factor; its values are counted."""
    state = State.read(store).get(factor.series)
    if state is None or not state.dates:
        return Shown(name, factor, state)
    found = read_values(store, {name: factor})
    values = found.values[name]
    finite = ~np.isnan(values)
    rows, cells = np.flatnonzero(finite.any(axis=1)), state.dates * len(found.symbols)
    return Shown(
        name,
        factor,
        state,
        float(finite.sum() / max(cells, 1)),
        f"{found.dates[rows[0]]:%Y-%m-%d}" if len(rows) else "",
        cells * values.itemsize,
    )
