"""Large files, compressed: the same values, in less room; and what a store counts of itself."""

from __future__ import annotations

import os
from contextlib import closing
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from stored import DAYS, KEYS, NAMES, block, make_values

from engine import Block, LocalStore
from engine.storage import Hits, Stats
from engine.storage.cold import GROUP


def make_odd(dtype: str) -> Any:
    """Values of all bit patterns: NaNs of many payloads and signs, subnormals, infinities, -0."""
    bits = np.random.default_rng(1).integers(0, 2**63, (2, 260, 3), np.int64)
    odd = bits.view("f8") if dtype == "float64" else bits.astype("i4").view("f4")
    odd[0, :3] = np.nan, -0.0, np.inf
    if dtype == "float64":  # a NaN that signals, and one of all bits
        odd[1, 0] = np.array([0x7FF0000000000001, -1, 1], np.int64).view("f8")
    return odd


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_was_compressed_is_read_bit_for_bit(store: LocalStore, dtype: str) -> None:
    values = make_odd(dtype)
    store.write([Block(KEYS, DAYS[:260], NAMES, values)])
    assert store.compact() == 1
    assert store.stats().hot == 0
    for again in (store, LocalStore(store.path)):
        kept = again.read(KEYS).values
        assert str(kept.dtype) == dtype
        assert kept.tobytes() == values.tobytes()
        part = again.read(["value"], DAYS[GROUP - 1], DAYS[2 * GROUP]).values
        assert part.tobytes() == values[1:, GROUP - 1 : 2 * GROUP + 1].tobytes()
        assert again.verify() == []


def test_only_years_are_compressed_and_only_old_ones(store: LocalStore) -> None:
    store.write([block(0, 252)])
    store.write([block(252, 503)])
    assert store.compact(older_than=60.0) == 0
    assert store.compact() == 1
    assert store.compact() == 0
    os.utime(next(store.files.glob("*.parquet")), (0, 0))
    assert store.compact() == 0
    np.testing.assert_array_equal(store.read(KEYS).values, make_values(DAYS[:503]))


def test_commits_and_restatements_are_read_as_before(store: LocalStore) -> None:
    store.write([block(0, 260)])
    store.write([block(100, 103, ("B",), plus=0.5)])
    store.write([block(0, 255, ("A", "AB"), plus=1)])
    before = [store.read(KEYS, as_of=commit) for commit in (1, 2, 3)]
    assert store.compact() == 2
    for kept, commit in zip(before, (1, 2, 3), strict=True):
        again = store.read(KEYS, as_of=commit)
        assert again.symbols == kept.symbols
        np.testing.assert_array_equal(again.values, kept.values)


def test_one_commit_may_write_a_cell_twice_and_the_later_block_is_read(store: LocalStore) -> None:
    store.write([block(0, 260), block(5, 260, plus=0.5)])
    expected = make_values(DAYS[:260])
    expected[:, 5:] += 0.5
    np.testing.assert_array_equal(store.read(KEYS).values, expected)
    lower = min(store._known.segments.values(), key=lambda segment: segment.rank)
    store._compact(lower)  # its new row comes after the other's
    np.testing.assert_array_equal(store.read(KEYS).values, expected)


def test_a_reader_goes_on_while_files_are_compressed(store: LocalStore) -> None:
    store.write([block(0, 260)])
    with closing(LocalStore(store.path)) as reader:
        view = reader.read(KEYS)
        store.compact()
        assert store.vacuum() == 0
        assert store.vacuum(lease=0.0) == 1
        np.testing.assert_array_equal(view.values, make_values(DAYS[:260]))
        np.testing.assert_array_equal(reader.read(KEYS).values, make_values(DAYS[:260]))


def test_a_factor_that_was_taken_out_is_not_compressed(store: LocalStore) -> None:
    store.write([block(0, 260)])
    (file,) = store.files.iterdir()
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    store.mend(store.verify())
    assert store.compact() == 1
    (cold,) = store.files.glob("*.parquet")
    assert pq.read_metadata(cold).num_columns == 1
    np.testing.assert_array_equal(store.read(["momentum"]).values, make_values(DAYS[:260])[:1])
    assert store.verify() == []


def test_what_was_decoded_is_held_up_to_a_bound(store: LocalStore) -> None:
    store.write([block(0, 260)])
    store.compact()
    store._known.opened.decoded.limit = 4 * GROUP * 3 * 8
    for _ in range(2):
        np.testing.assert_array_equal(store.read(KEYS).values, make_values(DAYS[:260]))
    assert store.stats().decoded == Hits(hits=0, misses=20, bytes=(3 * GROUP + 2 * 8) * 3 * 8)
    store.read(["value"], DAYS[255], DAYS[256])
    assert store.stats().decoded.hits == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_room_is_that_of_parquet_with_zstd(store: LocalStore, dtype: str) -> None:
    values = np.random.default_rng(0).standard_normal((10, 504, 50)).astype(dtype)
    keys, names = tuple(map(str, range(10))), tuple(map(str, range(50)))
    store.write([Block(keys, DAYS[:504], names, values)])
    hot = store.stats().hot
    store.compact()
    store.vacuum(lease=0.0)
    cold = store.stats()
    columns = {key: values[int(key)].ravel() for key in keys}
    pq.write_table(pa.table(columns), store.path / "peer.parquet", compression="zstd")
    assert cold.cold <= 1.3 * (store.path / "peer.parquet").stat().st_size
    assert (cold.hot, cold.cold < 0.96 * hot) == (0, True)


# ── views ────────────────────────────────────────────────────────────────────────────────────────


def base(values: Any) -> Any:
    while isinstance(values.base, np.ndarray):
        values = values.base
    return values.base


@pytest.mark.parametrize("keys", [KEYS, ("value",)])
def test_what_one_file_holds_is_a_view_of_it(store: LocalStore, keys: tuple[str, ...]) -> None:
    store.write([block(0, 260)])
    for kept in (store.read(keys), store.read(keys, DAYS[3], DAYS[50])):
        assert type(base(kept.values)).__name__ == "mmap"
        with pytest.raises(ValueError, match="read-only"):
            kept.values[0, 0, 0] = 1.0
        with pytest.raises(ValueError, match="WRITEABLE"):
            kept.values.flags.writeable = True


def test_nothing_that_was_read_can_be_written_to(store: LocalStore) -> None:
    """So that it does not matter whether it was copied, nor changes what a store holds decoded."""
    store.write([block(0, 260)])
    store.write([block(260, 261)])
    copied = [store.read(KEYS).values, store.read(("value", "momentum")).values]
    store.write([Block(("size",), DAYS[:2], ("D",), np.ones((1, 2, 1)))])
    copied.append(store.read(("size", "value")).values)
    store.compact()
    copied += [store.read(["value"], DAYS[0], DAYS[9]).values, store.read(KEYS).values]
    for values in copied:
        with pytest.raises(ValueError, match="read-only"):
            values[0, 0, 0] = 1.0


def test_each_key_is_a_view_whatever_the_others_are(store: LocalStore) -> None:
    store.write([block(0, 260)])
    other = Block(("size",), DAYS[3:9], ("B", "D"), np.ones((1, 6, 2)))
    store.write([other])
    found = store.read_each(["value", "size", "momentum"], first=DAYS[4])
    assert {*found} == {"momentum", "size", "value"}
    for k, key in enumerate(KEYS):
        assert found[key].dates.equals(DAYS[4:260])
        np.testing.assert_array_equal(found[key].values, make_values(DAYS[4:260])[k : k + 1])
    assert found["size"].symbols == ("B", "D")
    assert found["size"].values.shape == (1, 5, 2)
    assert {type(base(kept.values)).__name__ for kept in found.values()} == {"mmap"}


def test_types_that_differ_are_read_as_the_one_that_holds_both(store: LocalStore) -> None:
    store.write([block(0, 5, dtype="float32")])
    exact = Block(("value",), DAYS[5:6], NAMES, np.full((1, 1, 3), 1 / 3))
    store.write([exact])
    kept = store.read(["value"]).values
    assert str(kept.dtype) == "float64"
    assert (kept[0, 5] == 1 / 3).all()


# ── counts ───────────────────────────────────────────────────────────────────────────────────────


def test_a_store_counts_what_it_holds(store: LocalStore) -> None:
    store.write([block(0, 252)])
    for day in range(252, 274):
        store.write([block(day, day + 1)])
    assert store.fold() == 21
    store.compact()
    store.read(KEYS)
    store.read(KEYS)
    told = store.stats()
    head = 128
    day, year = 2 * 3 * 8, 252 * 2 * 3 * 8
    assert told == Stats(
        hot=21 * day + day + 2 * head,
        cold=next(store.files.glob("*.parquet")).stat().st_size,
        gone=year + head + 21 * (day + head),
        files=3,
        series=2,
        commits=23,
        stack=3,
        catalogue=sum(f.stat().st_size for f in store.path.glob("catalogue.sqlite*")),
        maps=Hits(hits=3, misses=21 + 1 + 3, bytes=22 * day),
        decoded=Hits(hits=8, misses=8, bytes=year),
    )
    assert store.vacuum(lease=0.0) == 22
    assert store.stats().gone == 0
