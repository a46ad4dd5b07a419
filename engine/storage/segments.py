"""Files of values: numpy's own format, written once, never changed, mapped into memory.

A file holds some factors on some dates and symbols, factor by factor, so that a factor is one
piece of it, and a date one short piece for each factor:

```
 values (F, D, N)   factor 0 │ date 0: A B C … │ date 1: A B C … │ …
                    factor 1 │ date 0: A B C … │ …
```

1. It is written under another name, which nobody reads, and forced to the disk.
2. Then it gets its name, the hash of what it holds and something that no other write has, and the
   folder is forced to the disk.
3. Each factor's piece has a hash of its own, which the catalogue keeps.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import numpy as np

from engine.core.errors import DataError
from engine.core.keeping import Values

SUFFIX, PART = ".npy", ".part"
DIGEST = 32  # bytes of a piece's hash
MEND = "take out what is damaged with LocalStore.mend, and it is computed again"


@dataclass(frozen=True)
class Stamp:
    """By which a file is known to be the one that was checked."""

    inode: int
    size: int
    mtime: int  # ns

    @classmethod
    def of(cls, file: Path) -> Stamp:
        """Return it; FileNotFoundError where there is no file."""
        told = file.stat()
        return cls(told.st_ino, told.st_size, told.st_mtime_ns)


@dataclass(frozen=True)
class Written:
    """A file that was written: its name, its stamp, and the hash of each factor's piece."""

    name: str
    stamp: Stamp
    digests: tuple[bytes, ...]


def write(folder: Path, values: Values) -> Written:
    """Write values, shape (F, D, N), into a folder."""
    values = np.ascontiguousarray(values)
    digests = digest_pieces(values)
    shape = repr((values.shape, values.dtype.str)).encode()
    content = sha256(shape + b"".join(digests)).hexdigest()[:32]
    name = f"{content}-{uuid4().hex[:8]}{SUFFIX}"
    part = folder / f"{name}{PART}"
    try:
        with part.open("xb") as file:
            np.lib.format.write_array(file, values, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        part.replace(folder / name)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    force(folder)
    return Written(name, Stamp.of(folder / name), digests)


def force(folder: Path) -> None:
    """Force a folder's names to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def map_file(file: Path) -> Values:
    """Map a file's values into memory, to be read.

    Raises
    ------
    DataError
        It is not there, or is no such file.
    """
    try:
        mapped = np.load(file, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise DataError(f"{file}: is missing; {MEND}") from error
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{file}: damaged ({error}); {MEND}") from error
    values: Values = mapped.view(np.ndarray)  # the same memory, without the memmap's slow slices
    return values


def digest_pieces(values: Values) -> tuple[bytes, ...]:
    """Hash each factor's piece."""
    return tuple(sha256(np.ascontiguousarray(piece).data).digest() for piece in values)


def find_damage(file: Path, shape: tuple[int, ...], digests: Sequence[bytes]) -> list[int]:
    """Return the places of the factors whose pieces are not what was written.

    All of them where the file is missing or of another shape.
    """
    every = list(range(len(digests)))
    try:
        values = map_file(file)
    except DataError:
        return every
    if values.shape != shape:
        return every
    return [k for k, digest in enumerate(digest_pieces(values)) if digest != digests[k]]
