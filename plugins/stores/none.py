"""No store: every run computes all of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine import Store


@dataclass(frozen=True)
class Nothing(Store):
    """Nothing is kept, and every run computes all of it."""

    name: ClassVar[str] = "none"

    def open(self) -> None:
        """There is nothing to open."""
