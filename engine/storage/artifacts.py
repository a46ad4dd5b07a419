"""The files of a run folder, read back: JSON as dataclasses, and tables as parquet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from engine.core.errors import DataError
from engine.core.folders import MARKER
from engine.core.lock import find_culprit
from engine.storage.data import Data
from engine.storage.forecasts import Trainings
from engine.storage.manifest import Manifest
from engine.storage.metrics import Metrics
from engine.storage.typed import to_typed

T = TypeVar("T")


@dataclass(frozen=True)
class Artifacts:
    """All that reads what a run has left in its folder; no part of it is of another run.

    A file is read when it is first asked for. One is also read while the run is still at work,
    as its report is drawn: see `refuse_unfinished`.

    Raises
    ------
    DataError
        From each property and method: a file is not there or cannot be read, another version
        wrote it, or another run has come into the folder since.
    """

    path: Path
    _stamp: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_stamp", stamp(self.path))

    @cached_property
    def metrics(self) -> Metrics:
        """``metrics.json``."""
        return self._read_as(Metrics, "metrics")

    @cached_property
    def manifest(self) -> Manifest:
        """``manifest.json``."""
        return self._read_as(Manifest, "manifest")

    @cached_property
    def data(self) -> Data:
        """``data.json``."""
        return self._read_as(Data, "data")

    @cached_property
    def forecasts(self) -> Trainings:
        """``forecasts.json``; not there without a model."""
        return self._read_as(Trainings, "forecasts")

    def table(self, name: str) -> pd.DataFrame:
        """``NAME.parquet``, whole."""
        return self._read_same(_table, self.path / f"{name}.parquet")

    def read_plain(self, name: str) -> dict[str, Any]:
        """``NAME.json`` as it stands, with keys that the dataclasses do not know."""
        return self._read_same(_json, self.path / f"{name}.json")

    def _read_as(self, cls: type[T], name: str) -> T:
        return to_typed(cls, self.read_plain(name), self.path / f"{name}.json")

    def _read_same(self, reader: Callable[[Path], T], file: Path) -> T:
        """Read a file, and see that it was this run's before and after."""
        try:
            content = reader(file)
        except DataError:
            self.refuse_other()
            raise
        self.refuse_other()
        return content

    def refuse_other(self) -> None:
        """Raise DataError where another run has come into the folder."""
        if stamp(self.path) != self._stamp:
            raise DataError(
                f"{self.path}: another run has come into this folder since: read it with "
                "engine.Report, and give each run a folder of its own"
            )


def stamp(path: Path) -> str:
    """What no two runs share: the text of the manifest has their times and seconds."""
    try:
        return hashlib.sha256((path / "manifest.json").read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""


def refuse_unfinished(path: Path) -> None:
    """Raise DataError unless a folder is that of a finished run."""
    if not path.is_dir():
        raise DataError(f"{path}: no such folder; name one that a run has left")
    if (path / MARKER).exists():
        reason = " ".join((path / MARKER).read_text("utf-8", "replace").split())
        where = find_culprit(path)
        reason += f"; it died in {where}" if where else ""
        raise DataError(f"{path}: {MARKER} ({reason}); not a finished run: run it again")
    if not (path / "manifest.json").is_file():
        inside = sorted(path.glob("*/manifest.json"))
        held = f"; it holds {len(inside)}, such as {inside[0].parent}" if inside else ""
        raise DataError(
            f"{path}: not a finished run{held}; choose a folder with manifest.json in it"
        )


def _json(file: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(_existing(file).read_text("utf-8"))
    except ValueError as error:
        raise DataError(f"{file}: cannot be read ({_line(error)}); run the bundle again") from error
    return content


def _table(file: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(_existing(file))
    except (ValueError, OSError) as error:
        raise DataError(f"{file}: cannot be read ({_line(error)}); run the bundle again") from error


def _existing(file: Path) -> Path:
    if not file.is_file():
        raise DataError(f"{file}: not there, so the run cannot be shown; run the bundle again")
    return file


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
