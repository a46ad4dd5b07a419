"""The conf node ``decision``: when one is taken, whose values count in it, and who wins a tie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.core.book import TIES
from engine.core.options import Options, option


@dataclass(frozen=True)
class Decision(Options):
    """When a decision is taken, and by what."""

    config_key: ClassVar[str] = "decision"

    share: float = option(
        0.5,
        "of the names with a bar in the 20 rows before, that must have one for a row to count",
        unit="fraction",
        ge=0.0,
        le=1.0,
    )
    seasoning: float = option(
        0.5,
        "of a factor's longest window, that a symbol must have in bars for its value to count",
        unit="fraction",
        ge=0.0,
        le=1.0,
    )
    ties: str = option(
        "split",
        "names with one score at the cut: each gets a part of the places, or the first by symbol",
        choices=TIES,
    )
