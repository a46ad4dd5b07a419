"""The file of ``engine factors compute``, written and continued some dates at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.errors import ConfigError, DataError
from engine.core.panel import FloatArray, Panel
from engine.core.whole import writing_whole

BATCH = 256 * 1024**2  # bytes of a file that are copied at a time
KEYS = b"alpha_engine.keys"  # of the schema: which formula each column is
ANNUAL = b"alpha_engine.periods_per_year"  # of the schema: rows a year of the panel
AGAIN = "compute the whole file again with --out"


@dataclass(frozen=True)
class Writer:
    """A file under way: its row groups are the pieces."""

    panel: Panel
    file: Any

    def write(self, span: slice, values: dict[str, FloatArray]) -> None:
        """Add some dates; the arrays are used up, a column at a time."""
        rows = self.panel.between(span.start, span.stop)
        table, flat = keys(rows), rows.present.ravel()
        for name in list(values):
            table = table.append_column(name, [values.pop(name).ravel()[flat]])
        if len(table):
            self.file.write_table(table, row_group_size=len(table))


@contextmanager
def writing(
    path: Path, panel: Panel, names: Sequence[str], formulas: Mapping[str, str], dtype: str
) -> Iterator[Writer]:
    """A writer of the file, which has its name only when it is complete.

    Keys of the `formulas` among the columns are kept in it, and the panel's rows a year.

    Raises
    ------
    ConfigError
        It cannot be written there.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.exists() and not path.is_file():
        raise ConfigError(f"--out {path}: not a file; choose another")
    path = path.resolve()
    schema = keys(panel.between(0, 0)).schema
    for name in names:
        schema = schema.append(pa.field(name, pa.from_numpy_dtype(dtype)))
    kept = json.dumps({name: formulas[name] for name in names if name in formulas})
    notes = {KEYS: kept, ANNUAL: repr(panel.periods_per_year)}
    schema = schema.with_metadata({**(schema.metadata or {}), **notes})
    try:
        with writing_whole(path) as part, pq.ParquetWriter(part, schema) as file:
            yield Writer(panel, file)
    except OSError as error:
        raise ConfigError(f"--out {path}: {error.strerror or error}; choose another file") from None


def read_periods(path: Path) -> float | None:
    """Rows a year of the panel that a file is of; None where it does not say.

    Raises
    ------
    ConfigError
        It is no parquet file.
    """
    kept = (_open(path).schema_arrow.metadata or {}).get(ANNUAL)
    return None if kept is None else float(kept)


def keys(panel: Panel) -> Any:
    """The columns timestamp and symbol, a row per bar, as a table."""
    import pyarrow as pa

    return pa.Table.from_pandas(panel.long({}), preserve_index=False)


@dataclass(frozen=True)
class Stored:
    """A file of earlier dates of a panel, to be continued.

    Parameters
    ----------
    path : pathlib.Path
    panel : Panel
    names : tuple of str
        Its factors.
    row : int
        Row of the panel of its last date.
    """

    path: Path
    panel: Panel
    names: tuple[str, ...]
    row: int

    @classmethod
    def of(cls, path: Path, panel: Panel, names: Sequence[str], dtype: str) -> Stored:
        """Open a file.

        Raises
        ------
        ConfigError
            It is no parquet file of these factors, or one of another number of rows a year.
        DataError
            It does not end with one of the panel's dates.
        """
        file = _open(path)
        _refuse_other_columns(path, file.schema_arrow, names, dtype)
        _refuse_other_year(path, panel)
        ends = np.cumsum(panel.present.sum(axis=1))
        bars = file.metadata.num_rows
        row = int(np.searchsorted(ends, bars))
        if not bars or row == len(ends) or ends[row] != bars:
            raise DataError(
                f"--append {path}: it has {bars} rows, which the bars up to none of their dates "
                f"have: bars came or went; {AGAIN}"
            )
        return cls(path, panel, tuple(names), row)

    def refuse_other_formulas(self, formulas: Mapping[str, str]) -> None:
        """Raise DataError where a column was another formula; files of others have no keys."""
        metadata = _open(self.path).schema_arrow.metadata or {}
        if KEYS not in metadata:
            return
        kept = json.loads(metadata[KEYS])
        for name in self.names:
            if kept.get(name) != formulas.get(name):
                raise DataError(
                    f"--append {self.path}: {name} was another formula there, or an operator of a "
                    f"plugin was changed since: {AGAIN}"
                )

    def compare(self, values: dict[str, FloatArray]) -> None:
        """Raise DataError where the last date, computed again (N,), is not what is stored."""
        flat = np.flatnonzero(self.panel.present[self.row])
        stored = self._tail(len(flat))
        for name in self.names:
            old, new = stored[name].to_numpy(), values[name][flat]
            bits = f"i{old.itemsize}"
            differ = (old.view(bits) != new.view(bits)) & ~(np.isnan(old) & np.isnan(new))
            if differ.any():
                at = int(np.argmax(differ))
                raise DataError(
                    f"--append {self.path}: {name} of {self.panel.symbols[flat[at]]} on "
                    f"{self.panel.dates[self.row]:%Y-%m-%d} is {float(old[at])!r} there and "
                    f"{float(new[at])!r} by these bars: they were revised; {AGAIN}"
                )

    def copy(self, writer: Writer) -> None:
        """Write what is stored; DataError where its dates and symbols are not the panel's."""
        import pyarrow as pa

        ends = np.cumsum(self.panel.present.sum(axis=1))
        first = 0
        batches = _open(self.path).iter_batches(max(BATCH // (8 * len(self.names) + 16), 1))
        for batch in batches:
            last = first + len(batch)
            start, stop = np.searchsorted(ends, [first, last - 1], side="right")
            skip = first - (int(ends[start - 1]) if start else 0)
            table = keys(self.panel.between(int(start), int(stop) + 1)).slice(skip, len(batch))
            self._refuse_other_keys(pa.table(batch), table)
            for name in self.names:
                table = table.append_column(name, batch.column(name))
            writer.file.write_table(table, row_group_size=len(table))
            first = last

    def _refuse_other_keys(self, stored: Any, table: Any) -> None:
        there, here = (t.select(["timestamp", "symbol"]).to_pandas() for t in (stored, table))
        differ = (there["timestamp"].to_numpy() != here["timestamp"].to_numpy()) | (
            there["symbol"].astype(str).to_numpy() != here["symbol"].astype(str).to_numpy()
        )
        if differ.any():
            at = int(np.argmax(differ))
            one, other = (f"{f.symbol[at]} on {f.timestamp[at]:%Y-%m-%d}" for f in (there, here))
            raise DataError(
                f"--append {self.path}: it has {one} where the bars have {other}: "
                f"bars came or went; {AGAIN}"
            )

    def _tail(self, rows: int) -> Any:
        """The last rows of the factors' columns."""
        file, wanted = _open(self.path), rows
        groups: list[int] = []
        for number in reversed(range(file.num_row_groups)):
            if wanted > 0:
                groups.insert(0, number)
                wanted -= file.metadata.row_group(number).num_rows
        table = file.read_row_groups(groups, columns=list(self.names))
        return table.slice(len(table) - rows)


def _open(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowInvalid) as error:
        what = str(error).splitlines()[0]
        raise ConfigError(f"--append {path}: {what}; write it first, with --out") from None


def _refuse_other_year(path: Path, panel: Panel) -> None:
    kept = read_periods(path)
    if kept is not None and kept != panel.periods_per_year:
        raise ConfigError(
            f"time.periods_per_year={panel.periods_per_year:g}: {path} was written with {kept:g}; "
            f"set that, or {AGAIN}"
        )


def _refuse_other_columns(path: Path, schema: Any, names: Sequence[str], dtype: str) -> None:
    import pyarrow as pa

    there, here = list(schema.names), ["timestamp", "symbol", *names]
    if there != here:
        odd = [n for n in there if n not in here] or [n for n in here if n not in there]
        what = f"not both have {odd[0]!r}" if odd else "their order differs"
        raise ConfigError(
            f"--append {path}: its columns are not those asked for ({what}): "
            f"ask for the same factors, or {AGAIN}"
        )
    wrong = [n for n in names if schema.field(n).type != pa.from_numpy_dtype(dtype)]
    if wrong:
        found = schema.field(wrong[0]).type
        raise ConfigError(
            f"--append {path}: {wrong[0]} is a column of {found}, not of {dtype}: say --dtype, or "
            f"{AGAIN}"
        )
