"""A store in a folder of this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from engine import LocalStore, OpenStore, Store, option, user_cache

GIGABYTE = 1e9


@dataclass(frozen=True)
class Local(Store):
    """A folder of this machine: files that are mapped into memory, under an SQLite catalogue."""

    name: ClassVar[str] = "local"

    path: str | None = option(None, "the folder; null is that in the user's cache folder")
    max_gb: float = option(
        10.0,
        "that results of stages may take, those used least recently go first; values of "
        "registered factors are always kept",
        unit="GB, of 10^9 bytes",
        ge=0,
    )

    @property
    def folder(self) -> Path:
        """Where it is."""
        return Path(self.path).expanduser() if self.path else user_cache() / "store"

    def open(self) -> OpenStore:
        """Open it; it is made where there is none."""
        return LocalStore(self.folder)

    @property
    def results(self) -> Path:
        """The folder where results of stages are kept."""
        return self.folder / "results"

    @property
    def max_bytes(self) -> float:
        """Bytes that results of stages may take."""
        return self.max_gb * GIGABYTE
