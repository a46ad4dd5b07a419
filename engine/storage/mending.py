"""A damaged catalogue is set aside, and its last copy that can be read takes its place.

A copy is made by `fold` and by `vacuum`, before this deletes anything: all files that a copy tells
of are there. It is the store as it was after one commit, records and values together; what came
later is lost, and computed again.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from engine.core.errors import DataError
from engine.core.sqlite import copy
from engine.storage.catalogue import Catalogue
from engine.storage.faults import CATALOGUE, FILES, CatalogueError, explain
from engine.storage.segments import PART, force
from engine.storage.told import read_told, tell_last

COPY = "catalogue.copy"
BESIDE = ("", "-wal", "-shm")  # a database, its log and the log's index


@dataclass(frozen=True)
class Mended:
    """What became of a catalogue.

    Parameters
    ----------
    aside : pathlib.Path or None
        Where the damaged one lies now; None where it was not damaged.
    commit : int
        The last one that the catalogue knows; 0 where nothing could be read.
    lost : int
        Commits after it.
    """

    aside: Path | None
    commit: int
    lost: int


def copy_catalogue(catalogue: Catalogue) -> None:
    """Copy the catalogue, as it is, into a file beside it.

    Raises
    ------
    CatalogueError
        It is damaged; the copy before this one stays.
    """
    catalogue.inspect()
    folder = catalogue.path.parent
    part = folder / FILES / f"{uuid4().hex}{PART}"  # where vacuum finds it, if it is left
    try:
        copy(catalogue.connection, part)
        part.replace(folder / COPY)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    force(folder)


def mend_catalogue(folder: Path) -> Mended:
    """Set a damaged catalogue aside, and go on with what can be read of it or of its copy.

    No other process may have the store open.

    Raises
    ------
    ConfigError
        The folder cannot be written, or its disk is full.
    """
    told = read_told(folder / CATALOGUE)
    try:
        with closing(Catalogue(folder / CATALOGUE)) as catalogue:
            catalogue.inspect()
            return Mended(None, catalogue.last(), 0)
    except CatalogueError:
        with explain(folder):
            return _exchange(folder, told)


def _exchange(folder: Path, told: int) -> Mended:
    aside = folder / f"damaged-{time.time_ns()}"
    aside.mkdir(mode=0o700)
    for name in [CATALOGUE + end for end in BESIDE]:
        with suppress(FileNotFoundError):
            (folder / name).replace(aside / name)
    trial = aside / "trial"
    trial.mkdir()
    best: tuple[int, Path] | None = None
    for k, source in enumerate((aside / CATALOGUE, folder / COPY)):
        place = trial / str(k) / CATALOGUE
        place.parent.mkdir()
        known = _try(source, place)
        if known is not None and (best is None or known > best[0]):
            best = known, place
    if best is not None:
        best[1].replace(folder / CATALOGUE)
    shutil.rmtree(trial)
    force(folder)
    tell_last(folder / CATALOGUE, 0)
    with closing(Catalogue(folder / CATALOGUE, anew=True)) as catalogue:
        known = catalogue.last()
        catalogue.skip(max(told, known))
    return Mended(aside, known, max(told - known, 0))


def _try(source: Path, place: Path) -> int | None:
    """Copy a catalogue to a place of its own; its last commit, None where it cannot be read."""
    try:
        for end in ("", "-wal"):
            log = source.with_name(source.name + end)
            if log.exists():
                shutil.copyfile(log, place.with_name(place.name + end))
        if not place.exists():
            return None
        with closing(Catalogue(place)) as catalogue:
            catalogue.inspect()
            catalogue.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return catalogue.last()
    except (DataError, sqlite3.Error):
        return None
