"""A page as a real browser shows it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --disable-dev-shm-usage "
    "--virtual-time-budget=8000 --enable-logging=stderr --v=0 --window-size=1200,2000 --dump-dom"
)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


def browse(folder: Path, text: str) -> tuple[str, str]:
    """The page's body after a moment, and what the browser had to say; it works in the folder."""
    assert CHROMIUM
    (folder / "changed.html").write_text(text, "utf-8")
    command = [CHROMIUM, *FLAGS.split(), f"--user-data-dir={folder / 'profile'}"]
    page = (folder / "changed.html").as_uri()
    done = subprocess.run([*command, page], check=True, capture_output=True, text=True, timeout=120)
    return done.stdout, done.stderr
