"""Which files, databases and addresses code opens: what it reads beside what it was given.

Python tells of each in an audit event; what a compiled library opens by itself is not told. A
file that was written in the same breath, code, and what belongs to Python, its packages or the
system are no data.
"""

from __future__ import annotations

import dataclasses
import glob
import importlib.util
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.core.kinds import Kind
from engine.core.places import user_cache
from engine.plugin.provenance import OURS

CODE = (".py", ".pyc", ".so", ".pyd", ".pth", ".nbi", ".nbc")  # the last two are numba's
ABOUT_CODE = (".dist-info", ".egg-info")
OWN_THREADS = "engine-"  # which write what stages left, meanwhile
SYSTEM = ("/usr", "/lib", "/lib64", "/proc", "/sys", "/dev", "/etc", "/run", "/opt")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
ASKING = {"socket.connect": 1, "sqlite3.connect": 0, "subprocess.Popen": 0}  # to their argument
MACHINE = "subprocess lscpu"  # by which joblib, and so scikit-learn, counts cores


@dataclass
class Opened:
    """What was opened inside of `watching`."""

    read: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)

    def find_undeclared(self, declared: Iterable[Path] = ()) -> list[str]:
        """What was read that is neither declared nor code nor the system's, in order."""
        allowed = [*_roots(), *(os.path.realpath(place) for place in declared)]
        files = {os.path.realpath(file) for file in self.read - self.written}
        strange = {
            file
            for file in files
            if not _is_code(file) and not any(_is_in(file, root) for root in allowed)
        }
        return sorted(strange | self.asked)


def find_file_options(cls: type) -> Iterator[str]:
    """Return the names of the options that are files to be read."""
    return (each.name for each in dataclasses.fields(cls) if each.metadata.get("file"))


def list_places(value: Any) -> Iterator[Path]:
    """Return a file or folder, or those that a pattern, a list or a mapping names."""
    if isinstance(value, str):
        named = Path(value).expanduser()
        if value:
            yield from [named] if named.exists() else map(Path, sorted(glob.glob(str(named))))
    elif isinstance(value, (Mapping, Sequence)):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from list_places(each)


def list_declared(plugin: Kind) -> Iterator[Path]:
    """Return what a plugin may read: the files of its options, and its own package."""
    for name in find_file_options(type(plugin)):
        yield from list_places(getattr(plugin, name))
    spec = importlib.util.find_spec(type(plugin).__module__.split(".")[0])
    if spec is not None:
        yield from map(Path, spec.submodule_search_locations or [spec.origin or ""])


_watchers: list[Opened] = []
_hooked: list[bool] = []


@contextmanager
def watching() -> Iterator[Opened]:
    """Note what is opened inside, by all threads of this process."""
    if not _hooked:
        _hooked.append(True)
        sys.addaudithook(_hear)
    opened = Opened()
    _watchers.append(opened)
    try:
        yield opened
    finally:
        _watchers.remove(opened)


@contextmanager
def pausing() -> Iterator[None]:
    """Note nothing inside, where the engine reads files of its own."""
    before = _watchers[:]
    _watchers.clear()
    try:
        yield
    finally:
        _watchers.extend(before)


def _hear(event: str, args: tuple[Any, ...]) -> None:
    if not _watchers or threading.current_thread().name.startswith(OWN_THREADS):
        return
    if event == "open":
        path, mode, flags = args
        if isinstance(path, (str, bytes, os.PathLike)):
            writes = bool((flags or 0) & WRITING) if mode is None else bool({*"wax+"} & {*mode})
            name = os.path.abspath(os.fsdecode(path))
            for each in _watchers:
                (each.written if writes else each.read).add(name)
    elif event in ASKING:
        said = f"{event.partition('.')[0]} {args[ASKING[event]]!s:.100}"
        for each in _watchers if said != MACHINE else ():
            each.asked.add(said)


def _roots() -> Iterator[str]:
    yield from SYSTEM
    yield from (os.path.realpath(place) for place in (sys.prefix, sys.base_prefix, OURS))
    try:
        yield os.path.realpath(user_cache())
    except RuntimeError:
        return


def _is_code(file: str) -> bool:
    return file.endswith(CODE) or os.path.dirname(file).endswith(ABOUT_CODE)


def _is_in(file: str, root: str) -> bool:
    return file == root or file.startswith(f"{root.rstrip(os.sep)}{os.sep}")
