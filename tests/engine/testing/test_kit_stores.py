"""Stores that break one property each: the kit names it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from kit import broken

import engine
from engine.testing import check_store, verdicts


class Odd(engine.LocalStore):
    """A store that is broken by `how`."""

    how: str = ""

    def write(
        self,
        blocks: Sequence[engine.Block],
        what: str = "",
        records: Sequence[engine.Record] = (),
    ) -> int:
        if self.how == "rounds":
            blocks = [
                engine.Block(b.keys, b.dates, b.symbols, np.round(b.values, 6)) for b in blocks
            ]
        if self.how == "zeros":
            blocks = [
                engine.Block(b.keys, b.dates, b.symbols, np.nan_to_num(b.values)) for b in blocks
            ]
        if self.how == "halves" and records:
            super().write(blocks, what)
            return super().write([], what, records[:1] and [records[0]])
        if self.how == "loses":
            records = [each for each in records if each.text is not None]
        return super().write(blocks, what, records)

    def read(
        self, keys: Sequence[str], first: Any = None, last: Any = None, as_of: int | None = None
    ) -> engine.Kept:
        if self.how == "forgets":
            as_of = None
        if self.how == "invents" and any("none" in key for key in keys):
            keys = [key for key in keys if "none" not in key] or [*self._catalogue.names().values()]
        if self.how == "late":
            last = None
        return super().read(keys, first, last, as_of)


@dataclass(frozen=True)
class Broken(engine.Store):
    """A store in a folder of its own."""

    name: ClassVar[str] = "broken"
    how: str = engine.option("", "what is wrong with it")
    path: str = engine.option("", "the folder")

    def open(self) -> Any:
        store = Odd(Path(self.path))
        store.how = self.how
        return store


@pytest.mark.parametrize(
    ("how", "property", "message"),
    [
        ("rounds", "values", "was written"),
        ("zeros", "values", "nan was written"),
        ("forgets", "on top", "as of the first commit"),
        ("invents", "unknown keys", "reads a key that nobody wrote"),
        ("late", "span", "shape"),
        ("loses", "records", "records as of three commits"),
        ("halves", "whole or not", "half of a write that failed is kept"),
    ],
)
def test_what_a_store_does_wrong_is_named(
    how: str, property: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.checks.store.WRITERS", 0)
    with tempfile.TemporaryDirectory() as folder:
        found = broken(Broken(how, folder))
    assert message in found.get(property, ""), found


def test_a_number_that_a_failed_commit_gave_is_given_once(tmp_path: Path) -> None:
    store, day = engine.LocalStore(tmp_path), pd.DatetimeIndex(["2020-01-01"], tz="UTC")

    def block(key: str, value: float) -> engine.Block:
        return engine.Block((key,), day, ("A",), np.full((1, 1, 1), value))

    with pytest.raises(AttributeError):
        store.write([block("one", 1.0)], "", [None])  # type: ignore[list-item]
    store.write([block("one", 1.0)])
    engine.LocalStore(tmp_path).write([block("two", 2.0)])
    assert engine.LocalStore(tmp_path).read(["two"]).values.item() == 2.0
    assert store.read(["one"]).values.item() == 1.0


@pytest.mark.long
def test_the_users_own_store_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.plugins.stores import Local

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for named in (None, str(tmp_path / "mine"), ""):
        if named is None:
            monkeypatch.delenv("ALPHA_ENGINE_STORE")
        else:
            monkeypatch.setenv("ALPHA_ENGINE_STORE", named)
        assert "processes" in {each.property for each in verdicts(Local())}  # it is really asked
        check_store(Local())
        assert os.environ.get("ALPHA_ENGINE_STORE") == named
    assert [*tmp_path.iterdir()] == []
