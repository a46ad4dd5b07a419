"""Which code a result depends on: the version of a distribution, and all that stands in it."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache, lru_cache
from hashlib import file_digest, sha256
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from engine.plugin.registry import HOME, Entry

OURS = Path(__file__).parents[1]
NAME = re.compile(r"[A-Za-z0-9._-]+")  # of a distribution, at the beginning of a requirement
LEFT_OUT = ("__pycache__", "__editable__")


@cache
def identity(entry: Entry) -> str:
    """Return which code a plugin is.

    A helper module or a data file of its package counts, and so does a default argument; of the
    distributions that it requires, their versions do. Of a built-in it is the engine's own code.
    """
    if entry.dist == HOME:
        return engine_identity()
    digests = [tree(place) for place in places(entry)]
    digests += _list_required(entry.dist)
    return f"{entry.origin} {sha256(' '.join(digests).encode()).hexdigest()}"


def _list_required(dist: str) -> list[str]:
    """The distributions that one requires, with their versions."""
    try:
        lines = distribution(dist).requires or []
    except PackageNotFoundError:
        return []
    names = sorted({found[0] for line in lines if (found := NAME.match(line))})
    made = []
    for name in names:
        with suppress(PackageNotFoundError):
            made.append(f"{name} {distribution(name).version}")
    return made


@cache
def engine_identity() -> str:
    """Return which code the engine is: its version, and the SHA-256 of its modules."""
    return f"{HOME} {distribution(HOME).version} {tree(OURS, '.py')}"


def tree(place: Path, suffix: str = "") -> str:
    """Return the SHA-256 of a file, or of the files in a folder, by their names and contents."""
    if place.is_file():
        return _content(place)
    digest = sha256()
    for file in sorted(_files(place, suffix)):
        digest.update(f"{file.relative_to(place)} {_content(file)}\n".encode())
    return digest.hexdigest()


def _content(file: Path) -> str:
    about = file.stat()
    return _hash(file, about.st_size, about.st_mtime_ns)


@lru_cache(maxsize=4096)
def _hash(file: Path, size: int, changed: int) -> str:
    """Read a file once, for as long as it is the same by size and time."""
    with file.open("rb") as opened:
        return file_digest(opened, "sha256").hexdigest()


def _files(folder: Path, suffix: str) -> Iterator[Path]:
    for home, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if name not in LEFT_OUT]
        yield from (Path(home, name) for name in names if name.endswith(suffix))


def places(entry: Entry) -> Iterator[Path]:
    """The packages and modules of a plugin's distribution; of an editable one, its class's."""
    tops = {entry.cls.__module__.split(".")[0]}
    try:
        files = distribution(entry.dist).files or []
    except PackageNotFoundError:
        files = []
    names = {Path(file.parts[0]).stem for file in files if file.suffix == ".py"}
    tops |= {name for name in names if name.isidentifier() and not name.startswith(LEFT_OUT)}
    for top in sorted(tops):
        spec = importlib.util.find_spec(top)
        if spec is None:
            continue
        yield from map(Path, spec.submodule_search_locations or [spec.origin or ""])
