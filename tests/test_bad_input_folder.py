"""What may befall a run folder: a full disk, Ctrl-C, another run. It stays marked, the line names
the file or the process, and the next run into it works."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import engine
from engine import stages
from engine.artifacts import MARKER, RunFolder
from engine.cli import main
from engine.lock import NAME, Lock

ROOT = Path(__file__).parents[1]
SMALL = ["+bundle=ai_tech_core", "source.n_symbols=12", "source.n_days=320", "report=none"]
STAGES = ["bars", "factors", "label", "regimes", "forecasts", "signal", "weights", "returns",
          "metrics"]  # fmt: skip


def engine_run(
    words: Sequence[str], cwd: Path, environment: Mapping[str, str] | None = None, **more: Any
) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "engine.cli", "run", *SMALL, "hydra.run.dir=run", *words]
    return subprocess.Popen(
        line,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def marked(folder: Path) -> str:
    assert not (folder / NAME).exists()
    return (folder / MARKER).read_text("utf-8")


@pytest.mark.parametrize("stage", [*STAGES, "report"])
def test_ctrl_c_in_any_stage(
    stage: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stages, stage, interrupted)
    words = ["run", *SMALL, "hydra.run.dir=run"]
    assert main([*words, "report=full"] if stage == "report" else words) == 130
    assert capfd.readouterr().err == "engine run: interrupted\n"
    assert marked(tmp_path / "run") == f"{stage}: KeyboardInterrupt: \n"


def test_a_folder_that_was_interrupted_serves_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(stages, "metrics", lambda *args: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            engine.run(SMALL, path=tmp_path)
    assert marked(tmp_path)
    assert engine.run(SMALL, path=tmp_path).metrics
    assert {MARKER, NAME} & {file.name for file in tmp_path.iterdir()} == set()


@pytest.mark.parametrize("name", ["bars", "weights"])
def test_a_full_disk_in_mid_run(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    import pyarrow.parquet as pq

    whole = pq.write_table

    def full(table: object, file: Path, **options: Any) -> None:
        if file.stem == name:
            raise OSError(errno.ENOSPC, "Error writing bytes to file. Detail: [errno 28]")
        whole(table, file, **options)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pq, "write_table", full)
    assert main(["run", *SMALL, "hydra.run.dir=run"]) == 2
    error = capfd.readouterr().err
    assert error.startswith(f"engine: {tmp_path}/run/{name}.parquet: No space left on device (")
    assert "MB free); free some, or choose another folder with hydra.run.dir=" in error
    assert len(error.splitlines()) == 1
    assert marked(tmp_path / "run").startswith(f"{name}: ConfigError: ")


def test_a_marker_that_cannot_be_rewritten_hides_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path)
    folder.open()

    def full(*args: object, **options: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    folder.fail("anything")
    assert marked(tmp_path) == "the run has not finished\n"


def test_a_file_that_outgrows_its_limit(tmp_path: Path) -> None:
    """The system's own refusal, of a whole process: no log, no traceback, one line."""
    process = engine_run(
        [],
        tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    error = process.communicate(timeout=60)[1]
    assert process.returncode == 2, error
    assert "run/bars.parquet: File too large (" in error
    assert len(error.splitlines()) == 1
    assert marked(tmp_path / "run").startswith("bars: ConfigError: ")


@pytest.mark.parametrize("how", ["taken", "killed"])
def test_a_folder_that_another_process_works_in(how: str, tmp_path: Path) -> None:
    """The second run is refused with the first one's number; a killed one holds nobody up."""
    (tmp_path / "wait.py").write_text(
        "import sys, time\nfrom engine import stages\nfrom engine.cli import main\n"
        "work = stages.factors\n"
        "def slow(*args):\n    time.sleep(float(sys.argv.pop()))\n    return work(*args)\n"
        "stages.factors = slow\n"
        "sys.exit(main(['run', *sys.argv[1:-1]]))\n"
    )
    seconds = "60" if how == "killed" else "4"
    line = [sys.executable, "wait.py", *SMALL, "hydra.run.dir=run", seconds]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    first = subprocess.Popen(line, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (tmp_path / "run" / "bars.parquet").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    if how == "killed":
        first.kill()
        first.wait(timeout=60)
        assert (tmp_path / "run" / NAME).exists()
        assert engine.run(SMALL, path=tmp_path / "run").metrics
        return
    with pytest.raises(engine.ConfigError, match=f"a run is at work in it .process {first.pid}.;"):
        engine.run(SMALL, path=tmp_path / "run")
    assert first.wait(timeout=60) == 0
    assert engine.Report(tmp_path / "run").metrics
    assert not (tmp_path / "run" / NAME).exists()


def test_a_lock_whose_file_went_is_taken_anew(tmp_path: Path) -> None:
    first = Lock.taken(tmp_path)
    with pytest.raises(engine.ConfigError, match=f"process {os.getpid()}"):
        Lock.taken(tmp_path)
    (tmp_path / NAME).unlink()
    second = Lock.taken(tmp_path)
    os.close(first.handle)
    second.release()
    assert list(tmp_path.iterdir()) == []


def test_jobs_of_a_sweep_have_folders_of_their_own(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "engine.cli", "run", "-m", *SMALL, "costs=standard,free",
            "hydra.sweep.dir=s", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        line, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [engine.Report(tmp_path / "s" / job).path.name for job in "01"] == ["0", "1"]
    assert list(tmp_path.rglob(NAME)) == []
    shared = subprocess.run(
        [*line, "hydra.sweep.subdir=same"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in shared.stderr
    assert list(tmp_path.rglob(NAME)) == []


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plain") / "run"
    engine.run(SMALL, path=path)
    return path


@pytest.mark.parametrize("name", ["decimal comma", "ASCII"])
def test_a_locale_changes_no_byte(name: str, plain: Path, tmp_path: Path) -> None:
    """Decimal commas are of no concern to artifacts; a screen of ASCII shows ? for ±."""
    if name == "ASCII":
        environment = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0",
                       "PYTHONIOENCODING": "ascii"}  # fmt: skip
    else:
        if shutil.which("localedef") is None:
            pytest.skip("no localedef to make a German locale with")
        made = subprocess.run(
            ["localedef", "-i", "de_DE", "-f", "UTF-8", str(tmp_path / "de_DE.UTF-8")],
            capture_output=True,
            check=False,
        )
        if made.returncode:
            pytest.skip("localedef cannot make a German locale")
        (tmp_path / "sitecustomize.py").write_text(
            "import locale\nlocale.setlocale(locale.LC_ALL, 'de_DE.UTF-8')\n"
            "assert locale.localeconv()['decimal_point'] == ','\n"
        )
        environment = {
            "LC_ALL": "de_DE.UTF-8",
            "LOCPATH": str(tmp_path),
            "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
        }
    process = engine_run([], tmp_path, environment)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    assert error == ""
    assert "Sharpe" in out
    files = sorted([*plain.glob("*.parquet"), plain / "metrics.json"])
    assert len(files) > 5
    for file in files:
        assert (tmp_path / "run" / file.name).read_bytes() == file.read_bytes(), file.name
