"""``engine completion``: a shell's script, asked as bash asks it, by the real executable."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from builders import distribution, ours

from engine.cli.completion import join_parts
from engine.cli.offers import list_plugins, list_stages
from engine.cli.prompt import main
from engine.pipeline.stages import STAGES
from engine.plugin import installed

ENGINE = Path(sys.executable).with_name("engine")
ASK = """\
source <("$1" completion bash); shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_engine_completion "$1" 2>/dev/null
printf '%s\\n' "${COMPREPLY[@]}"
"""
OFFERED = {
    "": "run report compare export data factors store plugins audit trials warm completion",
    "fac": "factors",
    "--": "--version --debug --help",
    "plugins ": "check list new show yaml",
    "plugins list mo": "model",
    "plugins list model ": "",
    "plugins show model r": "random_forest regime_switch ridge",
    "plugins yaml quan": "quantile_long_short",
    "plugins check rid": "ridge",
    "plugins show model ridge ": "",
    "plugins new --": "--here --help",
    "factors ": "compute explain register list show rm update read",
    "factors compute close alpha1": "alpha101 alpha158",
    "factors compute --par": "--parallel",
    "factors compute --parallel ": "local dask ray",
    "factors compute close source = s": "sample simulated sql",
    "data check source = par": "parquet",
    "data check --k": "--known",
    "report outputs/": "outputs/mine outputs/ai/2026-01-01 outputs/sweeps/t/0",
    "compare outputs/mine outputs/s": "outputs/sweeps/t/0",
    "run --fr": "--from",
    "run --c": "--cfg --config-dir --config-name --config-path",
    "run --from reg": "regimes",
    "run --from signal outputs/m": "outputs/mine",
    "run --from signal outputs/mine univ": "universe= universe.",
    "run +bundle = ai_": "ai_tech_core ai_tech_core_ml ai_tech_ml_alpha ai_tech_ml_ensemble",
    "run -m +bundle = ai_tech_core model = rid": "ridge",
    "run +bundle = ai_tech_core_ml portfolio.quan": "portfolio.quantile=",
    "completion ": "bash zsh fish",
}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three finished runs, and one that is not."""
    folder = tmp_path_factory.mktemp("here")
    for run in ("mine", "ai/2026-01-01", "sweeps/t/0", "half"):
        (folder / "outputs" / run).mkdir(parents=True)
        (folder / "outputs" / run / "manifest.json").touch()
    (folder / "outputs" / "half" / "INCOMPLETE").touch()
    return folder


def ask(line: str, folder: Path, *paths: Path) -> list[str]:
    """What bash offers at the end of a line; its own words are parted at spaces, and at =."""
    words = ["engine", *line.split(" ")]
    done = subprocess.run(
        ["bash", "-c", ASK, "bash", ENGINE, *words],
        cwd=folder,
        env=ours(*paths) | {"PATH": f"{ENGINE.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("line", OFFERED)
def test_bash_is_offered(line: str, here: Path) -> None:
    assert sorted(ask(line, here)) == sorted(OFFERED[line].split())


def test_a_command_of_a_stranger_is_offered(here: Path, tmp_path: Path) -> None:
    distribution(tmp_path, "books")
    (tmp_path / "books.py").write_text(
        "import engine\n\n@engine.hookimpl\ndef register_commands():\n"
        "    return [engine.Command('ledger', 'books_code:ledger', 'the books')]\n"
    )
    assert ask("le", here, tmp_path) == ["ledger"]


def test_the_names_that_are_read_from_files_are_those_of_the_registry() -> None:
    registry = installed()
    assert {kind: sorted(names) for kind, names in list_plugins().items()} == {
        kind: [*registry.entries(kind)] for kind in registry.kinds
    }
    assert list_stages() == [stage.name for stage in STAGES]


def test_words_that_bash_has_parted_are_put_together() -> None:
    assert join_parts(["run", "+bundle", "=", "ai"]) == ["run", "+bundle=ai"]
    assert join_parts(["run", "+bundle", "=", "ai", "a"]) == ["run", "+bundle=ai", "a"]
    assert join_parts(["run", "+bundle", "="]) == ["run", "+bundle="]
    assert join_parts(["a", "x", ":", "y", "=", "z", ""]) == ["a", "x:y=z", ""]


@pytest.mark.parametrize(
    ("shell", "part"),
    [
        ("bash", "[[ $value == *[=./] ]] && compopt -o nospace"),
        ("zsh", "#compdef engine"),
        ("fish", "complete --no-files --command engine"),
    ],
)
def test_each_shell_has_a_script(shell: str, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert part in script
    assert f"_ENGINE_COMPLETE={shell}_complete" in script


def test_an_unknown_shell_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bsh"]) == 2
    assert capsys.readouterr().err == "engine: completion bsh: did you mean 'bash'?\n"
    for switch in ("-sc", "--shell-completion", "--shell-comp"):
        assert main(["run", switch, "install=bash"]) == 2
        assert "type engine completion bash" in capsys.readouterr().err
