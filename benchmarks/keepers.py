"""Ways to keep factors: ours, and others by name, each as one who knows it would lay it out."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from engine import Block, LocalStore

F, T, N, MORE = 100, 2520, 500, 250
KEYS = tuple(f"factor_{k:03d}" for k in range(F))
SYMBOLS = tuple(f"S{i:04d}" for i in range(N))
DATES = pd.bdate_range("2010-01-04", periods=T + MORE, tz="UTC")
Array = np.ndarray[Any, Any]


class Keeper(Protocol):
    """A way to keep factors, in a folder."""

    name: str
    needs: str | None  # a library that may not be here
    days: int  # that are appended one by one; the others at once

    def __init__(self, folder: Path) -> None: ...

    def add(self, values: Array, start: int) -> None:
        """Write dates from row `start` on: values (F, dates, N)."""

    def factor(self, k: int) -> Array:
        """All dates of a factor, (T, N), as an array of the reader's own."""

    def date(self, t: int) -> Array:
        """All factors of a date, (F, N)."""

    def part(self, factors: int, start: int, stop: int) -> Array:
        """The first factors on some dates, (factors, dates, N)."""

    def finish(self) -> None:
        """Write what is still to be written, and delete what is not read any more."""


class Ours:
    """`engine.LocalStore`; folds are in each write."""

    name, needs, days = "engine", None, MORE

    def __init__(self, folder: Path) -> None:
        self.store = LocalStore(folder)

    def add(self, values: Array, start: int) -> None:
        """Write dates from row `start` on."""
        dates = DATES[start : start + values.shape[1]]
        self.store.write([Block(KEYS, dates, SYMBOLS, values)])
        self.store.fold()

    def factor(self, k: int) -> Array:
        """All dates of a factor, (T, N)."""
        return own(self.store.read([KEYS[k]]).values[0])

    def date(self, t: int) -> Array:
        """All factors of a date, (F, N)."""
        return own(self.store.read(KEYS, DATES[t], DATES[t]).values[:, 0])

    def part(self, factors: int, start: int, stop: int) -> Array:
        """The first factors on some dates, (factors, dates, N)."""
        return own(self.store.read(KEYS[:factors], DATES[start], DATES[stop - 1]).values)

    def finish(self) -> None:
        """Delete what was folded."""
        self.store.vacuum(lease=0.0)


def own(values: Array) -> Array:
    """Copy what is a view of a file, or of something that a store holds."""
    root: Any = values
    while isinstance(root, np.ndarray) and root.base is not None:
        root = root.base
    return values if isinstance(root, np.ndarray) else values.copy()


def force(file: Path) -> None:
    """Force a file to the disk, as the databases do with theirs."""
    handle = os.open(file, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


class Npy:
    """A mapped file of numpy's a batch, forced to the disk; nothing says which holds a date."""

    name, needs, days = "npy", None, MORE

    def __init__(self, folder: Path) -> None:
        self.folder, self.maps = folder, []

    def add(self, values: Array, start: int) -> None:
        file = self.folder / f"{start:06d}.npy"
        np.save(file, values)
        force(file)
        self.maps.append(np.load(file, mmap_mode="r"))

    def factor(self, k: int) -> Array:
        return np.concatenate([m[k] for m in self.maps])

    def date(self, t: int) -> Array:
        return np.array(self.maps[0][:, t] if t < T else self.maps[t - T + 1][:, 0])

    def part(self, factors: int, start: int, stop: int) -> Array:
        return np.array(self.maps[0][:factors, start:stop])

    def finish(self) -> None:
        return


def wide(values: Array, start: int) -> Any:
    """A row per date and symbol, a column per factor, as an Arrow table."""
    import pyarrow as pa

    dates = values.shape[1]
    columns = {"date": np.repeat(np.arange(start, start + dates, dtype=np.int32), N)}
    columns |= {"symbol": np.tile(np.arange(N, dtype=np.int32), dates)}
    return pa.table(columns | {KEYS[k]: values[k].ravel() for k in range(F)})


class Parquet:
    """A file a batch: a row per date and symbol, a column per factor, zstd; forced to the disk."""

    name, needs, days = "parquet", "pyarrow", MORE

    def __init__(self, folder: Path) -> None:
        self.folder, self.files = folder, []

    def add(self, values: Array, start: int) -> None:
        import pyarrow.parquet as pq

        file = self.folder / f"{start:06d}.parquet"
        pq.write_table(wide(values, start), file, compression="zstd", row_group_size=21 * N)
        force(file)
        self.files.append(str(file))

    def read(self, columns: list[str], start: int, stop: int) -> Array:
        import pyarrow.parquet as pq

        rows = [("date", ">=", start), ("date", "<", stop)]
        table = pq.read_table(self.files, columns=columns, filters=rows)
        return np.stack([table[name].to_numpy() for name in columns]).reshape(len(columns), -1, N)

    def factor(self, k: int) -> Array:
        return self.read([KEYS[k]], 0, T + MORE)[0]

    def date(self, t: int) -> Array:
        return self.read(list(KEYS), t, t + 1)[:, 0]

    def part(self, factors: int, start: int, stop: int) -> Array:
        return self.read(list(KEYS[:factors]), start, stop)

    def finish(self) -> None:
        return


class DuckDB:
    """The same table in one file."""

    name, needs, days = "duckdb", "duckdb", MORE

    def __init__(self, folder: Path) -> None:
        import duckdb

        self.connection = duckdb.connect(str(folder / "values.duckdb"))
        self.made = False

    def add(self, values: Array, start: int) -> None:
        table = wide(values, start)
        self.connection.register("batch", table)
        into = "INSERT INTO v SELECT * FROM batch" if self.made else "CREATE TABLE v AS FROM batch"
        self.connection.execute(into)
        self.made = True

    def read(self, columns: list[str], start: int, stop: int) -> Array:
        text = (
            f"SELECT {', '.join(columns)} FROM v WHERE date >= ? AND date < ? ORDER BY date, symbol"
        )
        found = self.connection.execute(text, [start, stop]).fetchnumpy()
        return np.stack([np.asarray(found[name]) for name in columns]).reshape(len(columns), -1, N)

    factor, date, part = Parquet.factor, Parquet.date, Parquet.part

    def finish(self) -> None:
        self.connection.execute("CHECKPOINT")


class Delta:
    """The same table in Delta's format, read with the statistics of its log; not forced."""

    name, needs, days = "delta", "deltalake", MORE

    def __init__(self, folder: Path) -> None:
        self.place = str(folder / "table")

    def add(self, values: Array, start: int) -> None:
        from deltalake import write_deltalake

        write_deltalake(self.place, wide(values, start), mode="append")

    def read(self, columns: list[str], start: int, stop: int) -> Array:
        from deltalake import DeltaTable

        rows = [("date", ">=", start), ("date", "<", stop)]
        dataset = DeltaTable(self.place).to_pyarrow_table(
            columns=["date", "symbol", *columns], filters=rows
        )
        order = np.lexsort((dataset["symbol"].to_numpy(), dataset["date"].to_numpy()))
        found = [dataset[name].to_numpy()[order] for name in columns]
        return np.stack(found).reshape(len(columns), -1, N)

    factor, date, part = Parquet.factor, Parquet.date, Parquet.part

    def finish(self) -> None:
        return


class Chdb:
    """ClickHouse's MergeTree in this process: a row per factor and date, an array of N values."""

    name, needs, days = "chdb", "chdb", MORE

    def __init__(self, folder: Path) -> None:
        from chdb import session

        self.session = session.Session(str(folder / "chdb"))
        self.session.query("CREATE DATABASE d ENGINE = Atomic")
        self.made = False

    def add(self, values: Array, start: int) -> None:
        import pyarrow as pa

        kind = {"float32": "Float32", "float64": "Float64"}[str(values.dtype)]
        if not self.made:
            self.session.query(
                f"CREATE TABLE d.v (f UInt16, t Int32, x Array({kind}))"
                " ENGINE = MergeTree ORDER BY (f, t)"
            )
            self.made = True
        dates = values.shape[1]
        flat = pa.array(np.ascontiguousarray(values).reshape(-1))
        offsets = pa.array(np.arange(0, len(flat) + 1, N, dtype=np.int32))
        rows = {
            "f": np.repeat(np.arange(F, dtype=np.uint16), dates),
            "t": np.tile(np.arange(start, start + dates, dtype=np.int32), F),
            "x": pa.ListArray.from_arrays(offsets, flat),
        }
        batch = pa.table(rows)  # noqa: F841 # ClickHouse finds it by its name
        self.session.query("INSERT INTO d.v SELECT * FROM Python(batch)")

    def _stack(self, where: str) -> Array:
        text = f"SELECT x FROM d.v WHERE {where} ORDER BY f, t"
        column = self.session.query(text, "ArrowTable")["x"]
        return np.concatenate([c.flatten().to_numpy() for c in column.chunks]).reshape(-1, N)

    def factor(self, k: int) -> Array:
        return self._stack(f"f = {k}")

    def date(self, t: int) -> Array:
        return self._stack(f"t = {t}")

    def part(self, factors: int, start: int, stop: int) -> Array:
        where = f"f < {factors} AND t >= {start} AND t < {stop}"
        return self._stack(where).reshape(factors, -1, N)

    def finish(self) -> None:
        return


class Sqlite:
    """A row per factor and date, a blob of N values; a log, forced to the disk."""

    name, needs, days = "sqlite", None, MORE

    def __init__(self, folder: Path) -> None:
        self.db = sqlite3.connect(folder / "values.sqlite", isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("CREATE TABLE v (f INT, t INT, x BLOB, PRIMARY KEY (f, t)) WITHOUT ROWID")

    def add(self, values: Array, start: int) -> None:
        self.dtype = values.dtype
        rows = (
            (k, start + t, values[k, t].tobytes()) for k in range(F) for t in range(values.shape[1])
        )
        self.db.execute("BEGIN")
        self.db.executemany("INSERT INTO v VALUES (?, ?, ?)", rows)
        self.db.execute("COMMIT")

    def _stack(self, text: str, values: tuple[int, ...]) -> Array:
        blobs = b"".join(row[0] for row in self.db.execute(text, values))
        return np.frombuffer(blobs, self.dtype).reshape(-1, N)

    def factor(self, k: int) -> Array:
        return self._stack("SELECT x FROM v WHERE f = ? ORDER BY t", (k,))

    def date(self, t: int) -> Array:
        return np.concatenate(
            [self._stack("SELECT x FROM v WHERE f = ? AND t = ?", (k, t)) for k in range(F)]
        )

    def part(self, factors: int, start: int, stop: int) -> Array:
        text = "SELECT x FROM v WHERE f < ? AND t >= ? AND t < ? ORDER BY f, t"
        return self._stack(text, (factors, start, stop)).reshape(factors, -1, N)

    def finish(self) -> None:
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


class QlibBin:
    """Qlib's format, not its code: a file of float32 per symbol and factor.

    The first number of a file is the row of the calendar where it starts. A day is 50,000 files.
    """

    name, needs, days = "qlib bin", None, 10

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for i in range(N):
            (folder / str(i)).mkdir()

    def add(self, values: Array, start: int) -> None:
        head = np.array([0], "<f4").tobytes() if start == 0 else b""
        for i in range(N):
            for k in range(F):
                with (self.folder / str(i) / f"{k}.day.bin").open("ab") as file:
                    file.write(head + values[k, :, i].astype("<f4").tobytes())

    def _column(self, k: int, i: int, start: int, stop: int) -> Array:
        with (self.folder / str(i) / f"{k}.day.bin").open("rb") as file:
            file.seek(4 * (1 + start))
            return np.frombuffer(file.read(4 * (stop - start)), "<f4")

    def factor(self, k: int) -> Array:
        return np.stack([self._column(k, i, 0, T + MORE) for i in range(N)], axis=1)

    def date(self, t: int) -> Array:
        return self.part(F, t, t + 1)[:, 0]

    def part(self, factors: int, start: int, stop: int) -> Array:
        return np.stack(
            [
                np.stack([self._column(k, i, start, stop) for i in range(N)], axis=1)
                for k in range(factors)
            ]
        )

    def finish(self) -> None:
        return


KEEPERS: tuple[type[Keeper], ...] = (Ours, Npy, Parquet, DuckDB, Delta, Chdb, Sqlite, QlibBin)
