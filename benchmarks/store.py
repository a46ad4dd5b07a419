"""The store of values, beside other ways to keep factors, on the same random values.

    python benchmarks/store.py [float32|float64]

100 factors × 500 symbols × 2520 days, then 250 days appended one by one, folds and fsync in it.
Reads are medians of 30, of an open store, in milliseconds; what each reads is compared with what
was written. Sizes are those of the folder at the end.

- ``npy``: a file of numpy's per batch, mapped; nothing says which of them hold a date;
- ``parquet``: a row per date and symbol, a column per factor, zstd, a file per batch;
- ``duckdb``: the same table in one file; ``sqlite``: a row per factor and date, a blob of N values;
- ``qlib bin``: Qlib's format, a file of float32 per symbol and factor.
"""

from __future__ import annotations

import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engine import Block, LocalStore

F, T, N, MORE, READS = 100, 2520, 500, 250, 30
KEYS = tuple(f"factor_{k:03d}" for k in range(F))
SYMBOLS = tuple(f"S{i:04d}" for i in range(N))
DATES = pd.bdate_range("2010-01-04", periods=T + MORE, tz="UTC")
Array = np.ndarray[Any, Any]


class Ours:
    """`engine.storage.LocalStore`."""

    name = "engine"

    def __init__(self, folder: Path) -> None:
        self.store = LocalStore(folder)

    def add(self, values: Array, start: int) -> None:
        """Write dates from row `start` on."""
        dates = DATES[start : start + values.shape[1]]
        self.store.write([Block(KEYS, dates, SYMBOLS, values)])
        self.store.fold()

    def factor(self, k: int) -> Array:
        """All dates of a factor, (T, N)."""
        return self.store.read([KEYS[k]]).values[0]

    def date(self, t: int) -> Array:
        """All factors of a date, (F, N)."""
        return self.store.read(KEYS, DATES[t], DATES[t]).values[:, 0]

    def part(self, factors: int, start: int, stop: int) -> Array:
        """The first factors on some dates, (factors, dates, N)."""
        return self.store.read(KEYS[:factors], DATES[start], DATES[stop - 1]).values

    def finish(self) -> None:
        """Delete what was folded."""
        self.store.vacuum(lease=0.0)


class Npy:
    """A mapped file a batch."""

    name = "npy"

    def __init__(self, folder: Path) -> None:
        self.folder, self.maps = folder, []

    def add(self, values: Array, start: int) -> None:
        file = self.folder / f"{start:06d}.npy"
        np.save(file, values)
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
    """A file a batch."""

    name = "parquet"

    def __init__(self, folder: Path) -> None:
        self.folder, self.files = folder, []

    def add(self, values: Array, start: int) -> None:
        import pyarrow.parquet as pq

        file = self.folder / f"{start:06d}.parquet"
        pq.write_table(wide(values, start), file, compression="zstd", row_group_size=21 * N)
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
    """One table."""

    name = "duckdb"

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


class Sqlite:
    """A row per factor and date."""

    name = "sqlite"

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
    """A file of float32 per symbol and factor; the first number is where it starts."""

    name = "qlib bin"

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


def main() -> None:
    dtype = sys.argv[1] if len(sys.argv) > 1 else "float32"
    random = np.random.default_rng(0)
    first = random.standard_normal((F, T, N), dtype=np.float32).astype(dtype)
    more = random.standard_normal((F, MORE, N), dtype=np.float32).astype(dtype)
    print(f"{F} factors x {N} symbols x {T} + {MORE} days, {dtype}, {first.nbytes / 1e6:.0f} MB\n")
    head = ("", "bulk s", "append ms", "worst", "factor ms", "date ms", "newest", "20 x 63", "MB")
    print("{:<10s}{:>8s}{:>10s}{:>8s}{:>11s}{:>9s}{:>8s}{:>9s}{:>7s}".format(*head))
    for kind in (Ours, Npy, Parquet, DuckDB, Sqlite, QlibBin):
        folder = Path(tempfile.mkdtemp(prefix="store-"))
        try:
            print(row(kind, folder, first, more), flush=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def row(kind: Any, folder: Path, first: Array, more: Array) -> str:
    """A line of the table."""
    store = kind(folder)
    bulk = timed(lambda: store.add(first, 0))
    days = MORE if kind is not QlibBin else 10  # a day is 50,000 files there
    appended = [timed(lambda t=t: store.add(more[:, t : t + 1], T + t)) for t in range(days)]
    if days < MORE:
        store.add(more[:, days:], T + days)
    store.finish()
    everything = np.concatenate([first, more], axis=1)
    expect(store.factor(7), everything[7])
    expect(store.date(100), everything[:, 100])
    expect(store.date(T + 9), everything[:, T + 9])
    expect(store.part(20, 2000, 2063), everything[:20, 2000:2063])
    reads = (
        lambda: store.factor(7),
        lambda: store.date(100),
        lambda: store.date(T + 9),
        lambda: store.part(20, 2000, 2063),
    )
    factor, old, new, part = (often(read) for read in reads)
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6
    return (
        f"{kind.name:<10s}{bulk:8.1f}{statistics.median(appended) * 1e3:10.1f}"
        f"{max(appended) * 1e3:8.0f}{factor:11.2f}{old:9.2f}{new:8.2f}{part:9.2f}{size:7.0f}"
    )


def expect(read: Array, written: Array) -> None:
    """Stop where what was read is not what was written."""
    if not np.array_equal(read, written.astype(read.dtype)):
        raise SystemExit("values differ")


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def often(read: Callable[[], object]) -> float:
    """Median of many, in ms; a read of seconds is done three times."""
    first = timed(read)
    return 1e3 * statistics.median(timed(read) for _ in range(READS if first < 0.5 else 3))


if __name__ == "__main__":
    main()
