"""The store of values: what was written is read, as it is and as it was, whatever befell it."""

from __future__ import annotations

import os
import random
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from stored import DAYS, KEYS, NAMES, block, make_values

from engine.core.errors import DataError
from engine.storage.local import Block, LocalStore


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
    np.testing.assert_array_equal(store.read(KEYS).values, make_values(DAYS[:300]))
    assert (
        len(store._known.segments) == 1 + 1 + 1 + 17
    )  # the first, a year, a month, days of the next


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


def test_vacuum_leaves_what_is_about_to_be_committed(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file is written before its commit: until then the catalogue knows nothing of it."""
    commit = store._catalogue.commit

    def vacuum_first(*words: Any) -> int:
        with closing(LocalStore(store.path)) as other:
            assert other.vacuum(lease=0.0) == 0
        return commit(*words)

    monkeypatch.setattr(store._catalogue, "commit", vacuum_first)
    store.write([block(0, 5)])
    np.testing.assert_array_equal(store.read(KEYS).values, make_values(DAYS[:5]))
    left = store.files / "left.npy.part"
    left.write_bytes(b"")
    os.utime(left, (0, 0))
    assert store.vacuum() == 1


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
