"""Your own parquet file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd

from engine import DataError
from plugins.sources._frames import Files


@dataclass(frozen=True)
class Parquet(Files):
    """Bars from a parquet file; only the needed columns and symbols are read."""

    name: ClassVar[str] = "parquet"

    def columns_of(self, path: Path) -> list[str]:
        """Return the names of the file's columns."""
        import pyarrow.parquet as pq  # slow to import, needed only here

        try:
            return list(pq.read_schema(path).names)
        except (OSError, ValueError) as error:
            raise _broken(path, error) from error

    def read(
        self, path: Path, columns: Sequence[str], symbol: str | None, symbols: list[str] | None
    ) -> pd.DataFrame:
        """Return these columns, of rows of `symbols` where `symbol` is a text column."""
        import pyarrow as pa  # slow to import, needed only here
        import pyarrow.parquet as pq

        text = symbol is not None and pq.read_schema(path).field(symbol).type in (
            pa.string(),
            pa.large_string(),
        )
        pick = [(symbol, "in", list(symbols))] if text and symbols else None
        try:
            table = pq.read_table(path, columns=list(columns), filters=pick, partitioning=None)
        except (OSError, ValueError) as error:
            raise _broken(path, error) from error
        frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
        return frame


def _broken(path: Path, error: Exception) -> DataError:
    reason = str(error).split("\n")[0].split(". ")[0]
    return DataError(f"{path} is not a whole parquet file ({reason}): write it again")
