"""Runs that begin in the same second, and machines that are not set up as one would like."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from builders import ROOT, SMALL, ours, start
from omegaconf import OmegaConf


def seeds(folder: Path) -> set[str]:
    """The seed in each file of a run that has it: one run, one seed."""
    told = OmegaConf.load(folder / ".hydra" / "overrides.yaml")
    typed = next(word for word in told if word.startswith("seed=")).removeprefix("seed=")
    config = OmegaConf.load(folder / ".hydra" / "config.yaml")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    return {typed, str(config.seed), str(manifest["seed"]), str(manifest["config"]["seed"])}


def at_once(commands: list[list[str]], cwd: Path) -> None:
    running = [start(["run", *words], cwd) for words in commands]
    for process in running:
        error = process.communicate(timeout=600)[1]
        assert process.returncode == 0, error


@pytest.mark.long
@pytest.mark.parametrize("count", [2, 6])
def test_runs_at_once(tmp_path: Path, count: int) -> None:
    at_once([[*SMALL, f"seed={seed}"] for seed in range(count)], tmp_path)
    folders = list((tmp_path / "outputs" / "ai_tech_core").iterdir())
    assert sorted(min(seeds(folder)) for folder in folders) == [str(i) for i in range(count)]
    assert all(len(seeds(folder)) == 1 for folder in folders)


@pytest.mark.long
def test_two_sweeps_at_once(tmp_path: Path) -> None:
    at_once([["-m", *SMALL, "seed=1,2"], ["-m", *SMALL, "seed=3,4"]], tmp_path)
    sweeps = sorted((tmp_path / "outputs" / "sweeps").iterdir())
    found = [[seeds(sweep / str(job)) for job in (0, 1)] for sweep in sweeps]
    assert sorted(found, key=str) == [[{"1"}, {"2"}], [{"3"}, {"4"}]]


def test_a_folder_that_two_runs_choose_is_one_runs(tmp_path: Path) -> None:
    """The other is refused before it writes anything into it."""
    running = [
        start(["run", *SMALL, f"seed={seed}", "hydra.run.dir=mine"], tmp_path) for seed in (1, 2)
    ]
    errors = [process.communicate(timeout=600)[1] for process in running]
    codes = [process.returncode for process in running]
    if codes == [0, 0]:
        pytest.skip("one run was over before the other began")
    assert sorted(codes) == [0, 2]
    refusal = errors[codes.index(2)]
    assert "hydra.run.dir=mine: a run is at work in it (process " in refusal
    assert len(refusal.splitlines()) == 1
    assert seeds(tmp_path / "mine") == {str(codes.index(0) + 1)}


@pytest.mark.parametrize(
    ("switches", "environment"),
    [
        ([], {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
        pytest.param(["-W", "error"], {}, marks=pytest.mark.long),
    ],
)
def test_an_odd_start(tmp_path: Path, switches: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, *switches, "-m", "engine", "run", *SMALL, "hydra.run.dir=run"],
        cwd=tmp_path,
        env=ours(**environment),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    assert b"report: " in done.stdout


READ_ONLY = """
set -e
mount --make-rprivate / 2>/dev/null || true
for folder in "$@"; do mount --bind "$folder" "$folder"; mount -o remount,ro,bind "$folder"; done
! touch "$1/file" 2>/dev/null
exec "$ENGINE_PYTHON" -m engine run $ENGINE_WORDS
"""


@pytest.mark.long
def test_a_read_only_install_without_a_home(tmp_path: Path) -> None:
    """A container: it goes on without a cache, and says so once."""
    tool = shutil.which("unshare")
    if tool is None or subprocess.run([tool, "-m", "true"], check=False).returncode:
        pytest.skip("no mount namespaces here: the folders cannot be made read-only")
    site = Path(pytest.__file__).resolve().parents[1]
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "work").mkdir()
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "NUMBA_", "MPL"))}
    words = " ".join(
        [*SMALL[:-1], "hydra.run.dir=run"]
    )  # with a report: matplotlib has a cache too
    done = subprocess.run(
        ["unshare", "-m", "bash", "-c", READ_ONLY, "bash", str(ROOT), str(site), str(home)],
        cwd=tmp_path / "work",
        env={**plain, "PYTHONPATH": str(ROOT), "HOME": str(home), "ENGINE_WORDS": words,
             "ENGINE_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("WARNING: there is no folder for compiled kernels: ")
    assert len(done.stderr.splitlines()) == 1
    assert (tmp_path / "work" / "run" / "report.html").is_file()
