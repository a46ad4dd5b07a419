"""Results of stages, kept: by many at once, by some who die, on a disk that is full."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from builders import ours

from engine.core.errors import DataError
from engine.storage import Results
from engine.storage.checksums import fits

WRITER = """
import sys
from pathlib import Path

import numpy as np

from engine.storage import Results

results, home = Results(Path(sys.argv[1])), Path(sys.argv[2])
print("ready", flush=True)
for number in range(int(sys.argv[3]), 10**6):
    file = home / f"{sys.argv[4]}.bin"
    file.write_bytes(bytes([number % 251]) * 20_000)
    pieces = {f"p{number}": np.full((50, 4), float(number))}
    results.keep(f"k{number}", "bars", {"number": number}, [file], pieces)
    print(number, flush=True)
"""


def begin(tmp_path: Path, first: int, name: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", WRITER, str(tmp_path / "results"), str(tmp_path), str(first)]
    return subprocess.Popen([*words, name], stdout=subprocess.PIPE, text=True, env=ours())


def is_whole(results: Results, number: int) -> bool:
    """Whether a result is there, with all of it."""
    found = results.find(f"k{number}", "bars")
    if found is None:
        return False
    (content,) = {*(found.folder / found.files[0]).read_bytes()}
    (piece,) = results.find_pieces([f"p{number}"]).values()
    assert content == number % 251
    assert found.told == {"number": number}
    assert (piece == number).all()
    return True


@pytest.mark.parametrize(
    "kills", [3, pytest.param(100, marks=pytest.mark.long)], ids=["few", "many"]
)
def test_whoever_is_killed_leaves_whole_results_or_none(kills: int, tmp_path: Path) -> None:
    first, told = 0, set[int]()
    for kill in range(kills):
        writer = begin(tmp_path, first, "one")
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(random.Random(kill).uniform(0.01, 0.4))
        writer.send_signal(signal.SIGKILL)
        numbers = [int(line) for line in writer.stdout.read().split()]
        writer.wait()
        told |= {*numbers}
        first = max(told, default=-1) + 1
    results = Results(tmp_path / "results")
    assert told
    assert all(is_whole(results, number) for number in told)
    assert results.verify() == []
    results.vacuum(0.0)
    assert not [*(tmp_path / "results").glob("*.part")]
    count, _ = results.size()
    assert len([*(tmp_path / "results").glob("??/*")]) == count >= len(told)
    results.close()


def test_many_keep_the_same_at_once(tmp_path: Path) -> None:
    writers = [begin(tmp_path, 0, name) for name in "abc"]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()
    time.sleep(2.0)
    told = set[int]()
    for writer in writers:
        writer.send_signal(signal.SIGTERM)
        out, _ = writer.communicate()
        told |= {int(line) for line in out.split() if line != "ready"}
    results = Results(tmp_path / "results")
    assert len(told) > 5
    assert all(is_whole(results, number) for number in told)
    results.close()


def test_the_folder_is_its_users_alone(tmp_path: Path) -> None:
    Results(tmp_path / "store" / "results").close()
    for place in (tmp_path / "store", tmp_path / "store" / "results"):
        assert place.stat().st_mode & 0o777 == 0o700


def test_a_piece_goes_with_its_result(tmp_path: Path) -> None:
    results = Results(tmp_path / "results")
    array = np.arange(6.0).reshape(2, 3)
    results.keep("aa", "factors", {}, [], {"one": array, "two": array + 1})
    found = results.find_pieces(["two", "three"])
    assert {*found} == {"two"}
    assert found["two"].tolist() == (array + 1).tolist()
    assert not found["two"].flags.writeable
    results.forget("aa")
    assert results.find_pieces(["one", "two"]) == {}
    assert found["two"].tolist() == (array + 1).tolist()  # whoever reads it goes on
    results.close()


def test_a_damaged_database_is_one_line_with_the_way_back(tmp_path: Path) -> None:
    Results(tmp_path / "results").close()
    file = tmp_path / "results" / "results.sqlite"
    for name in ("results.sqlite-wal", "results.sqlite-shm"):
        (tmp_path / "results" / name).unlink(missing_ok=True)
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(DataError, match=r"results\.sqlite: .*(delete|another place)"):
        Results(tmp_path / "results")


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk is mounted, which only root may do")
def test_a_full_disk_is_told_and_leaves_no_half(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(small)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        results = Results(small / "results")
        (tmp_path / "a").write_bytes(bytes(100_000))
        (tmp_path / "b").write_bytes(bytes(600_000))
        results.keep("aa", "bars", {}, [tmp_path / "a"])
        with pytest.raises(OSError, match="No space left"):
            results.keep("bb", "bars", {}, [tmp_path / "b"])
        assert results.find("aa", "bars") is not None
        assert results.find("bb", "bars") is None
        assert not [*(small / "results").glob("*.part")]
        results.close()
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_what_was_copied_is_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "table.bin"
    file.write_bytes(b"rows")
    with closing(Results(tmp_path / "results")) as results:
        results.keep("k", "bars", {}, [file])
    shutil.copytree(tmp_path / "results", tmp_path / "copy")
    hashed = []
    monkeypatch.setattr(
        "engine.storage.checksums.fits",
        lambda file, kept: hashed.append(file.name) or fits(file, kept),
    )
    for times in (1, 1):
        with closing(Results(tmp_path / "copy")) as copied:
            assert copied.find("k", "bars") is not None
        assert len(hashed) == times
