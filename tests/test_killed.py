"""What kill -9 leaves: nothing that only looks finished, nothing in the way of the next command."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from builders import PATIENCE, SMALL, digests, distribution, start, until

import engine
from engine.core.folders import MARKER
from engine.core.lock import NAME, find_culprit, hold
from engine.core.whole import writing_whole

EVIL = '''
import os, signal, time
from dataclasses import dataclass
from typing import ClassVar
import engine

@dataclass(frozen=True)
class Rude(engine.Factor):
    """Ends the process, or never returns."""
    name: ClassVar[str] = "rude"
    how: str = engine.option("none", "how it ends")

    def compute(self, panel):
        if self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "exit":
            os._exit(3)
        while self.how in ("sleep", "deaf"):
            try:
                time.sleep(1000)
            except BaseException:
                if self.how == "sleep":
                    raise
        return panel["close"] * 1.0

@engine.hookimpl
def register_factors():
    return [Rude]
'''


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    """A folder with a distribution in it whose factor `rude` misbehaves."""
    home = tmp_path / "site"
    distribution(home, "evil")
    (home / "evil.py").write_text(EVIL)
    return home


def finish(words: Sequence[str], cwd: Path, *paths: Path, **variables: str) -> str:
    """Run a command until it ends, well; return what it said."""
    process = start(words, cwd, *paths, **variables)
    out, error = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, error
    return out + error


def shot(words: Sequence[str], cwd: Path, after: float) -> None:
    """Start a command, kill it after some seconds, and see that it leaves no process."""
    process = start(words, cwd)
    time.sleep(after)
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.kill()
    process.communicate()
    until(lambda: not any(alive(member) for member in family))


def alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def bars(rows: int) -> pd.DataFrame:
    """The first rows of some names' closes, as a source's file."""
    random = np.random.default_rng(0)
    close = 50.0 * np.exp(np.cumsum(0.02 * random.normal(size=(1000, 8)), axis=0))[:rows]
    dates = pd.bdate_range("2020-01-01", periods=rows, tz="UTC")
    keys = pd.MultiIndex.from_product([dates, list("ABCDEFGH")], names=["timestamp", "symbol"])
    return pd.DataFrame({"close": close.ravel()}, index=keys).reset_index()


# One moment, and fifty more in blocks that workers can share.
SHARES = [
    [0.6],
    *(
        pytest.param(
            list(np.random.default_rng(block).uniform(0.0, 1.0, 10)), marks=pytest.mark.long
        )
        for block in range(5)
    ),
]
at_any_moment = pytest.mark.parametrize("shares", SHARES, ids=range(len(SHARES)))
at_many_moments = pytest.mark.parametrize("shares", SHARES[1:], ids=range(1, len(SHARES)))


def moments(shares: Sequence[float], command: Callable[[], object]) -> list[float]:
    """Seconds from the start of a command, which is run once to see how long it takes."""
    begun = time.monotonic()
    command()
    took = time.monotonic() - begun
    return [float(share * took) for share in shares]


@at_any_moment
def test_a_run_that_is_killed_at_any_moment(shares: list[float], tmp_path: Path) -> None:
    """Its folder is marked, or finished; the next run into it gives the same bytes."""
    whole = [*SMALL, "hydra.run.dir=whole"]
    for after in moments(shares, lambda: finish(["run", *whole], tmp_path)):
        shot(["run", *SMALL, "hydra.run.dir=run"], tmp_path, after)
        folder = tmp_path / "run"
        if any(folder.glob("*.parquet")) and not (folder / MARKER).exists():
            assert digests(folder) == digests(tmp_path / "whole")
        finish(["run", *SMALL, "hydra.run.dir=run"], tmp_path)
        assert digests(folder) == digests(tmp_path / "whole")
        assert not {MARKER, NAME} & {file.name for file in folder.iterdir()}
        shutil.rmtree(folder)


@at_many_moments
def test_a_sweep_that_is_killed_at_any_moment(shares: list[float], tmp_path: Path) -> None:
    """No worker lives on; the next sweep into the folder gives the same bytes."""
    words = ["run", "-m", *SMALL, "seed=1,2", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    for after in moments(shares, lambda: finish([*words, "hydra.sweep.dir=whole"], tmp_path)):
        shot([*words, "hydra.sweep.dir=some"], tmp_path, after)
        finish([*words, "hydra.sweep.dir=some"], tmp_path)
        assert digests(tmp_path / "some") == digests(tmp_path / "whole")
        shutil.rmtree(tmp_path / "some")


@at_any_moment
def test_an_appending_that_is_killed_at_any_moment(shares: list[float], tmp_path: Path) -> None:
    """The file is the old one or the new one; the next appending makes the new one, and tidies."""
    bars(400).to_parquet(tmp_path / "long")
    bars(300).to_parquet(tmp_path / "short")
    words = ["factors", "compute", "core_price_only", "source=parquet"]
    finish([*words, "source.path=short", "--out", "old.parquet"], tmp_path)
    old, new, file = (tmp_path / f"{name}.parquet" for name in ("old", "new", "file"))
    shutil.copy(old, new)
    more = [*words, "source.path=long", "--append"]
    for after in moments(shares, lambda: finish([*more, str(new)], tmp_path)):
        shutil.copy(old, file)
        shot([*more, str(file)], tmp_path, after)
        assert file.read_bytes() in (old.read_bytes(), new.read_bytes())
        finish([*more, str(file)], tmp_path)
        assert file.read_bytes() == new.read_bytes()
        assert list(tmp_path.glob(".*.part")) == []


@at_many_moments
def test_a_compilation_that_is_killed_at_any_moment(shares: list[float], tmp_path: Path) -> None:
    """The next use compiles what is missing, and computes the same."""
    words = ["factors", "compute", "ts_rank(close, 5)", "source=simulated", "universe=all",
             "source.n_symbols=3", "source.n_days=30", "--out"]  # fmt: skip
    finish([*words, "whole.parquet"], tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "all"))
    count = len(list((tmp_path / "all").rglob("*.nbi")))
    assert count >= 3
    for number, share in enumerate(shares):
        kernels = tmp_path / str(number)
        process = start([*words, "some.parquet"], tmp_path, NUMBA_CACHE_DIR=str(kernels))
        until(lambda: len(list(kernels.rglob("*.nbi"))) >= int(count * share))  # noqa: B023
        time.sleep(share)  # in the middle of the next one
        process.kill()
        process.communicate()
        finish([*words, "some.parquet"], tmp_path, NUMBA_CACHE_DIR=str(kernels))
        made, wanted = (tmp_path / f"{name}.parquet" for name in ("some", "whole"))
        assert made.read_bytes() == wanted.read_bytes()


@pytest.mark.parametrize("how", ["kill", pytest.param("exit", marks=pytest.mark.long)])
def test_the_next_command_names_whose_code_a_run_died_in(
    how: str, evil: Path, tmp_path: Path
) -> None:
    words = ["run", *SMALL, f"+factors.mine={{name: rude, how: {how}}}", "hydra.run.dir=runs/1"]
    process = start(words, tmp_path, evil)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == (3 if how == "exit" else -signal.SIGKILL)
    where = "stage factors: factors.mine (evil.Rude)"
    assert find_culprit(tmp_path / "runs" / "1") == where
    with pytest.raises(engine.DataError, match=r"INCOMPLETE \(.*; it died in stage factors: "):
        engine.Report(tmp_path / "runs" / "1")
    said = finish(["run", *SMALL, "hydra.run.dir=runs/2"], tmp_path)
    assert f"runs/1: a run died in {where}; mend that first\n" in said
    assert (tmp_path / "runs" / "1" / MARKER).read_text() == f"died in {where}\n"
    assert list((tmp_path / "runs").rglob(NAME)) == []


def test_a_hang_is_named_when_its_user_ends_it(evil: Path, tmp_path: Path) -> None:
    words = ["run", *SMALL, "+factors.mine={name: rude, how: sleep}", "hydra.run.dir=runs/1"]
    process = start(words, tmp_path, evil)
    lock = tmp_path / "runs" / "1" / NAME
    until(lambda: lock.exists() and "rude" in lock.read_text().lower())
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=PATIENCE)
    assert (process.returncode, error.splitlines()[-1]) == (130, "engine run: interrupted")
    assert find_culprit(lock.parent) == "stage factors: factors.mine (evil.Rude)"


def test_a_call_that_hears_nothing_is_ended_with_its_process(evil: Path, tmp_path: Path) -> None:
    words = ["run", *SMALL, "+factors.mine={name: rude, how: deaf}", "hydra.run.dir=runs/1",
             "plugins.timeout_s=0.5"]  # fmt: skip
    process = start(words, tmp_path, evil)
    _, error = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "\nTimeout (" in f"\n{error}"
    assert find_culprit(tmp_path / "runs" / "1") == "stage factors: factors.mine (evil.Rude)"


@pytest.mark.long
def test_a_worker_that_dies_loses_its_own_job_only(evil: Path, tmp_path: Path) -> None:
    factors = ",".join(f"{{name: rude, how: {how}}}" for how in ("none", "kill", "none"))
    words = ["run", "-m", *SMALL, f"+factors.mine={factors}", "hydra.sweep.dir=s",
             "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]  # fmt: skip
    process = start(words, tmp_path, evil)
    out, error = process.communicate(timeout=2 * PATIENCE)
    assert process.returncode == 2
    assert [line for line in error.splitlines() if not line.startswith("WARNING: ")] == [
        f"engine: {tmp_path}/s/1: the process of this job died of SIGKILL(-9) in stage factors: "
        "factors.mine (evil.Rude), as when memory runs out: try fewer hydra.launcher.n_jobs"
    ]
    assert [line.rsplit(" ", 1)[1] for line in out.splitlines()[1:3]] == [
        str(tmp_path / "s" / job) for job in ("0", "2")
    ]
    assert (tmp_path / "s" / "1" / MARKER).read_text().startswith("died in stage factors: ")
    assert list(tmp_path.rglob(NAME)) == []


@pytest.mark.parametrize(
    "how", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.long)]
)
def test_no_worker_outlives_its_parent(how: signal.Signals, evil: Path, tmp_path: Path) -> None:
    words = ["run", "-m", *SMALL, "+factors.mine={name: rude, how: deaf}", "seed=1,2,3",
             "hydra.sweep.dir=s", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]  # fmt: skip
    process = start(words, tmp_path, evil)
    locks = [tmp_path / "s" / job / NAME for job in ("0", "1")]
    until(lambda: all(lock.exists() and "evil" in lock.read_text() for lock in locks))
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) >= 2
    process.send_signal(how)
    process.communicate(timeout=PATIENCE)
    until(lambda: not any(alive(member) for member in family))


def test_only_the_number_of_jobs_can_be_chosen(tmp_path: Path) -> None:
    words = ["run", "-m", *SMALL, "seed=1,2", "hydra/launcher=joblib"]
    for key, said in (
        ("timeout=5", "timeout=5.0: only n_jobs"),
        ("n_jobs=0", "n_jobs=0: write how"),
    ):
        process = start([*words, f"hydra.launcher.{key}"], tmp_path)
        _, error = process.communicate(timeout=PATIENCE)
        assert process.returncode == 2
        assert error.startswith(f"engine: hydra.launcher.{said}")


def test_what_killed_writers_left_is_deleted_by_the_next(tmp_path: Path) -> None:
    """And what a living one is writing, or another file's, is not."""
    path = tmp_path / "a[1].csv"
    dead, living, other = (
        tmp_path / f".{name}.part" for name in ("a[1].csv.1", "a[1].csv.2", "b.3")
    )
    for file in (dead, other):
        file.touch()
    handle = hold(living)
    with writing_whole(path) as part:
        part.write_text("x")
        assert not path.exists()
        assert sorted(tmp_path.iterdir()) == sorted([living, other, part])
    assert sorted(tmp_path.iterdir()) == sorted([living, other, path])
    os.close(handle)
    with pytest.raises(ZeroDivisionError), writing_whole(path) as part:
        part.write_text(str(1 / 0))
    assert path.read_text() == "x"
    assert sorted(tmp_path.iterdir()) == sorted([other, path])


SEEDS = [("0", 1), ("1", 2)]


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(SMALL, marks=pytest.mark.long),
        pytest.param(
            ["+bundle=ai_tech_core_ml", "universe=all", "source.n_symbols=30", "report=none",
             "source.n_days=1500"],
            marks=pytest.mark.long,
        ),
    ],
    ids=["bundle", "model"],
)  # fmt: skip
def test_hash_seeds_and_threads_change_no_byte(words: list[str], tmp_path: Path) -> None:
    for seed, threads in SEEDS:
        number = str(threads)
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
        more = {"PYTHONHASHSEED": seed, **dict.fromkeys(names, number)}
        finish(["run", *words, f"hydra.run.dir={threads}"], tmp_path, **more)
    first, second = (digests(tmp_path / str(threads)) for _, threads in SEEDS)
    assert len(first) > 5
    assert first == second
