"""The properties of a store: what an open one has to do.

Values and records are written under names of their own, which no factor has; where a store keeps
them in a folder of the user's by default, it is asked with another one.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd

from engine.checks.plugin import check_config
from engine.checks.verdict import Broken, Check
from engine.core.errors import EngineError
from engine.core.keeping import Block, OpenStore, Record, Store, Values
from engine.core.places import STORE

DAYS = pd.bdate_range("2020-01-01", periods=12, tz="UTC")
NAMES = ("A", "B", "C")
KIND = "kit"
ATTACKS = ("../up", "a'; DROP TABLE records; --", '"q"', "x" * 300, "🚀", "a/b", "%s {}", "CON", "")
WRITERS, COMMITS = 2, 5


def store_checks(plugin: Store) -> list[Check]:
    """Return the checks of a store; of one that keeps nothing, its configuration alone."""
    with _elsewhere():
        opened = plugin.open()
    if opened is None:
        return [("config", lambda: check_config(plugin))]
    opened.close()
    found: list[Check] = [("config", lambda: check_config(plugin))]
    for name, test in CHECKS.items():
        found.append((name, _asking(plugin, test)))
    return found


@contextmanager
def _elsewhere() -> Iterator[None]:
    """With another folder for stores than the user's."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="kit-") as folder:
        os.environ |= {"XDG_CACHE_HOME": folder, STORE: os.path.join(folder, "store")}
        try:
            yield
        finally:
            for name in ("XDG_CACHE_HOME", STORE):
                os.environ.pop(name)
            os.environ |= before


def _asking(plugin: Store, test: Callable[[_Asked], None]) -> Callable[[], None]:
    def ask() -> None:
        with _elsewhere():
            asked = _Asked(plugin)
            try:
                test(asked)
            finally:
                asked.store.close()

    return ask


@dataclass
class _Asked:
    """A store that is asked, and a prefix that nobody else has."""

    plugin: Store
    own: str = field(default_factory=lambda: f"kit {uuid4().hex}")

    def __post_init__(self) -> None:
        self.store = self.open()

    def open(self) -> OpenStore:
        opened = self.plugin.open()
        if opened is None:
            raise Broken("opens once, and then not again: open() gives a store each time")
        return opened

    def key(self, name: str) -> str:
        return f"{self.own} {name}"

    def block(self, values: Values, first: int = 0, names: Sequence[str] = NAMES) -> Block:
        """Values of keys named 0, 1 …, from a day on."""
        keys = tuple(self.key(str(k)) for k in range(len(values)))
        return Block(keys, DAYS[first : first + values.shape[1]], tuple(names), values)

    def read(self, as_of: int | None = None, **span: Any) -> Values:
        """The values of key 0, shape (T, N)."""
        values: Values = self.store.read([self.key("0")], as_of=as_of, **span).values[0]
        return values


def _values(factors: int = 2, rows: int = 4, plus: float = 0.0, dtype: str = "float64") -> Values:
    count = factors * rows * len(NAMES)
    made = np.arange(count, dtype=dtype).reshape(factors, rows, len(NAMES)) + plus
    made[:, -1, 1] = np.nan
    return made


def _same(found: Values, wanted: Values, what: str) -> None:
    if found.shape != wanted.shape:
        raise Broken(f"{what}: shape {found.shape} came back, {wanted.shape} was written")
    bits = f"i{wanted.itemsize}"
    if found.dtype != wanted.dtype:
        raise Broken(f"{what}: {found.dtype} came back, {wanted.dtype} was written")
    equal = np.ascontiguousarray(found).view(bits) == np.ascontiguousarray(wanted).view(bits)
    wrong = np.argwhere(~(equal | (np.isnan(found) & np.isnan(wanted))))
    if len(wrong):
        at = tuple(int(k) for k in wrong[0])
        raise Broken(
            f"{what}: at {at} is {float(found[at])!r}, and {float(wanted[at])!r} was written"
        )


def _check_values(asked: _Asked) -> None:
    """What was written is read, to the bit; NaN too, in both types, and any keys in any order."""
    for dtype in ("float64", "float32"):
        asked.own = f"kit {uuid4().hex}"
        values = _values(dtype=dtype) / np.dtype(dtype).type(3)
        asked.store.write([asked.block(values)])
        kept = asked.store.read([asked.key("1"), asked.key("0")])
        _same(kept.values, values[::-1], dtype)
        if kept.symbols != NAMES or not kept.dates.equals(DAYS[:4]):
            raise Broken(f"came back on {kept.symbols} and {len(kept.dates)} dates")


def _check_span(asked: _Asked) -> None:
    """`first` and `last` are both among what is read; outside of it is nothing."""
    values = _values(1, 6)
    asked.store.write([asked.block(values)])
    _same(asked.read(first=DAYS[1], last=DAYS[3]), values[0, 1:4], "from the 2nd to the 4th date")
    if len(asked.read(first=DAYS[8])):
        raise Broken("gives dates that nobody wrote")


def _check_order(asked: _Asked) -> None:
    """Later values lie on top, of some dates and symbols; NaN too; earlier ones are as_of."""
    base = _values(1, 4)
    first = asked.store.write([asked.block(base)])
    top = np.array([[[np.nan, 50.0]]])
    second = asked.store.write([asked.block(top, 2, ("A", "C"))])
    third = asked.store.write([asked.block(_values(1, 1, 100.0), 4)])
    if not first < second < third or asked.store.last_commit() < third:
        raise Broken(f"commits are numbered {first}, {second}, {third}: let the numbers rise")
    wanted = base[0].copy()
    wanted[2, [0, 2]] = top
    _same(asked.read(as_of=first), base[0], "as of the first commit")
    _same(asked.read(as_of=second), wanted, "as of the second commit")
    _same(asked.read(), np.vstack([wanted, _values(1, 1, 100.0)[0]]), "now")


def _check_axes(asked: _Asked) -> None:
    """Symbols and dates that come later are NaN before."""
    asked.store.write([asked.block(_values(1, 2))])
    asked.store.write([asked.block(np.full((1, 1, 1), 7.0), 3, ("D",))])
    kept = asked.store.read([asked.key("0")])
    if kept.symbols != ("A", "B", "C", "D") or not kept.dates.equals(DAYS[[0, 1, 3]]):
        raise Broken(f"came back on {kept.symbols} and {len(kept.dates)} dates, not on A to D")
    if not np.isnan(kept.values[0, :2, 3]).all() or not np.isnan(kept.values[0, 2, :3]).all():
        raise Broken("what nobody wrote is not NaN")


def _check_unknown(asked: _Asked) -> None:
    """A key that nobody wrote is refused, also beside one that somebody has."""
    asked.store.write([asked.block(_values(1))])
    for keys in ([asked.key("none")], [asked.key("0"), asked.key("none")]):
        try:
            asked.store.read(keys)
        except EngineError as error:
            if "none" not in str(error):
                raise Broken(f"refuses an unknown key without naming it: {error}") from None
        else:
            raise Broken("reads a key that nobody wrote: raise engine.DataError")


def _check_records(asked: _Asked) -> None:
    """Records come in the commit of the values; each has its earlier text as_of, None is out."""
    kind = asked.own

    def put(text: str | None) -> int:
        return asked.store.write([], "", [Record(kind, "a", text)])

    first = asked.store.write([asked.block(_values(1))], "", [Record(kind, "a", "one")])
    second, third = put("two"), put(None)
    found = [asked.store.records(kind, number) for number in (first, second, third)]
    if found != [{"a": "one"}, {"a": "two"}, {}] or asked.store.records(kind) != {}:
        raise Broken(f"records as of three commits are {found}")
    put("three")
    if asked.store.records(kind) != {"a": "three"} or asked.store.records(f"{kind} other"):
        raise Broken("a record that was taken out does not come back, or kinds are mixed")


class _Breaking(Sequence[Record]):
    """Records of which the second cannot be had."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __len__(self) -> int:
        return 2

    def __getitem__(self, place: Any) -> Any:
        if place == 0:
            return Record(self.kind, "a", "half")
        raise RuntimeError("no such record")


def _check_whole(asked: _Asked) -> None:
    """A write that fails leaves nothing behind, and the store goes on."""
    before = asked.store.last_commit()
    with suppress(RuntimeError):
        asked.store.write([asked.block(_values(1))], "", _Breaking(asked.own))
    if asked.store.records(asked.own) or asked.store.last_commit() != before:
        raise Broken("half of a write that failed is kept: write all of it, or nothing")
    asked.store.write([asked.block(_values(1))])
    _same(asked.read(), _values(1)[0], "after a write that failed")


def _check_names(asked: _Asked) -> None:
    """Keys and names of records are text: no path, no command."""
    wanted = {}
    for k, name in enumerate(ATTACKS):
        values = np.full((1, 1, 1), float(k))
        block = Block((asked.key(name),), DAYS[:1], ("A",), values)
        asked.store.write([block], name, [Record(asked.own, name, name)])
        wanted[name] = name
    for k, name in enumerate(ATTACKS):
        if asked.store.read([asked.key(name)]).values.ravel().tolist() != [float(k)]:
            raise Broken(f"the values of {name[:20]!r} are another key's")
    if asked.store.records(asked.own) != wanted:
        raise Broken("a record's name or text came back as another one")


def _check_again(asked: _Asked) -> None:
    """Opened again, it has all that was kept; arrays that were read stay after `close`."""
    values = _values(1)
    asked.store.write([asked.block(values)], "", [Record(asked.own, "a", "text")])
    read = asked.read()
    asked.store.close()
    _same(read, values[0], "after close()")
    asked.store = asked.open()
    _same(asked.read(), values[0], "opened again")
    if asked.store.records(asked.own) != {"a": "text"}:
        raise Broken("opened again, a record is lost")


def _check_two(asked: _Asked) -> None:
    """Who has it open sees what another one commits."""
    other = asked.open()
    try:
        other.write([asked.block(_values(1))], "", [Record(asked.own, "a", "theirs")])
        _same(asked.read(), _values(1)[0], "written by another")
        if asked.store.records(asked.own) != {"a": "theirs"}:
            raise Broken("a record of another is not seen")
    finally:
        other.close()


def _write_some(plugin: Store, own: str, writer: int) -> None:
    """What a process of its own writes."""
    store = plugin.open()
    assert store is not None
    for k in range(COMMITS):
        values = np.full((1, 1, 1), 100.0 * writer + k)
        block = Block((f"{own} {writer} {k}",), DAYS[:1], ("A",), values)
        store.write([block], "", [Record(own, f"{writer} {k}", "there")])
    store.close()


def _check_processes(asked: _Asked) -> None:
    """Several processes write at once, and nothing is lost."""
    context = multiprocessing.get_context("spawn")
    writers = [
        context.Process(target=_write_some, args=(asked.plugin, asked.own, number))
        for number in range(WRITERS)
    ]
    for each in writers:
        each.start()
    _write_some(asked.plugin, asked.own, WRITERS)
    for each in writers:
        each.join()
    if any(each.exitcode for each in writers):
        raise Broken("a process that writes beside others ends with an error: let it wait")
    everyone = [(w, k) for w in range(WRITERS + 1) for k in range(COMMITS)]
    if set(asked.store.records(asked.own)) != {f"{w} {k}" for w, k in everyone}:
        raise Broken("of what several processes wrote, records are lost")
    kept = asked.store.read([asked.key(f"{w} {k}") for w, k in everyone])
    if kept.values.ravel().tolist() != [100.0 * w + k for w, k in everyone]:
        raise Broken("of what several processes wrote, values are lost")


CHECKS: dict[str, Callable[[_Asked], None]] = {
    "values": _check_values,
    "span": _check_span,
    "on top": _check_order,
    "axes": _check_axes,
    "unknown keys": _check_unknown,
    "records": _check_records,
    "whole or not": _check_whole,
    "names": _check_names,
    "opened again": _check_again,
    "two at once": _check_two,
    "processes": _check_processes,
}
