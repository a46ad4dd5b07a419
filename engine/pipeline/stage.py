"""What a stage is: a row that says what it reads, what it is made of, and what it leaves."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from engine.pipeline.settings import Settings
from engine.store import Artifacts

if TYPE_CHECKING:
    from engine.schemas import contract


@dataclass(frozen=True, eq=False)
class Table:
    """A frame that a stage leaves, as ``NAME.parquet``.

    Parameters
    ----------
    name : str
    frame : pandas.DataFrame
    facts : mapping
        What its contract has to know beside, such as the names of columns.
    own : sequence of str
        The columns that the contract judges; none are all. Others have been in an earlier table.
    """

    name: str
    frame: pd.DataFrame
    facts: Mapping[str, Any] = field(default_factory=dict)
    own: Sequence[str] = ()

    @property
    def judged(self) -> pd.DataFrame:
        """What the contract judges."""
        return self.frame[[*self.own]] if self.own else self.frame


@dataclass(frozen=True, eq=False)
class Note:
    """A mapping that a stage leaves, as ``NAME.json``."""

    name: str
    content: Mapping[str, Any]


class Saved(Protocol):
    """What writes its own files."""

    def save(self, folder: Path) -> None:
        """Write into a folder."""


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
    back : callable, optional
        Reads the result back from the `files` of a finished run, and what it names of the inputs.
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
    back: Callable[..., Any] | None = None

    def run(
        self, settings: Settings, made: Mapping[str, Any], leave: Callable[[Stage, Artifact], None]
    ) -> Any:
        """Make the result of what the earlier stages made, and hand each artifact to `leave`."""
        inputs = self._inputs(settings, made)
        result = _call(self.work, inputs)
        if self.leaves is not None:
            for artifact in _call(self.leaves, {**inputs, "made": result}):
                leave(self, artifact)
        return result

    def again(self, settings: Settings, made: Mapping[str, Any], files: Artifacts) -> Any:
        """Read the result back from a finished run, or work it out where that left nothing."""
        inputs = self._inputs(settings, made)
        if self.back is None:
            return _call(self.work, inputs)
        return _call(self.back, {**inputs, "files": files})

    def _inputs(self, settings: Settings, made: Mapping[str, Any]) -> dict[str, Any]:
        read = {name: settings.at(key) for name, key in self.reads.items()}
        return {**read, **{name: made[name] for name in self.of if name in made}}


def list_parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of what a function gets."""
    return tuple(inspect.signature(function).parameters)


def _call(function: Callable[..., Any], inputs: Mapping[str, Any]) -> Any:
    return function(**{name: inputs[name] for name in list_parameters(function)})
