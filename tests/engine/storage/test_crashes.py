"""Processes that are killed, and many at once: what was told is there, whole, once."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from stored import DAYS, KEYS, make_values

from engine import LocalStore

WRITER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    import numpy as np
    sys.path.insert(0, sys.argv[2])
    from stored import DAYS, NAMES, block
    from engine import Block, LocalStore, Record
    store = LocalStore(Path(sys.argv[1]))
    commit = store.last_commit()
    while commit < 300:
        days = block(0, 252) if commit == 0 else block(251 + commit, 252 + commit)
        commit += 1
        blocks = [days]
        if commit % 4 == 0:  # a year of another series, to be compressed
            values = np.full((1, 252, 3), float(commit))
            blocks.append(Block((f"other {commit}",), DAYS[:252], NAMES, values))
        store.write(blocks, records=[Record("state", "last", str(commit))])
        print(commit, flush=True)
        store.fold()
        store.compact()
        if commit % 2:
            store.vacuum(lease=0.0)
    """
)


def run_writer(path: Path) -> subprocess.Popen[str]:
    here = str(Path(__file__).parent)
    words = [sys.executable, "-c", WRITER, str(path), here]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def look(path: Path) -> int:
    """See to it that everything up to the last commit is there and nothing else; return it."""
    with closing(LocalStore(path)) as store:
        last = store.last_commit()
        kept = store.read(KEYS)
        assert len(kept.dates) == 251 + last
        np.testing.assert_array_equal(kept.values, make_values(DAYS[: 251 + last]))
        assert store.records("state") == {"last": str(last)}  # of one commit: both, or neither
        others = [f"other {commit}" for commit in range(4, last + 1, 4)]
        for key, other in store.read_each(others).items():
            assert (other.values == float(key.split()[1])).all()
        assert store.stats().series == len(KEYS) + len(others)
        assert store.verify() == []
    return last


@pytest.mark.parametrize("kills", [5, pytest.param(200, marks=pytest.mark.long)])
def test_a_killed_writer_loses_nothing_that_it_has_told(tmp_path: Path, kills: int) -> None:
    """kill -9 at any moment of writing, folding, compacting and vacuuming."""
    random.seed(kills)
    told, path = 0, tmp_path / "0"
    for kill in range(kills):
        if told >= 290:
            told, path = 0, tmp_path / str(kill)
        writer = run_writer(path)
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(random.random() * 0.2)
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split()
        writer.wait()
        writer.stdout.close()
        told = max([told, *map(int, [*first.split(), *rest])])
        assert told <= look(path) <= told + 1


MANY = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    import numpy as np, pandas as pd
    from engine import Block, LocalStore
    path, who, seconds = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    days = pd.bdate_range("2000-01-03", periods=5000, tz="UTC")
    store, day, end = LocalStore(path), 0, time.time() + seconds
    while time.time() < end:
        values = np.full((3, 1, 50), 10000.0 * who + day)
        store.write([Block(tuple(f"{who} {k}" for k in range(3)), days[day:day + 1],
                           tuple(f"S{i:02d}" for i in range(50)), values)])
        day += 1
        if day % 10 == who % 10:
            store.fold()
        if day % 50 == who:
            store.vacuum(lease=30.0)
    print(day)
    """
)
READ = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    import numpy as np
    from engine.core.errors import DataError
    from engine import LocalStore
    path, writers, seconds = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    store, end, seen, reads = LocalStore(path), time.time() + seconds, [0] * writers, 0
    while time.time() < end:
        for who in range(writers):
            try:
                kept = store.read([f"{who} {k}" for k in range(3)])
            except DataError as error:
                assert "nothing is kept" in str(error), error
                continue
            days = np.arange(len(kept.dates))
            assert (kept.values == 10000.0 * who + days[:, None]).all(), (who, kept.values)
            assert len(days) >= seen[who]
            seen[who] = len(days)
            reads += 1
    print(reads)
    """
)


@pytest.mark.parametrize(
    ("writers", "readers", "seconds"),
    [(3, 1, 3.0), pytest.param(8, 4, 60.0, marks=pytest.mark.long)],
)
def test_many_write_and_read_at_once(
    tmp_path: Path, writers: int, readers: int, seconds: float
) -> None:
    """Nothing is lost, torn or there twice; how many there were is printed, and no test."""
    LocalStore(tmp_path).close()

    def start(code: str, number: int) -> subprocess.Popen[str]:
        words = [sys.executable, "-c", code, str(tmp_path), str(number), str(seconds)]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    writing = [start(MANY, who) for who in range(writers)]
    reading = [start(READ, writers) for _ in range(readers)]
    told = []
    for process in [*writing, *reading]:
        out, error = process.communicate(timeout=seconds + 120)
        assert process.returncode == 0, error
        told.append(int(out))
    with closing(LocalStore(tmp_path)) as store:
        assert store.last_commit() == sum(told[:writers])
        for who in range(writers):
            kept = store.read([f"{who} {k}" for k in range(3)])
            days = np.arange(told[who])
            np.testing.assert_array_equal(kept.values[1, :, 7], 10000.0 * who + days)
        assert store.verify() == []
    assert min(told) > 0
    print(
        f"{sum(told[:writers]) / seconds:.0f} commits, {sum(told[writers:]) / seconds:.0f} reads/s"
    )
