"""Finding the file that a source names, and saying what is wrong when it is not there."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from difflib import get_close_matches
from glob import glob, has_magic
from pathlib import Path

from engine import ConfigError, DataError

ADDRESS = re.compile(r"[a-z][a-z0-9+]+://")


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
    if ADDRESS.match(text):
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


def files(key: str, text: str, suffixes: Sequence[str]) -> list[Path]:
    """Return the files that a path names: itself, those in a folder, or of a pattern; sorted.

    Parameters
    ----------
    key, text : str
        The configuration key and its value.
    suffixes : sequence of str
        What files of this format end with; of a folder, others are left out.

    Raises
    ------
    ConfigError, DataError
        As `existing`; and where a folder or pattern has no file.
    """
    path = Path(text).expanduser().absolute()
    if not is_many(text) or ADDRESS.match(text):
        return [existing(key, text)]
    if path.is_dir():
        inside = [p for p in path.iterdir() if p.is_file() and not p.name.startswith(".")]
        found = [p for p in inside if p.name.lower().endswith(tuple(suffixes))]
        if not found:
            shown = ", ".join(sorted(p.name for p in inside)[:3]) or "nothing"
            raise DataError(
                f"{key}={text} is a directory without a file like x{suffixes[0]} (it has {shown}): "
                "name another, or choose another source"
            )
    else:
        found = [Path(name).absolute() for name in glob(str(path)) if Path(name).is_file()]
        if not found:
            raise DataError(f"{key}={text}: no file is called like that: set {key}")
    return [existing(key, str(name)) for name in sorted(found)]


def is_many(text: str) -> bool:
    """Whether a path names a folder, or a pattern of files, rather than one file."""
    path = Path(text).expanduser().absolute()
    return bool(text) and (path.is_dir() or (has_magic(text) and not path.exists()))


def stem(path: Path) -> str:
    """Return a file's name without what says its format: ``BRK.B.csv.gz`` is of BRK.B."""
    return re.sub(r"(\.(csv|tsv|txt|parquet|pq|gz|bz2|xz|zst|zip))+$", "", path.name, flags=re.I)


def _nearest(key: str, text: str, path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f": the directory {folder} does not exist either; set {key}"
    found = sorted(p.name for p in folder.iterdir() if p.is_file())
    near = get_close_matches(path.name, found, n=1, cutoff=0.5)
    return f": did you mean {key}={Path(text).parent / near[0]}?" if near else f": set {key}"
