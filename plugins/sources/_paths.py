"""Finding the file that a source names, and saying what is wrong when it is not there."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from pathlib import Path

from engine import ConfigError, DataError


def existing(key: str, text: str) -> Path:
    """Return the absolute path of a file that is there and not empty.

    Raises
    ------
    ConfigError
        No path is set, or it is an address or a spreadsheet.
    DataError
        There is no such file; it is a directory; it is empty; it may not be read.
    """
    if not text:
        raise ConfigError(f"{key} is not set: type {key}=FILE")
    if re.match(r"[a-z][a-z0-9+]+://", text):
        raise ConfigError(f"{key}={text} is an address, not a file: download it, and name the file")
    path = Path(text).expanduser().absolute()
    if path.suffix.lower() in {".xls", ".xlsx", ".xlsm", ".ods"}:
        raise ConfigError(f"{key}={text} is a spreadsheet: save it as CSV or parquet")
    if path.is_dir():
        inside = sorted(p.name for p in path.iterdir() if p.is_file())
        example = f", such as {key}={Path(text, inside[0])}" if inside else ""
        raise DataError(f"{key}={text} is a directory: name a file in it{example}")
    if not path.is_file():
        raise DataError(f"{key}={text}: there is no file {path}{_nearest(key, text, path)}")
    if path.stat().st_size == 0:
        raise DataError(f"{key}={text} is empty (0 bytes): write it again, or name another file")
    if not os.access(path, os.R_OK):
        raise DataError(f"{key}={text} may not be read: type chmod u+r {path}")
    return path


def _nearest(key: str, text: str, path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f": the directory {folder} does not exist either; set {key}"
    found = sorted(p.name for p in folder.iterdir() if p.is_file())
    near = get_close_matches(path.name, found, n=1, cutoff=0.5)
    return f": did you mean {key}={Path(text).parent / near[0]}?" if near else f": set {key}"
