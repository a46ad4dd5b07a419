"""How much memory there is, and a refusal before it is used up."""

from __future__ import annotations

import resource
from pathlib import Path

from engine import DataError

# A value of the file is held about four times at once: as read, as bars, in the panel, as written.
COPIES = 4
BYTES = 8
PROC, CGROUP = Path("/proc"), Path("/sys/fs/cgroup")


def needed(rows: int, columns: int) -> int:
    """Return the bytes that a run holds of so many rows and columns."""
    return rows * columns * BYTES * COPIES


def available() -> int | None:
    """Return the bytes that this process may still take, or None where nobody tells."""
    found = [room for room in (_of_machine(), _of_group(), _of_process()) if room is not None]
    return min(found) if found else None


def refuse_beyond(what: str, need: int, remedy: str) -> None:
    """Raise DataError where `need` bytes are more than there are."""
    room = available()
    if room is not None and need > room:
        raise DataError(
            f"{what}: the chosen rows need about {need / 1e9:.1f} GB of memory, "
            f"{room / 1e9:.1f} GB are available: {remedy}"
        )


def _of_machine() -> int | None:
    return _field(PROC / "meminfo", "MemAvailable:")


def _of_group() -> int | None:
    """What the container leaves, where it has a limit."""
    try:
        limit = int((CGROUP / "memory.max").read_text())
        return limit - int((CGROUP / "memory.current").read_text())
    except (OSError, ValueError):  # no such file, or "max"
        return None


def _of_process() -> int | None:
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    used = _field(PROC / "self" / "status", "VmSize:")
    return None if limit == resource.RLIM_INFINITY or used is None else limit - used


def _field(file: Path, name: str) -> int | None:
    """A value of one of Linux's tables, in bytes."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), None)
