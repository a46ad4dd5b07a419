"""Results of stages are kept in the store, and found there by later runs.

What is kept is found by its stage's key alone, so that key has to say all that the result depends
on. Where other distributions' code takes part, the files that it opens are noted: a stage that
reads one which no option names is never kept, and nor is anything made of it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from engine.core.errors import EngineError
from engine.core.keeping import Store
from engine.core.kinds import Factor
from engine.core.panel import FloatArray, Panel
from engine.core.plain import to_plain
from engine.pipeline.folder import FULL, RunFolder
from engine.pipeline.keys import Keys, Used
from engine.pipeline.making import Found, Notes
from engine.pipeline.recent import RECENT
from engine.pipeline.stage import Stage
from engine.pipeline.stages import STAGES
from engine.pipeline.watch import Watch
from engine.plugin import HOME, pausing, places, watching
from engine.storage import ASIDE, PIECES, Artifacts, Result, Results

log = logging.getLogger(__name__)
SOURCE = "data"  # under which it is kept what a repeatable source gave
PART = 0.1  # of the store's bytes, that the pieces of one result may take
READ = {name for stage in STAGES for name in stage.of}


@dataclass
class Reuse:
    """What one run finds of earlier ones, and keeps for later ones.

    Parameters
    ----------
    store : Store
    results : Results
    folder : RunFolder
    watch : Watch
        Learns what the data are.
    keys : Keys
    origin : callable or None
        Tells where the bars come from; None where they were handed over, and nothing says so.
    source : str
        The source's key without its data, where it is repeatable.
    last : bool
        Whether no other run follows in this process.
    """

    store: Store
    results: Results
    folder: RunFolder
    watch: Watch
    keys: Keys
    origin: Callable[[], str] | None
    source: str = ""
    last: bool = False
    _apart: set[str] = field(default_factory=set)  # stages of which nothing is kept
    _pieces: dict[str, KeptPieces] = field(default_factory=dict)

    def __post_init__(self) -> None:
        found = self._look_up(self.source, SOURCE) if self.source else None
        if found is not None:
            self.watch.learn(str(found.told["data"]))

    def _look_up(self, key: str, name: str) -> Result | None:
        """What is kept under a key; a store that cannot say is told of, and stops no run."""
        try:
            return self.results.find(key, name)
        except (EngineError, OSError) as error:
            log.warning("store: %s; %s is made again", error, name, extra=ASIDE)
            return None

    def find(self, stage: Stage) -> Found | None:
        """Return what was kept of a stage; None where it has to be made."""
        key = self.watch.keys.get(stage.name, "")
        if not key or self._is_apart(stage):
            return None
        found = self._look_up(key, stage.name)
        if found is None:
            return None
        if found.told["undeclared"]:
            self._set_apart(stage, found.told["undeclared"])
            return None
        try:
            found.copy(self.folder.path)
        except OSError as error:
            if error.errno in FULL:  # of the run's own folder
                raise
            return None  # another process has just made room
        return Found(
            copy=lambda folder: None,  # they are there
            told=found.told["told"],
            warned=found.told["warned"],
            files=Artifacts(self.folder.path),
            refusal=f"source.name={self.keys.config.source.name}: it says that it is repeatable, "
            "and gave other bars for the same options and files than before: type store=none",
            in_pieces=PIECES in found.files,
        )

    def recall(self, stage: Stage) -> Any:
        """Return the result of a stage that is in memory, or None."""
        return None if self._is_apart(stage) else RECENT.get(self.watch.keys[stage.name])

    def remember(self, stage: Stage, result: Any) -> None:
        """Hold the result of a stage in memory, where later runs of this process may read it."""
        if stage.name in READ and not self.last and not self._is_apart(stage):
            RECENT.put(self.watch.keys[stage.name], result, self.store.memory_bytes)

    @contextmanager
    def noting(self, stage: Stage) -> Iterator[Notes]:
        """Note what is warned of inside and, of other distributions' code, what it opens."""
        notes = Notes()
        strangers = [used for used in self.keys.list_used(stage) if used.entry.dist != HOME]
        if stage.data is not None and not self.source:
            strangers = []  # its key is made of the bars themselves
        with self.folder.listening(notes.warned), watching() if strangers else nullcontext() as got:
            yield notes
        if got is not None:
            declared = [place for used in strangers for place in (*used.files, *places(used.entry))]
            notes.undeclared = got.find_undeclared([*declared, self.folder.path])

    def keep(self, stage: Stage, told: Mapping[str, Any], notes: Notes) -> None:
        """Keep what a stage left, as soon as it is written."""
        if notes.undeclared:
            self._set_apart(stage, notes.undeclared)
        elif self._is_apart(stage):
            return
        elif not self.keys.is_current(stage):  # a file was changed while it was read
            self._apart.add(stage.name)
            return
        secrets = self.folder.secrets
        about = {
            "told": secrets.everywhere(to_plain(told)),
            "warned": [secrets.text(line) for line in notes.warned],
            "undeclared": notes.undeclared,
        }
        key = self.watch.keys[stage.name]
        files = [] if notes.undeclared else [stage]
        kept = self._pieces.pop(stage.name, None)
        pieces = kept.made if kept is not None and files else {}
        if sum(array.nbytes for array in pieces.values()) > PART * self.results.max_bytes:
            pieces = {}
        self.folder.once_written(self._write, key, stage.name, about, files, pieces)
        if stage.data is not None and self.source and not notes.undeclared:
            data = {"data": self.watch.data}
            self.folder.once_written(self._write, self.source, SOURCE, data, [], {})

    def _write(
        self,
        key: str,
        name: str,
        about: Mapping[str, Any],
        left: Sequence[Stage],
        pieces: Mapping[str, FloatArray],
    ) -> None:
        """Keep files; a store that cannot is told of, and stops no run."""
        files = [file for stage in left for file in stage.list_files(self.folder.path)]
        try:
            self.results.keep(key, name, about, files, pieces)
        except (EngineError, OSError) as error:
            what = getattr(error, "strerror", None) or error
            log.warning("store: %s cannot be kept (%s)", name, what, extra=ASIDE)

    def pieces(self, stage: Stage) -> KeptPieces:
        """What is kept of the pieces of a stage's result."""
        used = {each.label: each for each in self.keys.list_used(stage) if each.label}
        made_of = [self.watch.keys.get(name, "") for name in stage.of]
        base = json.dumps([stage.name, made_of, self.keys.list_libraries(stage)])
        results = None if self._is_apart(stage) else self.results
        self._pieces[stage.name] = KeptPieces(base, used, results, self._bring)
        return self._pieces[stage.name]

    def _bring(self, factors: Mapping[str, Factor], panel: Panel) -> dict[str, FloatArray]:
        """Values of registered factors, of which only what is missing is computed."""
        from engine.library import Library

        opened = None if self.origin is None else self.store.open()
        if opened is None or self.origin is None:
            return {}
        try:
            library = Library(opened, self.keys.registry)
            found, _ = library.values(factors, panel, self.origin())
        finally:
            opened.close()
        return {name: values.astype(np.float64, copy=False) for name, values in found.items()}

    def close(self) -> None:
        """Let the store go, once all is written."""
        self.folder.writer.submit(self._close)

    def _close(self) -> None:
        try:
            self.results.close()
        except (EngineError, OSError) as error:
            log.warning("store: %s", error, extra=ASIDE)

    def _is_apart(self, stage: Stage) -> bool:
        """Whether a stage, or one that it is made of, read what no option names."""
        if not self._apart.isdisjoint({stage.name, *stage.of}):
            self._apart.add(stage.name)
        return stage.name in self._apart

    def _set_apart(self, stage: Stage, undeclared: Sequence[str]) -> None:
        self._apart.add(stage.name)
        log.warning(
            "store: stage %s is computed in each run, for a plugin reads %s: make that an option "
            "of it with file=True",
            stage.name,
            undeclared[0],
            extra=ASIDE,
        )


@dataclass
class KeptPieces:
    """Pieces of a stage's result, by what each depends on.

    Parameters
    ----------
    base : str
        What all of them depend on.
    used : mapping of str to Used
        Plugins by the names that the configuration gives them.
    results : Results, optional
    bring_registered : callable
        Brings the values of registered factors to a panel.
    made : dict of str to float array
        What is to be kept, by its key.
    """

    base: str
    used: Mapping[str, Used]
    results: Results | None
    bring_registered: Callable[[Mapping[str, Factor], Panel], dict[str, FloatArray]]
    made: dict[str, FloatArray] = field(default_factory=dict)

    def find(self, texts: Mapping[str, str]) -> dict[str, FloatArray]:
        """Return those that are kept, by name."""
        if self.results is None:
            return {}
        keys = {name: self._key(text) for name, text in texts.items()}
        try:
            with pausing():
                found = self.results.find_pieces([*keys.values()])
        except (EngineError, OSError) as error:
            log.warning("store: %s; the factors of this run are computed", error, extra=ASIDE)
            return {}
        return {name: found[key] for name, key in keys.items() if key in found}

    def bring(self, factors: Mapping[str, Factor], panel: Panel) -> dict[str, FloatArray]:
        """Return the values of those factors that are registered, brought to a panel."""
        if self.results is None:
            return {}
        try:
            with pausing():
                return self.bring_registered(factors, panel)
        except (EngineError, OSError) as error:
            log.warning("store: %s; the factors of this run are computed", error, extra=ASIDE)
            return {}

    def keep(self, texts: Mapping[str, str], arrays: Mapping[str, FloatArray]) -> None:
        """Keep the arrays of a result; of two that depend on the same, one."""
        self.made = {self._key(texts[name]): array for name, array in arrays.items()}

    def describe(self, name: str) -> str:
        """Which code and files a plugin is, and its configuration."""
        used = self.used[name]
        node = OmegaConf.to_container(used.node, resolve=True)
        return json.dumps([[*used.lines], node], sort_keys=True, default=str)

    def _key(self, text: str) -> str:
        return sha256(f"{self.base}\n{text}".encode()).hexdigest()


class Fresh:
    """No store: all is made, and nothing kept."""

    def find(self, stage: Stage) -> None:
        """Find nothing."""

    def recall(self, stage: Stage) -> None:
        """Recall nothing."""

    def remember(self, stage: Stage, result: Any) -> None:
        """Remember nothing."""

    def noting(self, stage: Stage) -> nullcontext[Notes]:
        """Note nothing."""
        return nullcontext(Notes())

    def keep(self, stage: Stage, told: Mapping[str, Any], notes: Notes) -> None:
        """Keep nothing."""

    def pieces(self, stage: Stage) -> NoPieces:
        """There are none."""
        return NoPieces()

    def close(self) -> None:
        """Nothing is open."""


class NoPieces:
    """Nothing is kept."""

    def bring(self, factors: Mapping[str, Factor], panel: Panel) -> dict[str, FloatArray]:
        """Bring nothing."""
        return {}

    def find(self, texts: Mapping[str, str]) -> dict[str, FloatArray]:
        """Find nothing."""
        return {}

    def keep(self, texts: Mapping[str, str], arrays: Mapping[str, FloatArray]) -> None:
        """Keep nothing."""

    def describe(self, name: str) -> str:
        """Nobody asks for it."""
        return ""


def open_results(store: Store) -> Results | None:
    """Open the results of a store; where they cannot be, one line says so and the run goes on."""
    if store.results is None:
        return None
    try:
        return Results(Path(store.results), store.max_bytes)
    except (EngineError, OSError) as error:
        log.warning("store: %s; this run goes on as with store=none", error, extra=ASIDE)
        return None
