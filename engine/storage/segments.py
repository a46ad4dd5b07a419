"""Files of values: written once, never changed.

A hot file is numpy's own format, mapped into memory. It holds some factors on some dates and
symbols, factor by factor, so that a factor is one piece of it, and a date one short piece for each
factor:

```
 values (F, D, N)   factor 0 │ date 0: A B C … │ date 1: A B C … │ …
                    factor 1 │ date 0: A B C … │ …
```

1. It is written under another name, which nobody reads, and forced to the disk.
2. Then it gets its name, the hash of what it holds and something that no other write has, and the
   folder is forced to the disk.
3. Each factor's piece has a hash of its own, which the catalogue keeps.

A cold file (`engine.storage.cold`) holds the same, compressed, and is written in the same steps.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from engine.core.errors import DataError
from engine.core.keeping import Values

Int64 = npt.NDArray[np.int64]
Places = slice | Int64  # factors, rows or columns; a slice where they follow one another

HOT, COLD, PART = ".npy", ".parquet", ".part"
DIGEST = 32  # bytes of a piece's hash
MANY = 2**22  # bytes from which on threads share the hashing
MEND = "type engine store verify --mend to take it out, and it is computed again"


class BrokenFileError(DataError):
    """A file is not there, or does not hold what was written."""

    def __init__(self, file: Path, what: str) -> None:
        self.file, self.what = file, what
        super().__init__(f"{file}: {what}; {MEND}")


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


@dataclass(frozen=True, eq=False)
class Hot:
    """A mapped file."""

    values: Values

    def take(self, factors: Places, rows: Places) -> Values:
        """Some factors and rows: a view that cannot be written to where both are slices."""
        if isinstance(rows, slice):
            return self.values[:, rows][factors]
        if isinstance(factors, slice):
            return self.values[factors][:, rows]
        return self.values[np.ix_(factors, rows)]

    def piece(self, factor: int) -> Values:
        """A factor's values, (D, N)."""
        piece: Values = self.values[factor]
        return piece

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all values."""
        return self.values.shape


def write(folder: Path, values: Values) -> Written:
    """Write values, shape (F, D, N), into a hot file of a folder."""
    values = np.ascontiguousarray(values)

    def fill(file: BinaryIO) -> None:
        head = np.lib.format.header_data_from_array_1_0(values)
        np.lib.format.write_array_header_1_0(file, head)
        for piece in values:
            file.write(piece.data)

    threads = os.cpu_count() or 1 if values.nbytes >= MANY else 1
    with ThreadPoolExecutor(threads) as pool:  # hashed while they are written
        found = pool.map(digest, values) if threads > 1 else map(digest, values)
        with place(folder, HOT, fill) as settle:
            digests = tuple(found)
            return settle(digests)


@contextmanager
def place(
    folder: Path, suffix: str, fill: Callable[[BinaryIO], None]
) -> Iterator[Callable[[Sequence[bytes]], Written]]:
    """Write a file under another name; it has its own once its hashes are told."""
    part = folder / f"{uuid4().hex}{suffix}{PART}"

    def settle(digests: Sequence[bytes]) -> Written:
        content = blake2b(b"".join(digests), digest_size=16).hexdigest()
        name = f"{content}-{uuid4().hex[:8]}{suffix}"
        part.replace(folder / name)
        force(folder)
        return Written(name, Stamp.of(folder / name), tuple(digests))

    try:
        with part.open("xb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        yield settle
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError):  # one of a write does not know its file
            error.filename = error.filename or str(part)
        raise


def force(folder: Path) -> None:
    """Force a folder's names to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def map_file(file: Path) -> Hot:
    """Map a file's values into memory, to be read.

    Raises
    ------
    BrokenFileError
        It is not there, or is no such file.
    """
    try:
        mapped = np.load(file, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise BrokenFileError(file, "is missing") from error
    except (OSError, ValueError, EOFError) as error:
        raise BrokenFileError(file, f"damaged ({error})") from error
    return Hot(mapped.view(np.ndarray))  # the same memory, without the memmap's slow slices


def digest(piece: Values) -> bytes:
    """Hash a factor's piece, bit for bit."""
    return blake2b(np.ascontiguousarray(piece).data, digest_size=DIGEST).digest()
