"""What befalls a store, each in one line with the way back."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.core.errors import ConfigError, DataError, EngineError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
DENIED = {errno.EROFS, errno.EACCES, errno.EPERM}
NO_PAGE = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
CATALOGUE, FILES = "catalogue.sqlite", "segments"  # in a store's folder
WAY_BACK = "type engine store verify --mend to go on with what can be kept"


class CatalogueError(DataError):
    """The database that says what the files hold is not what was written."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: damaged ({what}); {WAY_BACK}")
        self.folder = path.parent


@contextmanager
def explain(folder: Path) -> Iterator[None]:
    """Tell a full disk, a folder that cannot be written and a damaged catalogue in one line."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise tell_full(folder, str(error.filename or folder)) from error
        if error.errno in DENIED:
            raise tell_denied(folder, error.strerror or "") from error
        raise
    except UnicodeDecodeError as error:  # a name in SQLite's own words
        raise CatalogueError(folder / CATALOGUE, str(error)) from error
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.ProgrammingError):  # a store that was closed
            raise
        raise _tell(folder, error) from error


def tell_full(folder: Path, file: str) -> ConfigError:
    """Return the error of a disk without room."""
    free = shutil.disk_usage(folder).free / 1e6
    return ConfigError(
        f"store.path={folder}: the disk is full ({free:.1f} MB free) where {file} is written; "
        "nothing of it was kept, and what was kept before is unharmed; make room, type engine "
        "store vacuum, or name another folder"
    )


def tell_denied(folder: Path, why: str) -> ConfigError:
    """Return the error of a folder that is only read."""
    return ConfigError(f"store.path={folder}: cannot be written ({why}); name another folder")


def _tell(folder: Path, error: sqlite3.DatabaseError) -> EngineError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    file = folder / CATALOGUE
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return tell_denied(folder, str(error))
    if code == sqlite3.SQLITE_FULL or (code in NO_PAGE and is_full(folder)):
        return tell_full(folder, str(file))
    if code == sqlite3.SQLITE_BUSY:
        return DataError(f"{file}: another process has been writing for a minute; try again")
    return CatalogueError(file, str(error))


def is_full(folder: Path) -> bool:
    """Whether not even a page of a database has room."""
    if not folder.exists():
        return False
    told = os.statvfs(folder)
    return told.f_bavail * told.f_frsize < 2**16
