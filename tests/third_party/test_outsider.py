"""A stranger's distribution: built, installed into a fresh environment, run from the prompt.

Both wheels are really installed. The engine's dependencies are borrowed from this environment
by a path file, since installing them again would test pip, not the engine.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OUTSIDER = Path(__file__).parent / "outsider"


def call(words: Sequence[str | Path], cwd: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a fresh environment with both wheels."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder / "env", with_pip=False, symlinks=True)
    site = next((folder / "env").glob("lib/python*/site-packages"))
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    wheels = folder / "wheels"
    offline = ["--no-deps", "--no-build-isolation", "--no-index"]
    for project in (ROOT, OUTSIDER):
        call([*pip, "wheel", *offline, "--wheel-dir", wheels, project], folder)
    install = ["install", "--no-deps", "--no-index", "--target", site]
    call([*pip, *install, *sorted(wheels.glob("*.whl"))], folder)
    return folder / "env" / "bin"


def test_a_strangers_bundle_runs_in_another_folder(fresh: Path, tmp_path: Path) -> None:
    words = ["run", "+bundle=outsider_week", "hydra.run.dir=run", "report=none"]
    done = call([fresh / "python", "-m", "engine.cli", *words], tmp_path)
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    used = {(row["kind"], row["name"]): row["from"] for row in manifest["plugins"]}
    assert used["model", "huber"] == "engine-outsider 1.2.3"
    assert used["factor", "week_reversal"] == "engine-outsider 1.2.3"
    assert used["source", "simulated"] == "alpha-engine 0.1.0"
    assert "outsider_week" in done.stdout


def test_the_rooms_come_from_the_wheel(fresh: Path, tmp_path: Path) -> None:
    code = "import engine, plugins, schemas; print(engine.__file__, plugins.__file__, schemas.__file__)"
    done = call([fresh / "python", "-c", code], tmp_path)
    assert done.stdout.count(str(fresh.parent)) == 3


def test_a_conf_folder_beside_the_user_is_found(fresh: Path, tmp_path: Path) -> None:
    mine = tmp_path / "conf" / "bundle"
    mine.mkdir(parents=True)
    (mine / "mine.yaml").write_text(
        "# @package _global_\n"
        "bundle: {name: mine, factors: [{name: rv_20, weight: 1, direction: negative}]}\n"
    )
    done = call(
        [fresh / "python", "-m", "engine.cli", "run", "+bundle=mine", "--cfg", "job"], tmp_path
    )
    assert "name: mine" in done.stdout
