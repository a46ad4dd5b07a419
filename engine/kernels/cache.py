"""Where compiled kernels are kept, and what happens where they cannot be.

numba keeps what it compiles in files, and stops with a traceback at a file that is damaged, or
where it finds no folder to write to. Here such a file is compiled anew and replaced, and without
a folder everything is compiled at each start; either way one warning says so.

Kernels are kept in the user's cache folder, by the versions of the engine and numba and by the
processor, so that nothing is left beside the package; ours by what they are made of (`sources`),
so that all installations of one version share them. ``NUMBA_CACHE_DIR`` is another place for all.

The engine takes `njit` from this module, so that its caches are these from the first kernel on;
those of other packages, such as vectorbt's, become so with the same step.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import numba
from llvmlite.binding import get_host_cpu_name
from numba import njit

from engine.core.places import user_cache
from engine.core.version import VERSION
from engine.kernels.private import caching, dispatcher, sigutils
from engine.kernels.registries import load_registries
from engine.kernels.sources import ROOT, digest

__all__ = ["njit"]

log = logging.getLogger(__name__)
DIGEST = 32  # bytes of SHA-256, behind each file's content
MEND = "to keep them, name a folder that can be written to in NUMBA_CACHE_DIR"
_told: set[str] = set()  # a warning stands for all kernels that meet the same


class _Files(caching.IndexDataCacheFile):
    """numba's files, each with a digest: damaged machine code would run as it is."""

    def __init__(self, plain: Any, owners: frozenset[int]) -> None:
        vars(self).update(vars(plain))
        self._version = f"{plain._version} sha256"  # files without a digest count as obsolete
        self._owners = owners

    def _load_index(self) -> Any:
        if os.path.exists(self._index_path):
            self._refuse_foreign(self._index_path)
        return super()._load_index()

    def _save_data(self, name: str, data: Any) -> None:
        content = self._dump(data)
        with self._open_for_write(self._data_path(name)) as file:
            file.write(content + sha256(content).digest())

    def _load_data(self, name: str) -> Any:
        path = Path(self._data_path(name))
        self._refuse_foreign(path)
        content = path.read_bytes()
        if sha256(content[:-DIGEST]).digest() != content[-DIGEST:]:
            raise ValueError(f"{path.name} is damaged")
        return super()._load_data(name)  # which reads no further than the content

    def _refuse_foreign(self, path: str | Path) -> None:
        if os.stat(path).st_uid not in self._owners:
            raise ValueError(f"{Path(path).name} belongs to another user")


class _UserFolder(caching.UserWideCacheLocator):
    """The place of a function's kernels in the user's cache folder."""

    def __init__(self, function: Any, file: str) -> None:
        self._py_file, self._lineno = file, function.__code__.co_firstlineno
        made_of = _hash_sources(file)
        place = (
            f"{Path(file).stem}-{made_of[:16]}"
            if made_of
            else self.get_suitable_cache_subpath(file)
        )
        self._cache_path = str(folder() / place)


class _Places(caching.CompileResultCacheImpl):
    """Which places are tried: the one that was named, the user's, a notebook's."""

    _locator_classes: list[Any] = [  # noqa: RUF012
        caching.UserProvidedCacheLocator,
        _UserFolder,
        caching.IPythonCacheLocator,
    ]


class _Kept(caching.FunctionCache):
    """A function's cache that never stops a run."""

    _impl_class = _Places

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        file = function.__code__.co_filename
        owners = frozenset({0, os.geteuid(), os.stat(file).st_uid})  # who may change the source
        self._cache_file = _Files(self._cache_file, owners)
        self._cache_file._source_stamp = (self._cache_file._source_stamp, _hash_sources(file))

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """What is kept, or None: it is compiled then."""
        load_registries(target_context)
        try:
            found = super().load_overload(sig, target_context)
            if found is not None and found.signature.args != sigutils.normalize_signature(sig)[0]:
                raise ValueError("two processes wrote at once")
        except Exception as error:  # damaged content may raise anything
            _warn(
                f"compiled kernels in {self.cache_path} cannot be read ({_line(error)})",
                "they are compiled again",
            )
            with suppress(OSError):
                os.unlink(self._cache_file._index_path)
            return None
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep what was compiled, where that can be."""
        try:
            super().save_overload(sig, data)
        except Exception as error:  # a full disk; an index that is damaged still
            self.disable()
            _warn(
                f"compiled kernels cannot be kept in {self.cache_path} ({_line(error)})",
                f"each start compiles them; {MEND}",
            )


def make_cache(function: Any) -> Any:
    """The cache of a function, or one that keeps nothing where there is no folder for it."""
    try:
        return _Kept(function)
    except (RuntimeError, OSError):  # no folder can be written to; the source is no file
        _warn("there is no folder for compiled kernels", f"each start compiles them; {MEND}")
        return caching.NullCache()


def folder() -> Path:
    """Return the user's folder for kernels of this version of the engine and of numba."""
    name = f"{VERSION}-numba{numba.__version__}-{get_host_cpu_name()}"
    return user_cache() / "kernels" / name


def _hash_sources(file: str) -> str:
    """What a kernel of ours is made of; "" for other packages' kernels."""
    path = Path(file)
    return digest(path) if path.is_relative_to(ROOT) else ""


def _warn(what: str, so: str) -> None:
    if so not in _told:
        _told.add(so)
        log.warning("%s: %s", what, so)


def _line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).splitlines() or [type(error).__name__])[0]


dispatcher.FunctionCache = make_cache  # type: ignore[attr-defined]  # imported there
