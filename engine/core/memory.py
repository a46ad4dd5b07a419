"""How much memory there is."""

from __future__ import annotations

import resource
from pathlib import Path

PROC, CGROUP = Path("/proc"), Path("/sys/fs/cgroup")


def available_memory() -> int | None:
    """Return the bytes that this process may still take, or None where nobody tells."""
    found = [room for room in (_of_machine(), _of_group(), _of_process()) if room is not None]
    return min(found) if found else None


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
