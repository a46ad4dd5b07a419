"""The results of a run's stages: made, or found among what was made before.

1. A stage whose key is known already is *reused*: its files are copied into the run folder, what it
   told and warned of is told again, and its result is read only when a later stage asks for it.
2. Where a result cannot be read back from its files, the stage works it out again when it is asked.
3. Any other stage is *computed*; its result is kept under its key for later runs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from engine.core.errors import DataError
from engine.pipeline.folder import RunFolder
from engine.pipeline.settings import Settings
from engine.pipeline.stage import Pieces, Stage
from engine.pipeline.watch import Watch
from engine.storage import Artifacts

log = logging.getLogger(__name__)
COMPUTED, REUSED = "computed", "reused"


@dataclass(frozen=True)
class Found:
    """What was made before of a stage.

    Parameters
    ----------
    copy : callable
        Copies the files that it left into a folder.
    told : mapping
        What the manifest tells of its result.
    warned : sequence of str
        What was warned of.
    files : Artifacts
        From which the result is read back.
    refusal : str
        What to say where the source has other data by now.
    in_pieces : bool
        Whether the result is put together from its pieces, in place of being read back.
    """

    copy: Callable[[Path], None]
    told: Mapping[str, Any]
    warned: Sequence[str]
    files: Artifacts
    refusal: str
    in_pieces: bool = False


@dataclass
class Notes:
    """What happened while a stage was computed: warnings, and files that it did not declare."""

    warned: list[str] = field(default_factory=list)
    undeclared: list[str] = field(default_factory=list)


class Earlier(Protocol):
    """Knows what was made before."""

    def find(self, stage: Stage) -> Found | None:
        """Look for what a stage left."""

    def recall(self, stage: Stage) -> Any:
        """Return the result of a stage that is in memory, or None."""

    def remember(self, stage: Stage, result: Any) -> None:
        """Hold the result of a stage in memory."""

    def noting(self, stage: Stage) -> AbstractContextManager[Notes]:
        """Note what happens while a stage is computed."""

    def keep(self, stage: Stage, told: Mapping[str, Any], notes: Notes) -> None:
        """Keep what a stage left."""

    def pieces(self, stage: Stage) -> Pieces:
        """What is kept of the pieces of a stage's result."""


@dataclass
class Making:
    """Results by the names of their stages.

    Parameters
    ----------
    settings : Settings
    stages : mapping of str to Stage
        Those that the settings ask for, in their order.
    folder : RunFolder
    watch : Watch
    earlier : Earlier
    """

    settings: Settings
    stages: Mapping[str, Stage]
    folder: RunFolder
    watch: Watch
    earlier: Earlier
    how: dict[str, str] = field(default_factory=dict)
    told: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _made: dict[str, Any] = field(default_factory=dict)
    _found: dict[str, Found] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        """Return the result of a stage; None where the settings do not ask for it."""
        if name not in self.stages:
            return None
        if name not in self._made:
            self._hold(name, self._read(self.stages[name]))
        return self._made[name]

    def make(self, stage: Stage, found: Found | None = None) -> None:
        """Have a stage's files in the folder, and its result at hand or within reach."""
        load = partial(self.__getitem__, stage.name)
        self.folder.stage(stage.name, partial(self._bring, stage, found), load)

    def _bring(self, stage: Stage, found: Found | None) -> None:
        found = found or self.earlier.find(stage)
        if found is None:
            self.how[stage.name] = COMPUTED
            self._hold(stage.name, self._compute(stage))
            return
        self.how[stage.name] = REUSED
        self._found[stage.name] = found
        self.told[stage.name] = found.told
        _take(found, self.folder.path)

    def keep_only(self, names: Set[str]) -> None:
        """Let go of results that nobody reads any more."""
        for name in {*self._made} - names:
            self.folder.guard.drop(name)
            del self._made[name]

    def _hold(self, name: str, result: Any) -> None:
        self._made[name] = result
        self.folder.guard.hold(name, result)

    def _compute(self, stage: Stage) -> Any:
        """Work a stage out, and leave its files."""
        with self.earlier.noting(stage) as notes:
            result = stage.run(self.settings, self, self.earlier.pieces(stage))
            for artifact in stage.leave(self.settings, self, result):
                self.folder.leave(stage, artifact)
        self.told[stage.name] = stage.tell(self.settings, self, result)
        if stage.data is not None:
            self.watch.learn(stage.data(result))
        self.earlier.keep(stage, self.told[stage.name], notes)
        self.earlier.remember(stage, result)
        return result

    def _read(self, stage: Stage) -> Any:
        """The result of a stage that was found."""
        result = self.earlier.recall(stage)
        if result is None:
            result = self._read_back(stage, self._found[stage.name])
            self.earlier.remember(stage, result)
        return result

    def _read_back(self, stage: Stage, found: Found) -> Any:
        if stage.back is not None and not found.in_pieces:
            return stage.read_back(self.settings, self, found.files, found.told)
        result = stage.run(self.settings, self, self.earlier.pieces(stage))
        if stage.data is not None and stage.data(result) != self.watch.data:
            raise DataError(found.refusal)
        if not found.in_pieces:
            self.how[stage.name] = COMPUTED
        return result


def _take(found: Found, folder: Path) -> None:
    found.copy(folder)
    for line in found.warned:
        log.warning("%s", line)
