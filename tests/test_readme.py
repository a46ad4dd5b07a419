"""The README's commands, one after another in one folder, as a reader would type them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from builders import ROOT

from engine.core.places import user_cache

PAGE = (ROOT / "README.md").read_text("utf-8")
FENCES = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
BLOCKS = [block for language, block in FENCES if not language]
COMMANDS = [
    line for block in BLOCKS for line in block.splitlines() if line.startswith(("engine ", "eval "))
]


def test_the_readme_shows_each_command() -> None:
    from engine.__main__ import COMMANDS as ALL

    shown = {name for line in COMMANDS for name in re.findall(r"\bengine (\w+)", line)}
    assert shown == {command.name for command in ALL} - {"report"}


@pytest.mark.long
def test_each_command_of_the_readme_runs(tmp_path: Path) -> None:
    """`prices.parquet` is the reader's own: here, bars that an earlier run has left."""
    shell = shutil.which("bash")
    assert shell
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    own = {  # the reader's store is new, the compiled kernels are not
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR") or str(user_cache() / "kernels"),
    }
    ours = {"ALPHA_ENGINE_STORE", "ALPHA_ENGINE_TRIALS"}
    reader = {name: each for name, each in os.environ.items() if name not in ours}
    for command in COMMANDS:
        done = subprocess.run(
            [shell, "-c", command],
            check=False,
            cwd=tmp_path,
            env={**reader, **own, "PATH": path},
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), (command, done.stderr)
        bars = next((tmp_path / "outputs" / "ai_tech_core_ml").glob("*/bars.parquet"), None)
        if bars and not (tmp_path / "prices.parquet").exists():
            shutil.copy(bars, tmp_path / "prices.parquet")
