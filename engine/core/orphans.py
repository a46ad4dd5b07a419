"""Worker processes end with their parent, however that ended."""

from __future__ import annotations

import os
import threading
import time
from functools import cache

EVERY = 0.5  # seconds between two looks


@cache
def end_with(parent: int) -> None:
    """Have this process end when its parent is gone: killed, it cannot tell its children so."""
    threading.Thread(target=_watch, args=(parent,), name="parent", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(EVERY)
    os._exit(1)
