"""A log of the stages that programs can read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

from engine import Observer, Stage, option


@dataclass(frozen=True)
class JsonLines(Observer):
    """One line of JSON per stage: its name, key and seconds."""

    name: ClassVar[str] = "jsonlines"
    reads_results: ClassVar[bool] = False
    file: str = option("stages.jsonl", "file in the run folder")

    def on_stage(self, stage: Stage) -> None:
        """Append a line."""
        line = {"stage": stage.name, "key": stage.key, "seconds": round(stage.seconds, 6)}
        with (stage.folder / self.file).open("a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")
