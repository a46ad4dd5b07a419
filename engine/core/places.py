"""Where things are kept that are no result of anybody's."""

from __future__ import annotations

import os
from pathlib import Path

STORE = "ALPHA_ENGINE_STORE"  # of the environment: another default folder of the store
TRIALS = "ALPHA_ENGINE_TRIALS"  # another default file of the trial ledger
BESIDE = Path("outputs", "trials.sqlite")  # beside the runs, where one types


def user_store() -> Path | None:
    """Return the default folder of the store; None where the environment says that there is none.

    RuntimeError where there is no home.
    """
    named = os.environ.get(STORE)
    if named is None:
        return user_cache() / "store"
    return Path(named).expanduser() if named else None


def user_trials() -> Path | None:
    """Return the default file of the trial ledger; None where the environment says there is none.

    RuntimeError where there is no home.
    """
    named = os.environ.get(TRIALS, str(BESIDE))
    return Path(named).expanduser().absolute() if named else None


def user_cache() -> Path:
    """Return the engine's folder in the user's cache; RuntimeError where there is no home."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "alpha-engine"
