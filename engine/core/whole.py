"""Files that have their name only when they are complete."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from engine.core.lock import hold, is_held


@contextmanager
def writing_whole(path: Path) -> Iterator[Path]:
    """A file beside `path` to write into, which takes its place when all went well.

    What writers that were killed have left beside it is deleted; one that is at work keeps its own.
    """
    for part in path.parent.glob(f".{escape(path.name)}.*.part"):
        if not is_held(part):
            part.unlink(missing_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    handle = hold(part)
    try:
        yield part
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        os.close(handle)
