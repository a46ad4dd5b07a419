"""A store in a folder of this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from engine import LocalStore, OpenStore, Store, option, user_store

GIGABYTE = 1e9


@dataclass(frozen=True)
class Local(Store):
    """A folder of this machine: files that are mapped into memory, under an SQLite catalogue.

    The environment variable ALPHA_ENGINE_STORE names another default folder; where it is empty,
    nothing is kept unless `path` says where.
    """

    name: ClassVar[str] = "local"

    path: str | None = option(
        None, "the folder; null is $ALPHA_ENGINE_STORE, or one in the user's cache folder"
    )
    max_gb: float = option(
        10.0,
        "that results of stages may take, those used least recently go first; values of "
        "registered factors are always kept",
        unit="GB, of 10^9 bytes",
        ge=0,
    )
    memory_gb: float = option(
        0.5,
        "of memory, for results that later runs of the same process take up again",
        unit="GB, of 10^9 bytes",
        ge=0,
    )

    @property
    def folder(self) -> Path | None:
        """Where it is; None where nothing is kept."""
        if self.path is None:
            return user_store()
        return Path(self.path).expanduser() if self.path else None

    def open(self) -> OpenStore | None:
        """Open it; it is made where there is none."""
        return LocalStore(self.folder) if self.folder is not None else None

    @property
    def results(self) -> Path | None:
        """The folder where results of stages are kept."""
        return self.folder / "results" if self.folder is not None else None

    @property
    def max_bytes(self) -> float:
        """Bytes that results of stages may take."""
        return self.max_gb * GIGABYTE

    @property
    def memory_bytes(self) -> float:
        """Bytes of memory that results of stages may take."""
        return self.memory_gb * GIGABYTE
