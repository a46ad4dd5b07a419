"""What may befall a run folder: a full disk, Ctrl-C, another run. It stays marked, the line names
the file or the process, and the next run into it works."""

from __future__ import annotations

import errno
import locale
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
import pytest
from builders import SMALL, digests, ours, until

import engine
from engine import api
from engine.cli.prompt import main
from engine.core.folders import MARKER
from engine.core.lock import NAME, Lock
from engine.pipeline.folder import RunFolder
from engine.pipeline.stages import STAGES
from engine.plugins.sources import Csv


def marked(folder: Path) -> str:
    assert not (folder / NAME).exists()
    return (folder / MARKER).read_text("utf-8")


ROWS = [row for row in STAGES if row.name != "forecasts"]  # the bundle has no model


def ended(monkeypatch: pytest.MonkeyPatch, stage: str, work: Callable[[], object]) -> None:
    """Have a stage of every run, or what finishes a run, do this instead."""
    rows = (
        replace(row, work=work, leaves=None, data=None) if row.name == stage else row
        for row in STAGES
    )
    monkeypatch.setattr("engine.pipeline.run.STAGES", tuple(rows))
    last = tuple(replace(each, work=lambda running: work()) for each in api.FINISHERS)
    monkeypatch.setattr(api, "FINISHERS", last if stage == "report" else api.FINISHERS)


ROWS = [row.name for row in STAGES if row.name != "forecasts"]  # the bundle has no model
QUICK = ("bars", "account", "report")


@pytest.mark.parametrize(
    "stage",
    [*QUICK, *(pytest.param(row, marks=pytest.mark.long) for row in ROWS if row not in QUICK)],
)
def test_ctrl_c_in_any_stage(
    stage: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    ended(monkeypatch, stage, interrupted)
    words = ["run", *SMALL, "hydra.run.dir=run"]
    assert main([*words, "report=full"] if stage == "report" else words) == 130
    assert capfd.readouterr().err == "engine run: interrupted\n"
    assert marked(tmp_path / "run") == f"{stage}: KeyboardInterrupt: \n"


def test_a_folder_that_was_interrupted_serves_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        ended(patch, "metrics", lambda: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            engine.run(SMALL, path=tmp_path)
    assert marked(tmp_path)
    assert engine.run(SMALL, path=tmp_path).metrics
    assert {MARKER, NAME} & {file.name for file in tmp_path.iterdir()} == set()


@pytest.mark.parametrize(
    ("name", "stage"), [("bars", "bars"), ("weights", "account"), ("returns", "account")]
)
def test_a_full_disk_in_mid_run(
    name: str,
    stage: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    import pyarrow.parquet as pq

    whole = pq.ParquetWriter.write_table

    def full(writer: pq.ParquetWriter, table: object) -> None:
        if Path(writer.where).stem == name:
            raise OSError(errno.ENOSPC, "Error writing bytes to file. Detail: [errno 28]")
        whole(writer, table)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    assert main(["run", *SMALL, "hydra.run.dir=run"]) == 2
    error = capfd.readouterr().err
    assert error.startswith(f"engine: {tmp_path}/run/{name}.parquet: No space left on device (")
    assert "MB free); free some, or choose another folder with hydra.run.dir=" in error
    assert len(error.splitlines()) == 1
    assert marked(tmp_path / "run").startswith(f"{stage}: ConfigError: ")


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
    done = subprocess.run(
        [sys.executable, "-m", "engine", "run", *SMALL, "hydra.run.dir=run"],
        cwd=tmp_path,
        env=ours(PYTHONDONTWRITEBYTECODE="1"),  # a file of it would be cut short
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    error = done.stderr
    assert done.returncode == 2, error
    assert "run/bars.parquet: File too large (" in error
    assert len(error.splitlines()) == 1
    assert marked(tmp_path / "run").startswith("bars: ConfigError: ")


HOLDER = """
import sys, time
from pathlib import Path
from engine.pipeline.folder import RunFolder
folder = RunFolder(Path("run"))
folder.open()
folder.note("manifest", {"mine": True})
Path("ready").touch()
while not Path("go").exists():
    time.sleep(0.02)
folder.close()
"""


@pytest.mark.parametrize("how", ["taken", "killed"])
def test_a_folder_that_another_process_works_in(how: str, tmp_path: Path) -> None:
    """The second run is refused with the first one's number; a killed one holds nobody up."""
    first = subprocess.Popen([sys.executable, "-c", HOLDER], cwd=tmp_path, env=ours())
    until((tmp_path / "ready").exists)
    if how == "killed":
        first.kill()
        first.wait(timeout=60)
        assert (tmp_path / "run" / NAME).exists()
        again = RunFolder(tmp_path / "run")
        again.open()
        again.close()
    else:
        with pytest.raises(engine.ConfigError, match=f"a run is at work .*process {first.pid}.;"):
            engine.run(SMALL, path=tmp_path / "run")
        (tmp_path / "go").touch()
        assert first.wait(timeout=60) == 0
        assert engine.Report(tmp_path / "run").manifest == {"mine": True}
    assert not (tmp_path / "run" / NAME).exists()


def test_a_lock_whose_file_went_is_taken_anew(tmp_path: Path) -> None:
    first = Lock.take(tmp_path)
    with pytest.raises(engine.ConfigError, match=f"process {os.getpid()}"):
        Lock.take(tmp_path)
    (tmp_path / NAME).unlink()
    second = Lock.take(tmp_path)
    os.close(first.handle)
    second.release()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def german(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A locale with a decimal comma, made here: few machines have one."""
    if shutil.which("localedef") is None:
        pytest.skip("no localedef to make a German locale with")
    made = ["localedef", "-i", "de_DE", "-f", "UTF-8", str(tmp_path / "de_DE.UTF-8")]
    if subprocess.run(made, capture_output=True, check=False).returncode:
        pytest.skip("localedef cannot make a German locale")
    before = locale.setlocale(locale.LC_ALL)
    monkeypatch.setenv("LOCPATH", str(tmp_path))
    locale.setlocale(locale.LC_ALL, "de_DE.UTF-8")
    yield
    monkeypatch.undo()
    locale.setlocale(locale.LC_ALL, before)


def test_a_decimal_comma_changes_no_byte(
    tmp_path: Path, request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["run", *SMALL, f"hydra.run.dir={tmp_path}/"]
    (tmp_path / "bars.csv").write_text("date,symbol,close\n2020-01-02,A,1.5\n")
    assert main([*words[:-1], words[-1] + "plain"]) == 0
    plain = capfd.readouterr().out
    request.getfixturevalue("german")
    assert f"{1.5:n}" == "1,5"
    assert main([*words[:-1], words[-1] + "german"]) == 0
    assert "Sharpe" in plain
    assert capfd.readouterr().out.splitlines()[0] == plain.splitlines()[0]
    made = digests(tmp_path / "plain")
    assert len(made) > 5
    assert digests(tmp_path / "german") == made
    frame = Csv(path=str(tmp_path / "bars.csv")).load(engine.Universe())
    assert list(frame["close"]) == [1.5]


def test_a_screen_of_ascii_shows_what_it_can() -> None:
    environment = ours(
        LC_ALL="POSIX", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", PYTHONIOENCODING="ascii"
    )
    line = [sys.executable, "-m", "engine", "--help"]
    shown = subprocess.run(line, env=environment, capture_output=True, check=False)
    assert shown.returncode == 0, shown.stderr
    assert b"[key=value ?]" in shown.stdout


def leave_a_table(path: Path) -> None:
    folder = RunFolder(path)
    folder.open()
    folder.table("bars", [pd.DataFrame({"close": [1.0, 2.0]})])
    folder.close()


def test_a_process_that_was_forked_after_a_run_can_run_too(tmp_path: Path) -> None:
    """Threads do not survive a fork; a child that counted on its parent's would wait forever."""
    leave_a_table(tmp_path / "parent")
    child = get_context("fork").Process(target=leave_a_table, args=(tmp_path / "child",))
    child.start()
    child.join(30)
    code, _ = child.exitcode, child.kill()
    assert code == 0
    assert pd.read_parquet(tmp_path / "child" / "bars.parquet")["close"].tolist() == [1.0, 2.0]
