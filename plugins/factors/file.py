"""A factor that an earlier run, or another program, left in a parquet file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from engine import ConfigError, DataError, Factor, FloatArray, Panel, option


@dataclass(frozen=True)
class FileFactor(Factor):
    """One column of a long parquet file, such as a run's ``forecasts.parquet``.

    Rows are matched by date and symbol; cells that the file lacks are NaN. What the file
    knew when is the file's business: the engine cannot check it.
    """

    name: ClassVar[str] = "file"
    path: str = option("", "parquet file with timestamp, symbol and the column")
    column: str = option("", "column to read")

    def __post_init__(self) -> None:
        if not self.path or not self.column:
            raise ConfigError("a factor from a file needs path and column: set both")

    @property
    def lookback(self) -> int:
        """0: a row is read as it stands."""
        return 0

    def compute(self, panel: Panel) -> FloatArray:
        """Return the column on the panel's dates and symbols, shape (T, N)."""
        import pyarrow.parquet as pq
        from pyarrow import ArrowException

        file = Path(self.path)
        if not file.is_file():
            raise DataError(f"{file.absolute()}: no such file; set the factor's path")
        try:
            names = pq.read_schema(file).names
        except (ArrowException, OSError) as error:
            raise DataError(f"{file}: not a parquet file; set the factor's path") from error
        for name in ("timestamp", "symbol", self.column):
            if name not in names:
                raise DataError(f"{file}: no column {name!r}; it has {', '.join(names[:12])}")
        frame = pd.read_parquet(file, columns=["timestamp", "symbol", self.column])
        return self._laid_out(frame, panel, file)

    def _laid_out(self, frame: pd.DataFrame, panel: Panel, file: Path) -> FloatArray:
        values = frame[self.column]
        if not pd.api.types.is_numeric_dtype(values):
            raise DataError(f"{file}: column {self.column!r} holds {values.dtype}, not numbers")
        row = panel.dates.get_indexer(_days(frame["timestamp"], file))
        column = pd.Index(panel.symbols).get_indexer(pd.Index(frame["symbol"].astype(str)))
        inside = (row >= 0) & (column >= 0)
        if len(np.unique(row[inside] * panel.shape[1] + column[inside])) != inside.sum():
            raise DataError(f"{file}: a (timestamp, symbol) pair occurs twice; drop one of them")
        out = np.full(panel.shape, np.nan)
        out[row[inside], column[inside]] = values.to_numpy(np.float64, na_value=np.nan)[inside]
        return out


def _days(stamps: pd.Series[Any], file: Path) -> pd.DatetimeIndex:
    """The stamps in UTC; numbers are refused, for their unit is anyone's guess."""
    try:
        if pd.api.types.is_numeric_dtype(stamps):
            raise ValueError("numbers")
        return pd.DatetimeIndex(pd.to_datetime(stamps, utc=True, format="ISO8601"))
    except (ValueError, TypeError) as error:
        raise DataError(f"{file}: column 'timestamp' holds no dates such as 2024-01-31") from error
