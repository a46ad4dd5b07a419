"""The files of a run folder, read back: JSON, and tables as parquet."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd

from engine.core.errors import DataError
from engine.core.lock import left_in
from engine.store.folders import MARKER


def stamp(path: Path) -> str:
    """What no two runs share: the text of the manifest has their times and seconds."""
    try:
        return hashlib.sha256((path / "manifest.json").read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""


def refuse_unfinished(path: Path) -> None:
    """Raise DataError unless a folder is that of a finished run."""
    if not path.is_dir():
        raise DataError(f"{path}: no such folder; name one that a run has left")
    if (path / MARKER).exists():
        reason = " ".join((path / MARKER).read_text("utf-8", "replace").split())
        where = left_in(path)
        reason += f"; it died in {where}" if where else ""
        raise DataError(f"{path}: {MARKER} ({reason}); not a finished run: run it again")
    if not (path / "manifest.json").is_file():
        inside = sorted(path.glob("*/manifest.json"))
        held = f"; it holds {len(inside)}, such as {inside[0].parent}" if inside else ""
        raise DataError(
            f"{path}: not a finished run{held}; choose a folder with manifest.json in it"
        )


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """``NAME.json`` of a run folder; DataError names the file that cannot be read."""
    file = _existing(folder / f"{name}.json")
    try:
        content: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise DataError(f"{file}: cannot be read ({_line(error)}); run the bundle again") from error
    return content


def read_table(folder: Path, name: str) -> pd.DataFrame:
    """``NAME.parquet`` of a run folder; DataError names the file that cannot be read."""
    file = _existing(folder / f"{name}.parquet")
    try:
        return pd.read_parquet(file)
    except (ValueError, OSError) as error:
        raise DataError(f"{file}: cannot be read ({_line(error)}); run the bundle again") from error


def _existing(file: Path) -> Path:
    if not file.is_file():
        raise DataError(f"{file}: not there, so the run cannot be shown; run the bundle again")
    return file


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
