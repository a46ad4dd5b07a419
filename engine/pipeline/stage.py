"""What a stage is: a row that says what it reads, what it is made of, and what it leaves."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from engine.core.kinds import Factor
from engine.core.long import Long
from engine.core.panel import FloatArray, Panel
from engine.pipeline.settings import Settings
from engine.storage import Artifacts

if TYPE_CHECKING:
    from engine.schemas import contract


BLOCK = 1 << 17  # rows: what parquet puts into one row group


@dataclass(frozen=True, eq=False)
class Table:
    """A frame that a stage leaves, as ``NAME.parquet``.

    Parameters
    ----------
    name : str
    frame : pandas.DataFrame or Long
        Rows that are still arrays are made into a frame and written some at a time.
    facts : mapping
        What its contract has to know beside, such as the names of columns.
    own : sequence of str
        The columns that the contract judges; none are all. Others have been in an earlier table.
    noisy : bool
        Whether hardly any of its numbers is there twice, so that it is written without much ado.
        Prices in cents are not.
    """

    name: str
    frame: pd.DataFrame | Long
    facts: Mapping[str, Any] = field(default_factory=dict)
    own: Sequence[str] = ()
    noisy: bool = False

    def blocks(self) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
        """Yield its rows, some at a time: what is written, and what the contract judges.

        The contract sees the row before, too: rules of order are of a row and the one before it.
        """
        if isinstance(self.frame, pd.DataFrame):
            yield self.frame, self._judge(self.frame)
            return
        for start in range(0, max(len(self.frame), 1), BLOCK):
            before = min(start, 1)
            seen = self.frame[start - before : start + BLOCK].frame()
            yield seen.iloc[before:], self._judge(seen)

    def _judge(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame[[*self.own]] if self.own else frame


@dataclass(frozen=True, eq=False)
class Note:
    """A mapping that a stage leaves, as ``NAME.json``."""

    name: str
    content: Mapping[str, Any]


class Saved(Protocol):
    """What writes its own files."""

    def save(self, folder: Path) -> None:
        """Write into a folder."""


class Made(Protocol):
    """The results of stages, by name; each is made or read when it is first asked for."""

    def __getitem__(self, name: str) -> Any:
        """Return the result of a stage; None where it was not wanted."""


class Pieces(Protocol):
    """Arrays that are part of a stage's result, each found by what it alone depends on."""

    def find(self, texts: Mapping[str, str]) -> dict[str, FloatArray]:
        """Return those that are kept, by name; each text says what the array depends on."""

    def bring(self, factors: Mapping[str, Factor], panel: Panel) -> dict[str, FloatArray]:
        """Return the values of those factors that are registered, brought to a panel."""

    def keep(self, texts: Mapping[str, str], arrays: Mapping[str, FloatArray]) -> None:
        """Keep the arrays of a result, all of one shape."""

    def describe(self, name: str) -> str:
        """Which code and files a plugin is that the configuration calls by a name."""


NOTHING: Mapping[str, Any] = {}
SUFFIXES = {".parquet", ".json", ".npz"}
Artifact = Table | Note | Saved
Contract = Callable[..., "contract.Contract"]


def _always(settings: Settings) -> bool:
    return True


@dataclass(frozen=True)
class Stage:
    """A row of the table of stages.

    Its functions get what they name of what the row reads and is made of, and see nothing else.

    Parameters
    ----------
    name : str
    work : callable
        Makes the result.
    reads : mapping of str to str
        Its parameters, and the configuration key whose value each gets.
    of : tuple of str
        Stages whose results it gets, under their names.
    tables : mapping of str to callable
        The tables that it leaves, and what makes the contract of each from the table's facts.
    notes : tuple of str
        Names of the other files that it leaves.
    leaves : callable, optional
        Gets the result as `made`, and what it names of the same inputs; yields the artifacts.
    libraries : tuple of str
        Distributions, beside the engine, whose versions its result depends on.
    wanted : callable
        Whether these settings ask for it; None is its result where they do not.
    data : callable, optional
        The fingerprint of a result that comes in from outside.
    tells : callable, optional
        Gets the result as `made`, and what it names of the inputs; returns what the manifest tells
        of it, as a mapping.
    back : callable, optional
        Reads the result back from the `files` that it left, what it `told`, and what it names of
        the inputs.
    """

    name: str
    work: Callable[..., Any]
    reads: Mapping[str, str] = field(default_factory=dict)
    of: tuple[str, ...] = ()
    tables: Mapping[str, Contract] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    leaves: Callable[..., Iterator[Artifact]] | None = None
    libraries: tuple[str, ...] = ()
    wanted: Callable[[Settings], bool] = _always
    data: Callable[[Any], str] | None = None
    tells: Callable[..., Mapping[str, Any]] | None = None
    back: Callable[..., Any] | None = None

    def run(self, settings: Settings, made: Made, pieces: Pieces) -> Any:
        """Make the result of what the earlier stages made, and of pieces that are kept."""
        return self._call(self.work, settings, made, {"pieces": pieces})

    def leave(self, settings: Settings, made: Made, result: Any) -> Iterator[Artifact]:
        """What the stage leaves of its result."""
        if self.leaves is not None:
            yield from self._call(self.leaves, settings, made, {"made": result})

    def tell(self, settings: Settings, made: Made, result: Any) -> Mapping[str, Any]:
        """What the manifest tells of its result."""
        if self.tells is None:
            return {}
        told: Mapping[str, Any] = self._call(self.tells, settings, made, {"made": result})
        return told

    def read_back(
        self, settings: Settings, made: Made, files: Artifacts, told: Mapping[str, Any]
    ) -> Any:
        """Read the result back from what the stage left and told."""
        assert self.back is not None
        return self._call(self.back, settings, made, {"files": files, "told": told})

    def list_files(self, folder: Path) -> list[Path]:
        """The files that it left in a folder."""
        names = (*self.tables, *self.notes)
        found = (file for name in names for file in sorted(folder.glob(f"{name}.*")))
        return [file for file in found if file.suffix in SUFFIXES]

    def _call(
        self,
        function: Callable[..., Any],
        settings: Settings,
        made: Made,
        more: Mapping[str, Any] = NOTHING,
    ) -> Any:
        """Call a function with what it names, so that nothing else need be there."""
        given = {}
        for name in list_parameters(function):
            if name in more:
                given[name] = more[name]
            elif name in self.reads:
                given[name] = settings.at(self.reads[name])
            elif name in self.of:
                given[name] = made[name]
            else:
                raise KeyError(f"stage {self.name}: {name} is not declared in its row")
        return function(**given)


def list_parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of what a function gets."""
    return tuple(inspect.signature(function).parameters)
