"""A factor that an earlier run, or another program, left in a parquet file."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import ClassVar

from engine import ConfigError, Factor, FloatArray, Panel, option
from engine.plugins._column import Column, Met

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FileFactor(Factor):
    """One column of a long parquet file, such as a run's ``forecasts.parquet``.

    Rows are matched by date and symbol; cells that the file lacks are NaN. With `as_of` a cell
    has its symbol's last row dated at or before it, NaN included, until the next one. What the
    file knew when is the file's business: the engine cannot check it. Where dates or symbols
    hardly meet those of the bars, a line says how many do.
    """

    name: ClassVar[str] = "file"
    path: str = option("", "parquet file with timestamp, symbol and the column", file=True)
    column: str = option("", "column to read")
    as_of: bool = option(False, "take each symbol's last row at or before a date")

    def __post_init__(self) -> None:
        if not self.path or not self.column:
            raise ConfigError("a factor from a file needs path and column: set both")

    @property
    def lookback(self) -> int:
        """0: a row is read as it stands."""
        return 0

    def compute(self, panel: Panel) -> FloatArray:
        """Return the column on the panel's dates and symbols, shape (T, N)."""
        column = self._read()
        met = self._meet(column, panel)
        if met.few:
            log.warning("%s: %s", self.path, met.text)
        return column.lay_out(panel.dates, panel.symbols, as_of=self.as_of)

    def complaint(self, panel: Panel) -> str:
        """How many of the bars' dates and symbols are in the file."""
        return f"{self.path}: {self._meet(self._read(), panel).text}"

    def _read(self) -> Column:
        return Column.read(self.path, self.column, "factor")

    def _meet(self, column: Column, panel: Panel) -> Met:
        return Met.count(column, panel.dates, panel.symbols, as_of=self.as_of)
