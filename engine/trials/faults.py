"""What befalls the trial ledger, each in one line that says what to do."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.core.errors import DataError

OTHER = "name another file by trials.path=FILE"
PATIENCE = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
DENIED = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN}


class LedgerError(DataError):
    """The trial ledger cannot be read or written."""


@contextmanager
def explain(file: Path) -> Iterator[None]:
    """Raise what befalls a ledger as LedgerError."""
    try:
        yield
    except LedgerError:
        raise
    except DataError as error:  # a network mount
        raise LedgerError(f"{str(error).split(';')[0]}; {OTHER}") from error
    except OSError as error:
        raise LedgerError(f"{file}: {error.strerror or error}; {OTHER}") from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise LedgerError(f"{file}: {_describe(file, error)}") from error


def _describe(file: Path, error: Exception) -> str:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if code in PATIENCE:
        return "another process has been writing for a minute; try again"
    if code in DENIED:
        return f"cannot be written ({error}); make it writable, or {OTHER}"
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        free = shutil.disk_usage(file.parent).free / 1e6
        return f"the disk does not take it ({error}; {free:.1f} MB free); make room, or {OTHER}"
    return (
        f"is damaged or no trial ledger ({error}); bring back a copy, or move it away: a new one "
        "begins, and what this one counted counts no more"
    )
