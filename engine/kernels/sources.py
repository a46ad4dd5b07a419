"""What a kernel is made of: its own file, and every file of ours that this one imports from.

numba looks at a function's own file alone, and would go on with an older version of what it calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMPORT = re.compile(rf"^[ \t]*from {ROOT.name}\.([\w.]+) import (\([^)]*\)|[^\n#]*)", re.MULTILINE)


@cache
def digest(file: Path) -> str:
    """Return the SHA-256 of a module of the engine and of all that it is made of."""
    seen, waiting = {file}, [file]
    while waiting:
        for each in _read(waiting.pop())[1]:
            if each not in seen:
                seen.add(each)
                waiting.append(each)
    parts = sorted(f"{each.relative_to(ROOT)} {_read(each)[0]}" for each in seen)
    return sha256("\n".join(parts).encode()).hexdigest()


@cache
def _read(file: Path) -> tuple[str, tuple[Path, ...]]:
    """A file's SHA-256, and the files that it imports from."""
    content = file.read_bytes()
    return sha256(content).hexdigest(), tuple(_find_imports(content.decode()))


def _find_imports(text: str) -> Iterator[Path]:
    for module, names in IMPORT.findall(text):
        place = ROOT / module.replace(".", "/")
        if place.is_dir():  # a room: the modules that are named, or else its door
            named = [place / f"{name}.py" for name in re.findall(r"\w+", names)]
            yield from [each if each.is_file() else place / "__init__.py" for each in named]
        else:
            yield place.with_suffix(".py")
