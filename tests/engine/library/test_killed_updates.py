"""Updates that are killed at any moment, and updates of many processes at once."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from builders import ours
from worlds import World, expect, make_panel

ROWS, FIRST = 120, 60
WORKER = """
import sys
from pathlib import Path

from worlds import World, make_panel

panel = make_panel({rows})
world = World.__new__(World)
World.reopen(world, Path(sys.argv[1]))
print("ready", flush=True)
for stop in range(int(sys.argv[2]), {rows} + 1):
    world.update(panel.cut(stop))
    world.store.fold()
    print(stop, flush=True)
""".replace("{rows}", str(ROWS))


def begin(folder: Path, stop: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(folder), str(stop)],
        env=ours(Path(__file__).parent),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def check(folder: Path) -> None:
    """The values are those of one evaluation, and all files are what was written."""
    world, panel = World.__new__(World), make_panel(ROWS)
    world.reopen(folder)
    world.update(panel)
    for name, wanted in expect(panel).items():
        np.testing.assert_array_equal(world.values(name).to_numpy(), wanted.to_numpy())
    assert world.store.verify() == []
    assert world.library.verify([*world.library.factors()]) == []
    world.store.close()


@pytest.mark.parametrize(
    "kills", [3, pytest.param(60, marks=pytest.mark.long)], ids=["few", "many"]
)
def test_an_update_that_is_killed_is_whole_or_has_not_been(kills: int, tmp_path: Path) -> None:
    World(tmp_path / "store").store.close()
    stop, told = FIRST, set[int]()
    for kill in range(kills):
        worker = begin(tmp_path / "store", stop)
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        time.sleep(random.Random(kill).uniform(0.0, 2.0))
        worker.send_signal(signal.SIGKILL)
        done = [int(line) for line in worker.stdout.read().split()]
        worker.communicate()
        told |= {*done}
        stop = FIRST if stop >= ROWS else max([stop, *done])
    assert told
    check(tmp_path / "store")


def test_processes_update_the_same_factors_at_once(tmp_path: Path) -> None:
    World(tmp_path / "store").store.close()
    workers = [begin(tmp_path / "store", stop) for stop in (FIRST, FIRST + 20, FIRST + 40)]
    for worker in workers:
        _, error = worker.communicate()
        # one whose bars end before those that another has kept by then is refused, in words
        assert worker.returncode == 0 or "end" in error.splitlines()[-1], error
    check(tmp_path / "store")
