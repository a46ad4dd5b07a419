"""The built-in observer, and what any observer may and may not do."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import engine
from engine.core.sealed import seal_all
from engine.pipeline.watch import Watch
from engine.plugins.observers.jsonlines import JsonLines


def test_jsonlines_writes_a_line_per_stage(tmp_path: Path) -> None:
    keys = {"bars": "b1", "factors": "f1"}
    watch = Watch((JsonLines(),), strict=True, folder=tmp_path, key_of=lambda data: keys)
    watch.learn("data")
    watch.tell("bars", 1.25, lambda: None)
    watch.tell("factors", 0.5, lambda: None)
    lines = [json.loads(line) for line in (tmp_path / "stages.jsonl").read_text().splitlines()]
    told = [(line["stage"], line["seconds"]) for line in lines]
    assert told == [("bars", 1.25), ("factors", 0.5)]
    assert [line["key"] for line in lines] == ["b1", "f1"]


def test_results_are_read_only() -> None:
    array = np.zeros(3)

    @dataclass
    class Made:
        values: engine.FloatArray
        names: tuple[str, ...]

    for shown in (
        seal_all(array),
        seal_all({"a": array})["a"],
        seal_all([array])[0],
        seal_all(Made(array, ("x",))).values,
    ):
        with pytest.raises(ValueError, match="read-only"):
            shown[0] = 1.0
    array[0] = 2.0  # the original still belongs to the engine


@dataclass(frozen=True)
class Loud(engine.Observer):
    """Fails on purpose."""

    name: ClassVar[str] = "loud"

    def on_stage(self, stage: engine.Stage) -> None:
        raise SystemExit(f"no {stage.name}")


def test_an_observer_that_fails_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        Watch((Loud(),), strict=False, folder=tmp_path).tell("bars", 0.0, lambda: None)
    assert "observer loud failed on bars: SystemExit: no bars" in caplog.text


def test_a_strict_run_is_stopped_by_it(tmp_path: Path) -> None:
    with pytest.raises(engine.PluginError, match="strict_observers=false goes on"):
        Watch((Loud(),), strict=True, folder=tmp_path).tell("bars", 0.0, lambda: None)
