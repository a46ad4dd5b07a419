"""What pytest hands to any test that asks for it by name."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from builders import SHARED, Shared


def pytest_configure() -> None:
    """Hear Ctrl-C, also where a shell ignores it; keep nothing of one test for another."""
    os.environ["ALPHA_ENGINE_STORE"] = os.environ["ALPHA_ENGINE_TRIALS"] = ""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared() -> Shared:
    """Find a file or folder of the real market data; without it, the test is skipped."""

    def found(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"no {path}: set ALPHA_ENGINE_SHARED to the folder of real data")
        return path

    return found
