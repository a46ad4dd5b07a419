"""Where things are kept that are no result of anybody's."""

from __future__ import annotations

import os
from pathlib import Path


def user_cache() -> Path:
    """Return the engine's folder in the user's cache; RuntimeError where there is no home."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "alpha-engine"
