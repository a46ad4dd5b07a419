"""A refusal before memory is used up."""

from __future__ import annotations

from engine import DataError, available_memory

# A value of the file is held about four times at once: as read, as bars, in the panel, as written.
COPIES = 4
BYTES = 8


def estimate_bytes(rows: int, columns: int) -> int:
    """Return the bytes that a run holds of this number of rows and columns."""
    return rows * columns * BYTES * COPIES


def refuse_beyond(what: str, need: int, remedy: str) -> None:
    """Raise DataError where `need` bytes are more than there are."""
    room = available_memory()
    if room is not None and need > room:
        raise DataError(
            f"{what}: the chosen rows need about {need / 1e9:.1f} GB of memory, "
            f"{room / 1e9:.1f} GB are available: {remedy}"
        )
