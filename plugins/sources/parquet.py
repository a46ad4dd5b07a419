"""Your own parquet file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from engine import DataError, available_memory, reading
from engine.plugins.sources._frames import Files
from engine.plugins.sources._memory import estimate_bytes, refuse_beyond

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

BATCH = 131_072  # rows decoded at a time
HEAD = 1000  # rows that tell which options a file needs


@dataclass(frozen=True)
class Parquet(Files):
    """Bars from a parquet file, of any size; only what is needed is read.

    Row groups whose statistics rule out the universe's symbols are skipped; of the others only
    the needed columns are decoded, 131 072 rows at a time, and only the universe's rows from
    `start` to `end` are kept. Memory: those rows, one such batch, and the compressed needed
    columns of one row group.
    """

    name: ClassVar[str] = "parquet"
    repeatable: ClassVar[bool] = True
    suffixes: ClassVar[tuple[str, ...]] = (".parquet", ".pq")

    def columns_of(self, table: Path) -> list[str]:
        """Return the names of the file's columns."""
        with _open(table) as file:
            found = list(file.schema_arrow.names)
        twice = sorted({name for name in found if found.count(name) > 1})
        if twice:
            raise DataError(f"{table} has two columns {twice[0]!r}: rename one")
        return found

    def symbols_of(self, table: Path, symbol: str) -> list[str]:
        """Return the symbols in the file, each once, sorted."""
        found: set[str] = set()
        with _open(table) as file:
            for batch in file.iter_batches(BATCH, columns=[symbol]):
                found.update(reading.name_symbol(value) for value in batch[0].unique().to_pylist())
        return sorted(found)

    def head(self, table: Path) -> pd.DataFrame:
        """Return the first rows."""
        with _open(table) as file:
            for batch in file.iter_batches(HEAD):
                frame: pd.DataFrame = batch.to_pandas(ignore_metadata=True)
                return frame
        return pd.DataFrame(columns=self.columns_of(table))

    def read(
        self,
        table: Path,
        columns: Sequence[str],
        symbol: str | None,
        symbols: list[str] | None,
        stamp: str | None = None,
    ) -> pd.DataFrame:
        """Return these columns of the chosen rows.

        Raises
        ------
        DataError
            The file is broken, or the chosen rows do not fit into memory; the latter is told
            from the file's metadata, before anything but the symbols is read.
        """
        import pyarrow as pa  # slow to import, needed only here

        with _open(table) as file:
            wanted = list(symbols or []) if _is_text(file, symbol) else []
            self._refuse_too_much(table, file, len(columns), symbol, wanted, stamp)
            kept, rows = [], [np.empty(0, np.int64)]
            for first, batch in _batches(file, columns, symbol, wanted):
                mask = _mask(batch, symbol, wanted)
                if stamp is not None and mask.any():
                    at = np.flatnonzero(mask)
                    days = batch.take(pa.array(at)).column(stamp).to_pandas()
                    days.index = pd.Index(first + at)
                    mask[at] = self.within(days.rename(stamp), table, slack=1)
                if mask.all():
                    kept.append(batch)
                elif mask.any():
                    kept.append(batch.filter(pa.array(mask)))
                rows.append(first + np.flatnonzero(mask))
            fields = [file.schema_arrow.field(name) for name in columns]
            chosen = pa.Table.from_batches(kept, None if kept else pa.schema(fields))
        chosen = chosen.select(list(columns)).unify_dictionaries()
        frame: pd.DataFrame = chosen.to_pandas(ignore_metadata=True)
        frame.index = pd.Index(np.concatenate(rows))
        return frame

    def _refuse_too_much(
        self,
        path: Path,
        file: ParquetFile,
        columns: int,
        symbol: str | None,
        wanted: list[str],
        stamp: str | None,
    ) -> None:
        """By the metadata; where those alone would refuse, by a count of the chosen rows."""
        groups = _groups(file, symbol, wanted)
        rows = sum(file.metadata.row_group(i).num_rows for i in groups)
        room = available_memory()
        if room is None or estimate_bytes(rows, columns) <= room:
            return
        if wanted or stamp is not None:
            asked = [name for name in (symbol if wanted else None, stamp) if name is not None]
            rows = 0
            for _, batch in _batches(file, asked, symbol, wanted):
                mask = _mask(batch, symbol, wanted)
                if stamp is not None and mask.any():
                    days = batch.column(stamp).to_pandas().rename(stamp)
                    mask &= self.within(days, path, slack=1)
                rows += int(mask.sum())
        refuse_beyond(
            f"{path} ({rows:,} rows × {columns} columns)",
            estimate_bytes(rows, columns),
            "narrow universe.symbols, set source.start, or name fewer columns in source.keep",
        )


def _is_text(file: ParquetFile, symbol: str | None) -> bool:
    import pyarrow as pa

    if symbol is None:
        return False
    kind = file.schema_arrow.field(symbol).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _groups(file: ParquetFile, symbol: str | None, wanted: list[str]) -> list[int]:
    """Row groups that may hold one of the symbols."""
    every = range(file.metadata.num_row_groups)
    if not wanted:
        return list(every)
    paths = [file.schema.column(i).path for i in range(len(file.schema))]
    column = paths.index(str(symbol))
    return [i for i in every if _may_hold(file.metadata.row_group(i).column(column), wanted)]


def _may_hold(chunk: Any, wanted: list[str]) -> bool:
    known = chunk.statistics
    if known is None or not known.has_min_max:
        return True
    low, high = known.min, known.max
    if low != reading.name_symbol(low) or high != reading.name_symbol(high):
        return True  # blanks and the like change the order
    spelled = (text for name in wanted for text in reading.spellings(name))
    return any(low <= text <= high for text in spelled)


def _batches(
    file: ParquetFile, columns: Sequence[str], symbol: str | None, wanted: list[str]
) -> Iterator[tuple[int, Any]]:
    """Pieces of the row groups that may matter, each with the number of its first row."""
    sizes = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
    starts = np.cumsum([0, *sizes])
    for group in _groups(file, symbol, wanted):
        first = int(starts[group])
        for batch in file.iter_batches(BATCH, row_groups=[group], columns=list(columns)):
            yield first, batch
            first += len(batch)


def _mask(batch: Any, symbol: str | None, wanted: list[str]) -> Any:
    """Which rows are of the symbols."""
    import pyarrow as pa

    if not wanted:
        return np.ones(len(batch), bool)
    column = batch.column(symbol)
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    texts, chosen = column.dictionary.to_pylist(), {*wanted}
    each = np.array(
        [*(text is not None and reading.name_symbol(text) in chosen for text in texts), False]
    )
    codes = column.indices.cast(pa.int64()).fill_null(len(texts))
    return each[codes.to_numpy(zero_copy_only=False)]


@contextmanager
def _open(path: Path) -> Iterator[ParquetFile]:
    """The file, and its errors in one line."""
    import pyarrow.parquet as pq  # slow to import, needed only here

    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            yield file
    except (OSError, ValueError) as error:
        reason = str(error).split("\n")[0].split(". ")[0]
        raise DataError(f"{path} is not a whole parquet file ({reason}): write it again") from error
