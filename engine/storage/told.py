"""The number of the last commit, told outside the database too.

A log that was lost takes commits with it, and SQLite goes on without a word. So the number stands
in a file of its own, written after the commit: a catalogue that knows fewer is damaged.
"""

from __future__ import annotations

from pathlib import Path


def tell_last(path: Path, number: int) -> None:
    """Say outside the database which commit was the last; too low a number does no harm."""
    file = path.with_suffix(".last")
    try:
        with file.open("r+b" if file.exists() else "xb") as opened:
            opened.write(b"%20d\n" % number)
    except OSError:
        return


def read_told(path: Path) -> int:
    """Read which commit was the last, as it was told outside the database."""
    try:
        return int(path.with_suffix(".last").read_bytes() or b"0")
    except (OSError, ValueError):
        return 0
