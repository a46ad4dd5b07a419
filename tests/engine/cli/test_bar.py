"""The bar is on the terminal alone: what is printed goes where it was sent."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

WORDS = ["factors", "compute", "delta(close, 5)", "source.n_symbols=4", "source.n_days=60"]


def test_what_is_printed_reaches_a_pipe_while_the_bar_is_on_the_terminal(tmp_path: Path) -> None:
    terminal, end = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "engine", *WORDS],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=end,
        check=True,
        text=True,
    )
    os.close(end)
    shown = os.read(terminal, 100_000).decode()
    os.close(terminal)
    assert "1 factors, 4 symbols, 60 dates" in done.stdout
    assert "\x1b" not in done.stdout
    assert "0:00:00" in shown
    assert "symbols" not in shown


def test_without_a_terminal_there_is_no_bar(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "engine", *WORDS],
        cwd=tmp_path,
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stderr == ""
