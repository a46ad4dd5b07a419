"""What commands have in common: configuration, pages of help, mistakes, and their rows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pandas as pd
import pytest
from builders import ours

import engine.expr
from engine.cli import OWN, main
from engine.cli.factors import DTYPES
from engine.cli.program import Program
from engine.core.command import Command

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


SWITCHES = {
    "compare": "--out",
    "data check": "--symbol --known --period --stamp --date --zone --json",
    "export forecasts": "--out",
    "factors compute": "--out --append --missing --chunk --memory --threads --parallel --workers "
    "--dtype",
    "plugins new": "--here",
}


def paths(group: click.Group, *before: str) -> list[str]:
    """Every command and sub-command, as it is typed."""
    found = []
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            found.append(" ".join([*before, name]))
            if isinstance(command, click.Group):
                found += paths(command, *before, name)
    return found


PATHS = [path for path in paths(Program(OWN)) if path != "run"]  # whose help is Hydra's


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("switch", ["-h", "--help"])
def test_each_has_a_page_with_its_lines_and_its_switches(
    path: str, switch: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*path.split(), switch]) == 0
    page = capsys.readouterr().out
    assert page.startswith(f"engine {path}: ")
    assert f"\n  engine {path}" in page
    assert all(len(line) <= 100 for line in page.splitlines())
    for name in [*SWITCHES.get(path, "").split(), "-h, --help"]:
        assert f"\n  {name} " in page


def test_each_line_of_the_help_is_about_a_command() -> None:
    typed = [line for row in OWN if row.name != "run" for line, _ in row.lines]
    for line in typed:
        assert any(f"{line} ".startswith(f"engine {path} ") for path in PATHS), line


@pytest.mark.parametrize("words", [[], ["-h"], ["--help"], ["help"]])
def test_the_program_lists_its_commands(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 0
    page = capsys.readouterr().out
    for row in OWN:
        assert f"\n  engine {row.name} " in page
    assert main(["plugins", "help"]) == 0
    assert capsys.readouterr().out.startswith("engine plugins: ")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("pluginz", "no such command 'pluginz': did you mean 'plugins'? (or type `engine --help`)"),
        ("--versoin", "--versoin: no such switch; did you mean '--version'?"),
        ("factors compte", "factors compte: no such command; did you mean 'compute'?"),
        ("factors --comp", "factors --comp: no such switch; choose from: --help, -h"),
        ("report a --out b", "report --out: no such switch; choose from: --help, -h"),
        ("report a b", "report: 2 run folders are named; name one (`engine compare` takes more)"),
        ("warm up", "warm up: one word too many; type `engine warm`"),
        ("warm --help=3", "warm --help takes no value: type it alone"),
        ("compare a --out", "compare --out needs a value: type --out FILE.html"),
        ("compare a --out=", "compare --out needs a value: type --out FILE.html"),
        ("data check --json", "data check --json needs a value: type --json FILE"),
        (
            "factors compute close --parallel locl",
            "factors compute --parallel locl: did you mean 'local'?",
        ),
        (
            "factors compute close --chunk 0",
            "factors compute --chunk 0: write a number from 1 on",
        ),
        (
            "factors compute close --memory x",
            "factors compute --memory x: write gigabytes, such as 4 or 0.5",
        ),
        ("factors compute close --workers 2", "--workers: say who they are, such as --parallel lo"),
        ("plugins new --here", "plugins new --here needs a value: type --here DIR"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_word(
    line: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line.split()) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert said.err.startswith(f"engine: {told}")
    with pytest.raises(engine.ConfigError):
        main(["--debug", *line.split()])


DASHED = "-delta(close, 5)"


@pytest.mark.parametrize(
    ("words", "columns"),
    [
        ([DASHED], [DASHED]),
        (["--", DASHED], [DASHED]),
        ([DASHED, "--threads", "1", "-high - low"], [DASHED, "-high - low"]),
        (["close == high", "--", "--close"], ["close == high", "--close"]),
        (["dialect=gtja", "--", "CLOSE=OPEN"], ["CLOSE=OPEN"]),
        (["--threads=1", "--", "dialect=gtja"], "dialect=gtja"),
        (["dialect=gtja", "CLOSE=OPEN"], "nothing to compute: name a factor set"),
    ],
)
def test_words_may_begin_with_a_hyphen_and_after_two_all_are_words(
    words: list[str], columns: list[str] | str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "f.parquet"
    bars = ["source=simulated", "source.n_days=30", "source.n_symbols=3", "--out", str(out)]
    code = main(["factors", "compute", *bars, *words])
    if isinstance(columns, list):
        assert code == 0
        assert list(pd.read_parquet(out))[2:] == columns
    else:
        assert code == 2
        assert columns in capsys.readouterr().err


def test_a_formula_to_explain_may_begin_with_a_hyphen(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([DASHED], ["--", DASHED]):
        assert main(["factors", "explain", *words]) == 0
        assert capsys.readouterr().out.startswith("formula    neg(delta(close, 5))\n")


def test_a_room_above_hands_in_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    above = Command("heat", "engine.cli.warm:warm", "compile, from above")
    assert main(["heat", "--help"], [*OWN, above]) == 0
    assert capsys.readouterr().out.startswith("engine heat: compile formulas' operators")
    assert main(["--help"], [*OWN, above]) == 0
    assert "\n  engine heat                               compile, from above\n" in (
        capsys.readouterr().out
    )


SLOW = ("numpy", "pandas", "hydra", "omegaconf", "importlib.metadata", "rich", "engine.plugin")


@pytest.mark.parametrize("words", [["--help"], ["plugins", "--help"], ["factors", "compute", "-h"]])
def test_help_imports_nothing_slow(words: list[str]) -> None:
    code = (
        "import sys\nfrom engine.cli import main\n"
        f"assert main({words}) == 0\n"
        f"print('SLOW', [name for name in {SLOW} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=ours(), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "SLOW []"


@pytest.mark.parametrize("words", ["--help", "run --help", "factors compute -h"])
def test_a_reader_may_close_the_pipe(words: str) -> None:
    line = f"set -o pipefail; {sys.executable} -m engine {words} | head -1"
    done = subprocess.run(
        ["bash", "-c", line], env=ours(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1


def test_the_types_to_choose_from_are_those_there_are() -> None:
    assert {*DTYPES} == {*engine.expr.DTYPES}
