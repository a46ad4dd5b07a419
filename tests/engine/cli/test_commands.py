"""What commands have in common: the part of a configuration, and what one says alone."""

from __future__ import annotations

import pytest

from engine.cli import main

COMMANDS = {
    "check": ["data", "check", "source=simulated"],
    "compute": ["factors", "compute", "close", "source=simulated"],
    "run": ["run", "+bundle=ai_tech_core", "source=simulated"],
}
WRONG = {
    "universe.name=${nope}": "universe.name: Interpolation key 'nope' not found",
    "bars.ohlc=mend": "bars.ohlc=mend: choose from: drop, keep, mask, raise",
    "time.periods_per_year=0": "time.periods_per_year=0: choose auto, or a number more than 0",
    "source.n_days=x": "source.n_days=x: write a whole number (length, when end is null)",
    "decision.share=2": "decision.share=2.0: choose from 0.0 to 1.0",
    "universe=[]": "universe=[]: ",
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("word", WRONG)
def test_a_mistake_in_the_part_is_the_same_line_in_each(
    command: str, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*COMMANDS[command], word]) == 2
    told = capsys.readouterr()
    assert told.err.startswith(f"engine: {WRONG[word]}")
    assert len(told.err.splitlines()) == 1
    assert "bars" not in told.out


@pytest.mark.parametrize("command", ["compare", "data", "factors", "plugins", "report"])
@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_a_command_alone_says_what_it_does(
    command: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, *words]) == 0
    assert capsys.readouterr().out.startswith(f"engine {command}")
