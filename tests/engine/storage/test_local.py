"""The store of values: what was written is read, as it is and as it was, whatever befell it."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engine.core import sqlite
from engine.core.errors import ConfigError, DataError
from engine.storage.local import Block, LocalStore

DAYS = pd.bdate_range("2020-01-01", periods=300, tz="UTC")
NAMES = ("A", "B", "C")
KEYS = ("momentum", "value")


def make_values(dates: pd.DatetimeIndex, names: tuple[str, ...] = NAMES, plus: float = 0) -> Any:
    """Values that tell where they belong: 1000 × factor + days since 2020, and a bit a symbol."""
    days = (dates - DAYS[0]).days.to_numpy()
    letters = np.array([ord(name[0]) - 64 for name in names]) / 64
    factors = 1000.0 * np.arange(len(KEYS))
    return factors[:, None, None] + days[:, None] + letters + plus


def block(
    start: int, stop: int, names: tuple[str, ...] = NAMES, plus: float = 0, dtype: str = "float64"
) -> Block:
    dates = DAYS[start:stop]
    return Block(KEYS, dates, names, make_values(dates, names, plus).astype(dtype))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    store = LocalStore(tmp_path / "store")
    yield store
    store.close()


def test_what_is_written_is_read(store: LocalStore) -> None:
    assert store.write([block(0, 10)]) == 1
    kept = store.read(KEYS)
    assert kept.dates.equals(DAYS[:10])
    assert kept.symbols == NAMES
    np.testing.assert_array_equal(kept.values, make_values(DAYS[:10]))


def test_a_part_of_the_dates_and_the_keys_in_any_order(store: LocalStore) -> None:
    store.write([block(0, 10)])
    kept = store.read(["value", "momentum"], DAYS[3], DAYS[5])
    np.testing.assert_array_equal(kept.values, make_values(DAYS[3:6])[::-1])
    assert store.read(["value"], DAYS[50]).values.shape == (1, 0, 3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_come_back_in_the_type_and_the_bits_they_had(store: LocalStore, dtype: str) -> None:
    odd = np.array([np.nan, -0.0, np.inf, 5e-324, 1 / 3, -1e308])
    with np.errstate(over="ignore"):
        values = odd.astype(dtype).reshape(1, 2, 3)
    store.write([Block(("odd",), DAYS[:2], NAMES, values)])
    kept = store.read(["odd"]).values
    assert str(kept.dtype) == dtype
    assert kept.tobytes() == values.tobytes()


def test_days_are_appended_folded_and_read_as_if_written_at_once(store: LocalStore) -> None:
    store.write([block(0, 10)])
    for day in range(10, 300):
        store.write([block(day, day + 1)])
        store.fold()
        if day % 41 == 0:
            np.testing.assert_array_equal(store.read(KEYS).values, make_values(DAYS[: day + 1]))
    np.testing.assert_array_equal(store.read(KEYS).values, make_values(DAYS))
    assert len(store._known.segments) == 1 + 1 + 1 + 17  # the first, a year, a month, days of the next


def test_every_commit_can_be_read_as_of_then(store: LocalStore) -> None:
    """Appended days, a restatement among them, and folding: each commit reads as it was."""
    expected = {}
    random.seed(3)
    for commit in range(1, 101):
        if commit % 17 == 0:
            start = random.randrange(commit - 4)
            store.write([block(start, start + 3, ("B",), plus=commit)])
        else:
            store.write([block(commit, commit + 1)])
        expected[commit] = store.read(KEYS)
        store.fold()
    for commit, then in expected.items():
        kept = store.read(KEYS, as_of=commit)
        assert kept.dates.equals(then.dates)
        np.testing.assert_array_equal(kept.values, then.values)
    assert store.read(KEYS, as_of=0).values.size == 0


def test_a_restatement_lies_on_top_of_what_it_corrects(store: LocalStore) -> None:
    store.write([block(0, 10)])
    store.write([block(2, 5, ("B",), plus=0.5)])
    expected = make_values(DAYS[:10])
    expected[:, 2:5, 1] += 0.5
    np.testing.assert_array_equal(store.read(KEYS).values, expected)
    np.testing.assert_array_equal(store.read(KEYS, as_of=1).values, make_values(DAYS[:10]))


def test_symbols_that_come_later_are_unknown_before(store: LocalStore) -> None:
    store.write([block(0, 5)])
    store.write([block(5, 8, ("A", "AB", "C"))])
    kept = store.read(["momentum"])
    assert kept.symbols == ("A", "AB", "B", "C")
    assert np.isnan(kept.values[0, :5, 1]).all()
    assert np.isnan(kept.values[0, 5:, 2]).all()
    np.testing.assert_array_equal(kept.values[0, 5:, 0], make_values(DAYS[5:8])[0, :, 0])


def test_keys_of_several_sets_are_read_together(store: LocalStore) -> None:
    store.write([block(0, 5)])
    other = Block(("size",), DAYS[3:9], ("B", "D"), np.ones((1, 6, 2)))
    store.write([other])
    kept = store.read(["value", "size"])
    assert kept.values.shape == (2, 9, 4)
    np.testing.assert_array_equal(kept.values[0, :5, :3], make_values(DAYS[:5])[1])
    assert np.isfinite(kept.values[1]).sum() == 12


def test_a_write_that_fails_half_way_leaves_nothing_and_the_store_goes_on(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(store._catalogue, "_axis", fail)
        with pytest.raises(sqlite3.OperationalError):
            store.write([block(0, 5)])
    assert store.last_commit() == 0
    assert store.write([block(0, 5)]) == 1
    np.testing.assert_array_equal(store.read(KEYS).values, make_values(DAYS[:5]))


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "'; DROP TABLE segments; --", "x" * 300, "📈", "a\nb", "nul\0"]
)
def test_a_key_may_be_any_text(store: LocalStore, name: str) -> None:
    store.write([Block((name,), DAYS[:2], (name,), np.ones((1, 2, 1)))])
    assert store.read([name]).symbols == (name,)
    assert {path.name for path in store.path.iterdir()} >= {"catalogue.sqlite", "segments"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": np.ones((2, 5, 4))}, r"shape \(2, 5, 4\), their axes \(2, 5, 3\)"),
        ({"values": np.ones((2, 5, 3), int)}, "values are int64, not float32 or float64"),
        ({"keys": ("one", "one")}, "no key twice"),
        ({"dates": DAYS[:5][::-1]}, "ascend"),
        ({"dates": DAYS[:5].tz_localize(None)}, "have a zone"),
    ],
)
def test_what_cannot_be_kept_is_refused(change: dict[str, Any], message: str) -> None:
    usual = {"keys": KEYS, "dates": DAYS[:5], "symbols": NAMES, "values": np.ones((2, 5, 3))}
    with pytest.raises(DataError, match=message):
        Block(**usual | change)


def test_a_key_that_is_not_kept_is_named(store: LocalStore) -> None:
    with pytest.raises(DataError, match="nothing is kept for 'quality'; compute it first"):
        store.read(["quality"])


def test_another_process_is_heard(store: LocalStore) -> None:
    other = LocalStore(store.path)
    store.write([block(0, 5)])
    np.testing.assert_array_equal(other.read(KEYS).values, make_values(DAYS[:5]))
    other.write([block(5, 6)])
    np.testing.assert_array_equal(store.read(KEYS).values, make_values(DAYS[:6]))
    other.close()


def test_vacuum_leaves_what_may_still_be_read(store: LocalStore) -> None:
    reader = LocalStore(store.path)
    for day in range(21):
        store.write([block(day, day + 1)])
    before = reader.read(KEYS)
    assert store.fold() == 21
    assert store.vacuum() == 0
    assert len(list(store.files.iterdir())) == 22
    assert store.vacuum(lease=0.0) == 21
    for kept in (before, reader.read(KEYS), store.read(KEYS)):
        np.testing.assert_array_equal(kept.values, make_values(DAYS[:21]))
    reader.close()


def flip(file: Path, place: int = -5) -> None:
    """Flip a bit of a file, as a bad disk would; who looks at its time sees that it was changed."""
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)


def test_a_flipped_bit_is_named_before_it_is_read(store: LocalStore) -> None:
    store.write([block(0, 5)])
    (file,) = store.files.iterdir()
    flip(file)
    again = LocalStore(store.path)
    with pytest.raises(DataError, match=rf"{file.name}: damaged, where it held value; "):
        again.read(["momentum"])
    (damage,) = again.verify()
    assert (damage.file, damage.keys) == (file, ("value",))
    again.mend([damage])
    with pytest.raises(DataError, match="nothing is kept for 'value'; compute it first"):
        again.read(KEYS)
    np.testing.assert_array_equal(again.read(["momentum"]).values, make_values(DAYS[:5])[:1])
    assert again.verify() == []
    again.close()


def test_a_bit_that_flips_below_an_unchanged_time_is_found_by_verify(store: LocalStore) -> None:
    store.write([block(0, 5)])
    (file,) = store.files.iterdir()
    told = file.stat()
    with file.open("r+b") as opened:
        opened.seek(-5, os.SEEK_END)
        byte = opened.read(1)[0]
        opened.seek(-5, os.SEEK_END)
        opened.write(bytes([byte ^ 1]))
    os.utime(file, ns=(told.st_atime_ns, told.st_mtime_ns))
    again = LocalStore(store.path)
    again.read(KEYS)
    assert [damage.keys for damage in again.verify()] == [("value",)]
    again.close()


@pytest.mark.parametrize("size", [0, 64, 200])
def test_a_file_that_was_cut_is_named(store: LocalStore, size: int) -> None:
    store.write([block(0, 5)])
    (file,) = store.files.iterdir()
    os.truncate(file, size)
    again = LocalStore(store.path)
    with pytest.raises(DataError, match=file.name):
        again.read(KEYS)
    assert [damage.keys for damage in again.verify()] == [KEYS]
    again.close()


def test_a_file_that_is_missing_is_named(store: LocalStore) -> None:
    store.write([block(0, 5)])
    (file,) = store.files.iterdir()
    file.unlink()
    again = LocalStore(store.path)
    with pytest.raises(DataError, match=f"{file.name}: is missing"):
        again.read(KEYS)
    again.close()


def test_a_file_that_was_copied_back_is_checked_and_read(store: LocalStore) -> None:
    """A restored backup has other stamps, and the same content."""
    store.write([block(0, 5)])
    (file,) = store.files.iterdir()
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content)
    for _ in range(2):
        again = LocalStore(store.path)
        np.testing.assert_array_equal(again.read(KEYS).values, make_values(DAYS[:5]))
        again.close()


def test_a_damaged_catalogue_is_named_with_what_to_do(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.close()
    (tmp_path / "catalogue.sqlite").write_bytes(b"no database at all" * 1000)
    with pytest.raises(DataError, match=r"catalogue\.sqlite: .*(damaged|cannot be opened)"):
        LocalStore(tmp_path)


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    LocalStore(tmp_path).close()
    with sqlite3.connect(tmp_path / "catalogue.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(DataError, match="of a newer version of the engine \\(format 99, this one has 2\\)"):
        LocalStore(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"store\.path=.*file/store: cannot be written"):
        LocalStore(tmp_path / "file" / "store")


def test_a_network_mount_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    escaped = str(tmp_path / "my share").replace(" ", r"\040")
    mounts.write_text(
        "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
        f"2 1 0:40 / {escaped} rw shared:1 - nfs4 server:/export rw\n"
    )
    monkeypatch.setattr(sqlite, "MOUNTS", mounts)
    (tmp_path / "my share").mkdir()
    LocalStore(tmp_path / "here").close()
    with pytest.raises(DataError, match=r"lies on a network mount \(nfs4\), where locks do not"):
        LocalStore(tmp_path / "my share" / "store")


WRITER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[2])
    from test_local import block, DAYS
    from engine.storage.local import LocalStore
    store = LocalStore(Path(sys.argv[1]))
    day = store.last_commit()
    while day < 300:
        store.write([block(day, day + 1)])
        day += 1
        print(day, flush=True)
        store.fold()
        store.vacuum(lease=0.0)
    """
)


def run_writer(path: Path) -> subprocess.Popen[str]:
    here = str(Path(__file__).parent)
    words = [sys.executable, "-c", WRITER, str(path), here]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("kills", [5, pytest.param(200, marks=pytest.mark.long)])
def test_a_killed_writer_loses_nothing_that_it_has_told(tmp_path: Path, kills: int) -> None:
    """kill -9 at any moment of writing, folding, cleaning: every told commit is there, whole."""
    random.seed(kills)
    told = 0
    for _ in range(kills):
        if told >= 290:
            for file in (tmp_path / "segments").iterdir():
                file.unlink()
            for file in tmp_path.glob("catalogue*"):
                file.unlink()
            told = 0
        writer = run_writer(tmp_path)
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(random.random() * 0.2)
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split()
        writer.wait()
        writer.stdout.close()
        told = max([told, *map(int, [*first.split(), *rest])])
        store = LocalStore(tmp_path)
        kept = store.read(KEYS)
        assert told <= store.last_commit() <= told + 1
        assert len(kept.dates) == store.last_commit()
        np.testing.assert_array_equal(kept.values, make_values(DAYS[: len(kept.dates)]))
        assert store.verify() == []
        store.close()


MANY = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    import numpy as np, pandas as pd
    from engine.storage.local import Block, LocalStore
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
    print(day)
    """
)
READ = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    import numpy as np
    from engine.core.errors import DataError
    from engine.storage.local import LocalStore
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
    """Nothing is lost, torn or there twice."""
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
    store = LocalStore(tmp_path)
    assert store.last_commit() == sum(told[:writers])
    for who in range(writers):
        kept = store.read([f"{who} {k}" for k in range(3)])
        days = np.arange(told[who])
        np.testing.assert_array_equal(kept.values[1, :, 7], 10000.0 * who + days)
    assert store.verify() == []
    store.close()
    assert min(told) > 0
