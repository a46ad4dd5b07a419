"""How one job of a run or a sweep ended."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """How one job of a run or a sweep ended."""

    path: Path
    overrides: tuple[str, ...]
    error: str = ""
    result: Any = None  # what the job returned
    score: float | None = None  # the higher, the better
    before: bool = False  # it had finished in an earlier sweep
