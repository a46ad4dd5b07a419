"""Cold files: the same values, compressed, to be decoded before they are read.

```
 parquet, zstd      column 0 (factor 0)   column 1   …      a factor is decoded without the others
 group 0            dates 0 to 62         dates 0 to 62     and a date with its quarter of a year
 group 1            dates 63 to 125       dates 63 to 125
 …                  rows: a date's symbols A B C …, then the next date's
```

The bytes of a float are compressed place by place (byte stream split), without statistics and
dictionaries: what is decoded has the bits of what was written, those of a NaN's payload and of -0
too. 100 factors × 500 symbols in float32 take some 15 ms a factor of ten years, or a date of all
factors, the first time; then they are held, decoded, in a cache that is bounded.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

import numpy as np

from engine.core.keeping import Values
from engine.storage.segments import (
    COLD,
    BrokenFileError,
    Hot,
    Int64,
    Places,
    Written,
    digest,
    place,
)

GROUP = 63  # dates that are decoded together
DECODED = 2**28  # bytes of decoded values that a store holds


@dataclass(eq=False)
class Decoded:
    """Pieces of cold files that were decoded, those that were used last: each (dates, N)."""

    limit: int = DECODED
    bytes: int = 0
    hits: int = 0
    misses: int = 0
    _pieces: OrderedDict[tuple[str, int, int], Values] = field(default_factory=OrderedDict)

    def find(self, key: tuple[str, int, int]) -> Values | None:
        """A piece, by its file, group and factor."""
        piece = self._pieces.get(key)
        if piece is None:
            self.misses += 1
            return None
        self.hits += 1
        self._pieces.move_to_end(key)
        return piece

    def keep(self, key: tuple[str, int, int], piece: Values) -> None:
        """Hold a piece, in place of those that were used least recently."""
        self._pieces[key] = piece
        self.bytes += piece.nbytes
        while self.bytes > self.limit:
            self.bytes -= self._pieces.popitem(last=False)[1].nbytes

    def drop(self, file: str) -> None:
        """Let a file's pieces go."""
        for key in [key for key in self._pieces if key[0] == file]:
            self.bytes -= self._pieces.pop(key).nbytes

    def clear(self) -> None:
        """Let all go."""
        self._pieces.clear()
        self.bytes = 0


@dataclass(frozen=True, eq=False)
class Cold:
    """A compressed file, opened."""

    file: Path
    opened: Any  # pyarrow's ParquetFile
    shape: tuple[int, ...]
    decoded: Decoded
    _lock: Lock = field(default_factory=Lock)  # the reader is for one thread at a time

    def take(self, factors: Places, rows: Places) -> Values:
        """Some factors and rows, decoded."""
        wanted = np.arange(self.shape[0])[factors].tolist()
        there = np.arange(self.shape[1])[rows]
        parts = []
        for group in np.unique(there // GROUP).tolist():
            inside = there[there // GROUP == group] - group * GROUP
            parts.append(_stack(self._decode(group, wanted), inside))
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def piece(self, factor: int) -> Values:
        """A factor's values, (D, N); they are not held."""
        groups = range(self.opened.num_row_groups)
        return np.concatenate([self._load(group, [factor])[0] for group in groups])

    def _decode(self, group: int, factors: list[int]) -> list[Values]:
        found: dict[int, Values] = {}
        for factor in factors:
            piece = self.decoded.find((self.file.name, group, factor))
            if piece is not None:
                found[factor] = piece
        missing = [factor for factor in factors if factor not in found]
        if missing:
            for factor, piece in zip(missing, self._load(group, missing), strict=True):
                found[factor] = piece
                self.decoded.keep((self.file.name, group, factor), piece)
        return [found[factor] for factor in factors]

    def _load(self, group: int, factors: list[int]) -> list[Values]:
        try:
            with self._lock:
                table = self.opened.read_row_group(group, columns=[str(f) for f in factors])
            columns = [table.column(str(f)).to_numpy() for f in factors]
            return [column.reshape(-1, self.shape[2]) for column in columns]
        except (OSError, ValueError, KeyError, MemoryError) as error:  # of Arrow's, too
            raise _tell(self.file, error) from error


def _stack(pieces: list[Values], rows: Int64) -> Values:
    """Some rows of pieces, shape (factors, rows, N); a view where it is one piece."""
    whole = len(rows) == len(pieces[0])
    if len(pieces) == 1:
        return (pieces[0] if whole else pieces[0][rows])[None]
    return np.stack([piece if whole else piece[rows] for piece in pieces])


def write(folder: Path, hot: Hot, digests: tuple[bytes, ...]) -> Written:
    """Write a hot file's values into a cold one.

    Raises
    ------
    BrokenFileError
        What was written, read back, is not what `digests` say.
    """
    part: list[Path] = []

    def fill(file: BinaryIO) -> None:
        part.append(Path(file.name))
        _encode(file, hot.values)

    with place(folder, COLD, fill) as settle:
        cold = open_cold(part[0], hot.shape[2], Decoded(0))
        for factor, expected in enumerate(digests):
            if digest(cold.piece(factor)) != expected:
                raise BrokenFileError(part[0], "damaged while it was written")
        return settle(digests)


def _encode(file: BinaryIO, values: Values) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    F, T, N = values.shape
    names = [str(factor) for factor in range(F)]
    kind = pa.from_numpy_dtype(values.dtype)
    schema = pa.schema([pa.field(name, kind, nullable=False) for name in names])
    with pq.ParquetWriter(
        file,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=False,
        write_statistics=False,
        write_page_checksum=True,
        column_encoding=dict.fromkeys(names, "BYTE_STREAM_SPLIT"),
    ) as writer:
        for start in range(0, T, GROUP):
            rows = values[:, start : start + GROUP]
            columns = [pa.array(each.reshape(-1)) for each in rows]
            table = pa.Table.from_arrays(columns, schema=schema)
            writer.write_table(table, row_group_size=GROUP * N)


def open_cold(file: Path, symbols: int, decoded: Decoded) -> Cold:
    """Open a cold file.

    Raises
    ------
    BrokenFileError
        It is not there, or is no such file.
    """
    import pyarrow.parquet as pq

    try:
        opened = pq.ParquetFile(file, memory_map=True, page_checksum_verification=True)
        told = opened.metadata
        shape = (told.num_columns, told.num_rows // symbols, symbols)
    except FileNotFoundError as error:
        raise BrokenFileError(file, "is missing") from error
    except (OSError, ValueError, MemoryError) as error:
        raise _tell(file, error) from error
    return Cold(file, opened, shape, decoded)


def _tell(file: Path, error: Exception) -> BrokenFileError:
    what = " ".join(str(error).split())[:200]
    return BrokenFileError(file, f"damaged ({what})")
