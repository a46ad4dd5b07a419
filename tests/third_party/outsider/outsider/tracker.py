"""What an experiment tracker would note down."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

import engine


@dataclass(frozen=True)
class Tracker(engine.Observer):
    """One line per stage: the run's id, the stage, and how long it took."""

    name: ClassVar[str] = "tracker"

    file: str = engine.option("tracked.jsonl", "file in the run folder")

    def on_stage(self, stage: engine.Stage) -> None:
        """Append a line."""
        line = {"run": stage.folder.name, "stage": stage.name, "seconds": stage.seconds}
        with (stage.folder / self.file).open("a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")
