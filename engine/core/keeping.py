"""What is kept of what was computed: values of factors, and records of what they are.

A store keeps values by date and symbol under a key, which says all that they depend on, and small
texts beside them. Each write is a commit with a number; what was written is superseded by later
commits and never changed, so that all of it can be read as it was after any commit.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.core.errors import DataError
from engine.core.kind import Kind

Values = npt.NDArray[np.floating[Any]]
DTYPES = ("float32", "float64")


@dataclass(frozen=True, eq=False)
class Block:
    """Values to be kept.

    Parameters
    ----------
    keys : tuple of str, length F
        What the values are of: all that they depend on, as one text each.
    dates : pandas.DatetimeIndex, shape (D,)
        UTC, ascending.
    symbols : tuple of str, length N
    values : float32 or float64 array, shape (F, D, N)
    """

    keys: tuple[str, ...]
    dates: pd.DatetimeIndex
    symbols: tuple[str, ...]
    values: Values

    def __post_init__(self) -> None:
        shape = (len(self.keys), len(self.dates), len(self.symbols))
        if self.values.shape != shape:
            raise DataError(f"values have shape {self.values.shape}, their axes {shape}")
        if str(self.values.dtype) not in DTYPES:
            raise DataError(f"values are {self.values.dtype}, not float32 or float64")
        if 0 in shape or len({*self.keys}) < len(self.keys):
            raise DataError("values need a key each, a date and a symbol, and no key twice")
        if not (self.dates.is_monotonic_increasing and self.dates.is_unique and self.dates.tz):
            raise DataError("dates of values ascend, are unique, and have a zone")


@dataclass(frozen=True, eq=False)
class Kept:
    """Values that were read: float array, shape (F, T, N); NaN where nothing was kept."""

    dates: pd.DatetimeIndex
    symbols: tuple[str, ...]
    values: Values


@dataclass(frozen=True)
class Record:
    """A text to be kept, in place of the one of its kind and name before it.

    Parameters
    ----------
    kind, name : str
    text : str or None
        None takes it out, for whoever reads later commits.
    """

    kind: str
    name: str
    text: str | None


class OpenStore(Protocol):
    """A store at work. Threads may share one; processes open their own."""

    def write(self, blocks: Sequence[Block], what: str = "", records: Sequence[Record] = ()) -> int:
        """Keep blocks and records as one commit, whole or not at all, and return its number."""

    def read(
        self,
        keys: Sequence[str],
        first: pd.Timestamp | None = None,
        last: pd.Timestamp | None = None,
        as_of: int | None = None,
    ) -> Kept:
        """Read values by their keys, from the date `first` to `last`, both with them.

        With `as_of`, a commit's number, they are what was kept then. DataError says for which key
        nothing is kept.
        """

    def records(self, kind: str, as_of: int | None = None) -> dict[str, str]:
        """Return all texts of a kind, by name, in the order of the names."""

    def last_commit(self) -> int:
        """Return the number of the last commit; 0 without any."""

    def close(self) -> None:
        """Let it go; arrays that were read stay."""


@dataclass(frozen=True)
class Store(Kind):
    """Where values of factors and results of stages are kept.

    `check_store` of the conformance kit says what an open store has to do.
    """

    kind_name: ClassVar[str] = "store"
    config_key: ClassVar[str] = "store"

    @abstractmethod
    def open(self) -> OpenStore | None:
        """Open it, made where there is none; None keeps nothing."""

    @property
    def results(self) -> Path | None:
        """The folder of this machine where results of stages are kept; None keeps none."""
        return None

    @property
    def max_bytes(self) -> float:
        """Bytes that results of stages may take; those used least recently go first."""
        return float("inf")

    @property
    def memory_bytes(self) -> float:
        """Bytes of memory that they may take, for later runs of the same process."""
        return 0.0
