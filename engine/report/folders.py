"""Which finished runs a reader means: a pattern or a sweep's folder names more than runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from engine.core.errors import DataError
from engine.storage import refuse_unfinished

DEEP = ("*/manifest.json", "*/*/manifest.json")  # in a sweep's folder, and in that of all sweeps


def find_runs(named: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Return the run folders, and a line for each thing that is none.

    A folder that holds runs stands for them. Words in the order of the alphabet, as a shell's
    pattern gives them, and runs of one folder are put in the order of their numbers: 2 before 10.

    Raises
    ------
    DataError
        When something is not there at all.
    """
    runs: list[Path] = []
    left: list[str] = []
    for path in sort_naturally(named) if [*named] == sorted(named) else named:
        inside = sorted({file.parent for deep in DEEP for file in path.glob(deep)})
        for folder in sort_naturally(inside) if _holds(path, inside) else [path]:
            try:
                refuse_unfinished(folder)
                runs.append(folder)
            except DataError as error:
                if not folder.exists():
                    raise
                left.append(f"{folder} is no run" if folder.is_file() else str(error))
    return runs, left


def sort_naturally(paths: Sequence[Path]) -> list[Path]:
    """Paths in natural order: numbers in them count as numbers."""
    return sorted(paths, key=lambda path: _natural(str(path)))


def _natural(text: str) -> list[tuple[int, str]]:
    parts = re.split(r"([0-9]+)", text)  # texts and numbers by turns
    return [(int(part), "") if index % 2 else (0, part) for index, part in enumerate(parts)]


def _holds(path: Path, inside: Sequence[Path]) -> bool:
    """Whether a folder is no run, and holds some."""
    return bool(inside) and not (path / "manifest.json").exists()
