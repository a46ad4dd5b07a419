"""What befalls a store: each fault is named, nothing is silently wrong; the way back is told."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from stored import DAYS, KEYS, NAMES, block, make_values

from engine import Block, Kept, LocalStore, Record
from engine.core import sqlite
from engine.core.errors import ConfigError, DataError, EngineError
from engine.storage import CatalogueError, Damage, mend_catalogue

CATALOGUE = "catalogue.sqlite"


def one_file(store: LocalStore) -> Path:
    (file,) = store.files.iterdir()
    return file


def flip(file: Path, place: int = -5) -> None:
    """Flip a bit of a file, as a bad disk would; who looks at its time sees that it was changed."""
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)


# ── files ────────────────────────────────────────────────────────────────────────────────────────


def test_a_flipped_bit_is_named_before_it_is_read_and_takes_one_factor_out(
    store: LocalStore,
) -> None:
    store.write([block(0, 5)])
    file = one_file(store)
    flip(file)
    with closing(LocalStore(store.path)) as again:
        told = (
            rf"{file.name}: damaged, where it held value; type engine store verify --mend to take "
            "it out, and it is computed again"
        )
        with pytest.raises(DataError, match=told):
            again.read(["momentum"])
        assert again.verify() == [Damage(file, ("value",))]
        again.mend(again.verify())
        with pytest.raises(DataError, match="nothing is kept for 'value'; compute it first"):
            again.read(KEYS)
        kept = again.read(["momentum"]).values
        np.testing.assert_array_equal(kept, make_values(DAYS[:5])[:1])
        assert again.verify() == []
    with closing(LocalStore(store.path)) as later:
        np.testing.assert_array_equal(later.read(["momentum"]).values, kept)
        later.write([block(5, 6)])
        assert later.read(["value"]).dates.equals(DAYS[5:6])


def test_mended_values_are_not_replaced_by_what_they_superseded(store: LocalStore) -> None:
    """Under a damaged restatement lie the values that it corrected: they are not read again."""
    store.write([block(0, 5)])
    first = one_file(store)
    store.write([block(2, 4, plus=0.5)])
    (second,) = {*store.files.iterdir()} - {first}
    flip(second)
    (damage,) = store.verify()
    assert damage == Damage(second, ("value",))
    store.mend([damage])
    with pytest.raises(DataError, match="nothing is kept for 'value'"):
        store.read(["value"])
    expected = make_values(DAYS[:5])[:1]
    expected[:, 2:4] += 0.5
    np.testing.assert_array_equal(store.read(["momentum"]).values, expected)


def test_another_process_hears_of_what_was_mended(store: LocalStore) -> None:
    store.write([block(0, 5)])
    with closing(LocalStore(store.path)) as other:
        other.read(KEYS)
        flip(one_file(store))
        store.mend(store.verify())
        with pytest.raises(DataError, match="nothing is kept for 'value'"):
            other.read(KEYS)
        np.testing.assert_array_equal(other.read(["momentum"]).values, make_values(DAYS[:5])[:1])


def test_all_keys_that_are_not_kept_are_named_up_to_five(store: LocalStore) -> None:
    store.write([block(0, 5)])
    with pytest.raises(DataError, match="nothing is kept for 'a', 'b'; compute it first"):
        store.read(["a", "momentum", "b"])
    with pytest.raises(DataError, match="'4' and 4 others; compute it first"):
        store.read([str(k) for k in range(9)])


def test_a_bit_that_flips_below_an_unchanged_time_is_found_by_verify(store: LocalStore) -> None:
    store.write([block(0, 5)])
    file = one_file(store)
    told = file.stat()
    with file.open("r+b") as opened:
        opened.seek(-5, os.SEEK_END)
        byte = opened.read(1)[0]
        opened.seek(-5, os.SEEK_END)
        opened.write(bytes([byte ^ 1]))
    os.utime(file, ns=(told.st_atime_ns, told.st_mtime_ns))
    with closing(LocalStore(store.path)) as again:
        again.read(KEYS)
        assert [damage.keys for damage in again.verify()] == [("value",)]


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("size", [0, 64, 200, 4000])
def test_a_file_that_was_cut_is_named(store: LocalStore, size: int, compact: bool) -> None:
    store.write([block(0, 260)])
    if compact:
        store.compact()
        store.vacuum(lease=0.0)
    file = one_file(store)
    os.truncate(file, size)
    with closing(LocalStore(store.path)) as again:
        with pytest.raises(DataError, match=rf"{file.name}: .*momentum, value; .*--mend"):
            again.read(KEYS)
        assert again.verify() == [Damage(file, KEYS)]
        again.mend(again.verify())
        assert again.verify() == []


def test_a_file_that_is_missing_is_named(store: LocalStore) -> None:
    store.write([block(0, 5)])
    file = one_file(store)
    file.unlink()
    with closing(LocalStore(store.path)) as again:
        told = f"{file.name}: is missing, where it held momentum, value; type engine store verify"
        with pytest.raises(DataError, match=told):
            again.read(KEYS)
        assert again.verify() == [Damage(file, KEYS)]


def test_any_bit_of_a_compressed_file_may_flip(store: LocalStore) -> None:
    """The values are told to be damaged, or they are what was written."""
    store.write([block(0, 260)])
    store.compact()
    store.vacuum(lease=0.0)
    file = one_file(store)
    content, expected, named = file.read_bytes(), make_values(DAYS[:260]), 0
    random.seed(5)
    for _ in range(60):
        changed = bytearray(content)
        changed[random.randrange(len(content))] ^= 1 << random.randrange(8)
        file.write_bytes(changed)
        with closing(LocalStore(store.path)) as again:
            try:
                np.testing.assert_array_equal(again.read(KEYS).values, expected)
            except DataError as error:
                assert file.name in str(error)  # noqa: PT017
                assert again.verify()[0].file == file
                named += 1
    assert named > 20


def test_a_file_that_was_copied_back_is_checked_and_read(store: LocalStore) -> None:
    """A restored backup has other stamps, and the same content."""
    store.write([block(0, 5)])
    file = one_file(store)
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content)
    for _ in range(2):
        with closing(LocalStore(store.path)) as again:
            np.testing.assert_array_equal(again.read(KEYS).values, make_values(DAYS[:5]))


# ── the catalogue ────────────────────────────────────────────────────────────────────────────────


def build(path: Path) -> None:
    """Forty commits with records, a fold and a restatement; the last ten are in no copy."""
    with closing(LocalStore(path)) as store:
        store.write([block(0, 10)], records=[Record("factor", "momentum", "rank(close)")])
        for day in range(10, 48):
            store.write([block(day, day + 1)], records=[Record("state", "last", str(day))])
            store.fold()
        change = Record("factor", "momentum", "rank(open)")
        store.write([block(3, 6, ("B",), plus=0.5)], records=[change])


def look(store: LocalStore) -> tuple[list[Kept], list[dict[str, str]]]:
    values = [store.read(KEYS, as_of=commit) for commit in (None, 1, 20, 35)]
    return values, [store.records(k, n) for k in ("factor", "state") for n in (None, 5)]


@pytest.mark.parametrize("flips", [80, pytest.param(5000, marks=pytest.mark.long)])
def test_any_bit_of_the_catalogue_may_flip(tmp_path: Path, flips: int) -> None:
    """It is told to be damaged, or values and records are what was written."""
    build(tmp_path)
    with closing(LocalStore(tmp_path)) as store:
        values, records = look(store)
    content, named = (tmp_path / CATALOGUE).read_bytes(), 0
    random.seed(flips)
    for _ in range(flips):
        changed = bytearray(content)
        changed[random.randrange(len(content))] ^= 1 << random.randrange(8)
        for file in tmp_path.glob(f"{CATALOGUE}-*"):
            file.unlink()
        (tmp_path / CATALOGUE).write_bytes(changed)
        try:
            with closing(LocalStore(tmp_path)) as store:
                kept, texts = look(store)
        except EngineError as error:
            assert "catalogue.sqlite: " in str(error)  # noqa: PT017
            named += 1
            continue
        assert texts == records
        for one, other in zip(kept, values, strict=True):
            assert one.dates.equals(other.dates)
            assert one.symbols == other.symbols
            np.testing.assert_array_equal(one.values, other.values)
    assert named > flips / 30


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def overwrite(file: Path) -> None:
    file.write_bytes(b"no database at all" * 1000)


def spoil(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4096:8192] = bytes(4096)
    file.write_bytes(content)


def empty(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        (cut, ""),
        (overwrite, "file is not a database"),
        (spoil, ""),
        (empty, "it is missing, and only it can tell of the 21 files of .*segments"),
        (Path.unlink, "it is missing, and only it can tell of the 21 files of .*segments"),
    ],
)
def test_a_damaged_catalogue_is_named_and_its_copy_takes_its_place(
    tmp_path: Path, harm: Callable[[Path], None], what: str
) -> None:
    """The copy is of the last fold: what was committed since is said to be lost."""
    build(tmp_path)
    with closing(LocalStore(tmp_path)) as store:
        store.vacuum(lease=0.0)
        store.write([block(48, 49)])
        expected = store.read(KEYS, as_of=40).values
    harm(tmp_path / CATALOGUE)
    told = rf"catalogue\.sqlite: damaged \({what}.*\); type engine store verify --mend to go on"
    with pytest.raises(CatalogueError, match=told):
        LocalStore(tmp_path)
    mended = mend_catalogue(tmp_path)
    assert (mended.commit, mended.lost) == (40, 1)
    assert mended.aside is not None
    assert mended.aside.parent == tmp_path
    with closing(LocalStore(tmp_path)) as store:
        np.testing.assert_array_equal(store.read(KEYS).values, expected)
        assert store.records("factor") == {"momentum": "rank(open)"}
        assert store.verify() == []
        assert store.write([block(48, 49)]) == 42  # a number is never given twice


def test_a_damaged_catalogue_does_not_become_the_copy(tmp_path: Path) -> None:
    build(tmp_path)
    copy = (tmp_path / "catalogue.copy").read_bytes()
    content = (tmp_path / CATALOGUE).read_bytes()
    (tmp_path / CATALOGUE).write_bytes(content.replace(b"rank(open)", b"rank(oper)"))
    with (
        closing(LocalStore(tmp_path)) as store,
        pytest.raises(CatalogueError, match="of factor 'momentum' has changed"),
    ):
        store.vacuum()
    assert (tmp_path / "catalogue.copy").read_bytes() == copy


def test_without_a_copy_nothing_is_kept_and_the_damaged_one_is(tmp_path: Path) -> None:
    with closing(LocalStore(tmp_path)) as store:
        store.write([block(0, 5)])
    overwrite(tmp_path / CATALOGUE)
    mended = mend_catalogue(tmp_path)
    assert (mended.commit, mended.lost) == (0, 1)
    assert mended.aside is not None
    assert (mended.aside / CATALOGUE).read_bytes().startswith(b"no database")
    with closing(LocalStore(tmp_path)) as store, pytest.raises(DataError, match="nothing is kept"):
        store.read(KEYS)


def test_a_catalogue_that_is_well_is_left_alone(tmp_path: Path) -> None:
    build(tmp_path)
    mended = mend_catalogue(tmp_path)
    assert (mended.aside, mended.commit, mended.lost) == (None, 40, 0)
    assert not [*tmp_path.glob("damaged-*")]


@pytest.mark.parametrize("harm", [Path.unlink, cut, overwrite])
def test_a_log_that_was_lost_is_named(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    """The last commits are in the log alone: without it SQLite goes on as if nothing were wrong."""
    store = LocalStore(tmp_path / "at work")
    store.write([block(0, 5)], records=[Record("factor", "momentum", "rank(close)")])
    store.write([block(5, 6)])
    crashed = tmp_path / "crashed"
    shutil.copytree(store.path, crashed)
    store.close()
    harm(crashed / f"{CATALOGUE}-wal")
    (crashed / f"{CATALOGUE}-shm").unlink()
    with pytest.raises(CatalogueError, match=r"it knows . commits of 2: its log was lost"):
        LocalStore(crashed)
    mended = mend_catalogue(crashed)
    assert mended.commit + mended.lost == 2
    with closing(LocalStore(crashed)) as again:
        assert again.last_commit() == mended.commit
        assert again.write([block(6, 7)]) == 3


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    LocalStore(tmp_path).close()
    for version, age in ((99, "a newer"), (1, "an older")):
        with sqlite3.connect(tmp_path / CATALOGUE) as connection:
            connection.execute(f"PRAGMA user_version = {version}")
        told = rf"of {age} version of the engine \(format {version}, this one has 2\); use that"
        with pytest.raises(DataError, match=told):
            LocalStore(tmp_path)


# ── the disk ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(words, check=False).returncode:
        pytest.skip("a full and a read-only disk are tried on a tmpfs, which only root mounts")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path, free: int) -> Path:
    """Fill a disk but for some bytes."""
    ballast = disk / "ballast"
    ballast.unlink(missing_ok=True)
    told = os.statvfs(disk)
    with ballast.open("wb") as file:
        file.write(bytes(max(told.f_bavail * told.f_frsize - free, 0)))
    return ballast


def large(start: int, stop: int) -> Block:
    names = tuple(f"{letter}{k}" for letter in "ABC" for k in range(40))
    return Block(KEYS, DAYS[start:stop], names, make_values(DAYS[start:stop], names))


def test_a_full_disk_is_named_and_nothing_of_the_write_is_kept(disk: Path) -> None:
    with closing(LocalStore(disk / "store")) as store:
        store.write([large(0, 50)])
        ballast = fill(disk, 100_000)
        told = r"store\.path=.*: the disk is full \(0\.[01] MB free\) where .*\.npy\.part is "
        with pytest.raises(
            ConfigError, match=told + ".*unharmed; make room, type engine store vac"
        ):
            store.write([large(50, 60), large(60, 250)])
        assert len(list(store.files.iterdir())) == 1
        assert store.last_commit() == 1
        assert store.read(KEYS).dates.equals(DAYS[:50])
        assert store.verify() == []
        ballast.unlink()
        assert store.write([large(50, 60)]) == 2
        assert store.read(KEYS).dates.equals(DAYS[:60])


def test_a_store_on_a_full_disk_is_opened_and_read(disk: Path) -> None:
    with closing(LocalStore(disk / "store")) as store:
        store.write([block(0, 5)])
    ballast = fill(disk, 0)
    with closing(LocalStore(disk / "store")) as store:
        np.testing.assert_array_equal(store.read(KEYS).values, make_values(DAYS[:5]))
        assert store.verify() == []
        with pytest.raises(
            ConfigError, match=r"the disk is full \(0\.0 MB free\) where .*segments is"
        ):
            store.write([block(5, 6)])
    with pytest.raises(ConfigError, match=r"path=.*new: the disk is full \(0\.0 MB free\)"):
        LocalStore(disk / "new")
    ballast.unlink()
    with closing(LocalStore(disk / "store")) as store:
        assert store.write([block(5, 6)]) == 2


def test_a_disk_that_fills_up_at_any_moment_does_no_harm(disk: Path) -> None:
    """Writes, folds and compacting with ever less room: each is done whole, or not at all."""
    failed = {"write": 0, "fold": 0, "compact": 0}
    with closing(LocalStore(disk / "store")) as store:
        store.write([large(0, 252)])
        days = 252
        for free in range(0, 140_000, 4096):
            for name in ("write", "fold", "compact"):
                ballast = fill(disk, free)
                try:
                    if name == "write":
                        store.write([large(days, days + 1)], records=[Record("a", "b", str(days))])
                        days += 1
                    else:
                        getattr(store, name)()
                except ConfigError as error:
                    assert "the disk is full" in str(error)  # noqa: PT017
                    failed[name] += 1
                kept = store.read(KEYS)
                assert kept.dates.equals(DAYS[:days])
                np.testing.assert_array_equal(kept.values, make_values(DAYS[:days], kept.symbols))
                assert store.records("a") == ({"b": str(days - 1)} if days > 252 else {})
                ballast.unlink()
        assert failed["write"] >= 2
        assert failed["compact"] >= 2
        assert days > 262
        store.compact()
        store.vacuum(lease=0.0)
        assert store.verify() == []
        assert not list(store.files.glob("*.part"))


def test_a_folder_that_may_only_be_read_is_read(disk: Path) -> None:
    path = disk / "a store"
    with closing(LocalStore(path)) as store:
        store.write([block(0, 260)], records=[Record("factor", "momentum", "rank(close)")])
        store.compact()
        store.write([Block(("size",), DAYS[:260], NAMES, np.ones((1, 260, 3)))])
        for day in range(260, 285):
            store.write([block(day, day + 1)])
    os.utime(next(path.glob("segments/*.parquet")))  # it is checked, which cannot be noted
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for _ in range(2):
        with closing(LocalStore(path)) as store:
            assert store.is_read_only
            np.testing.assert_array_equal(store.read(KEYS).values, make_values(DAYS[:285]))
            assert store.records("factor") == {"momentum": "rank(close)"}
            assert store.verify() == []
            assert store.stats().commits == 27
            for change in (
                lambda: store.write([block(285, 286)]),
                store.fold,
                store.compact,
                store.vacuum,
                lambda: store.mend([]),
            ):
                told = r"store\.path=.*: cannot be written \(.*could only be read\); name"
                with pytest.raises(ConfigError, match=told):
                    change()
    with pytest.raises(ConfigError, match=r"new: cannot be written \(Read-only file system\)"):
        LocalStore(disk / "new")


def test_a_log_in_a_folder_that_may_only_be_read_is_not_overlooked(disk: Path) -> None:
    with closing(LocalStore(disk / "at work")) as store:
        store.write([block(0, 5)])
        shutil.copytree(store.path, disk / "copy")
    (disk / "copy" / f"{CATALOGUE}-shm").unlink()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(
        DataError, match=r"its last commits are in catalogue\.sqlite-wal, and a fol"
    ):
        LocalStore(disk / "copy")


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


def test_a_write_that_fails_half_way_leaves_nothing_and_the_store_goes_on(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store._catalogue, "_axis", fail)
        with pytest.raises(KeyboardInterrupt):
            store.write([block(0, 5)])
    assert store.last_commit() == 0
    assert not list(store.files.iterdir())
    other = Block(("size",), DAYS[:5], NAMES, np.ones((1, 5, 3)))
    with closing(LocalStore(store.path)) as another:
        another.write([other])  # the number that `momentum` was given in vain
    assert store.write([block(0, 5)]) == 2
    with closing(LocalStore(store.path)) as again:
        np.testing.assert_array_equal(again.read(KEYS).values, make_values(DAYS[:5]))
        np.testing.assert_array_equal(again.read(["size"]).values, other.values)
