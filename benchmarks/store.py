"""The store of values, beside other ways to keep factors, on the same random values.

    python benchmarks/store.py [float32|float64] [NAME…]

100 factors × 500 symbols × 2520 days, then 250 days appended one by one, folds and fsync in it;
then reads of the open store, after all of that, each into an array of the reader's own. A peer that
is not installed is skipped (`pip install deltalake chdb`). What is read is compared with what was
written. Bulk is the best of three where it takes under five seconds, an append the median and the
worst, a read the best of thirty, in ms. The machine may be shared: compare within a run.

- ``npy``: a file of numpy's per batch, mapped and forced to the disk;
- ``parquet``: a row per date and symbol, a column per factor, zstd, a file per batch, forced;
- ``duckdb``, ``delta``: the same table; ``sqlite``, ``chdb``: a row per factor and date;
- ``qlib bin``: a file of float32 per symbol and factor: the format of Qlib, written by us.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from cases import Bars
from keepers import KEEPERS, KEYS, MORE, Array, F, Keeper, N, Ours, QlibBin, T
from peers import Ours as Formulas

from engine import Block, LocalStore

READS = 30
HEAD = ("", "bulk s", "append ms", "worst", "factor ms", "date ms", "newest", "20 x 63", "MB")


def main() -> None:
    words = sys.argv[1:]
    dtype = next((word for word in words if word.startswith("float")), "float32")
    names = {*words} - {dtype}
    random = np.random.default_rng(0)
    first = random.standard_normal((F, T, N), dtype=dtype)
    more = random.standard_normal((F, MORE, N), dtype=dtype)
    print(
        f"{F} factors x {N} symbols x {T} + {MORE} days, {dtype}, {first.nbytes / 1e6:.0f} MB, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n"
    )
    print("{:<12s}{:>8s}{:>10s}{:>8s}{:>11s}{:>9s}{:>8s}{:>9s}{:>7s}".format(*HEAD))
    for kind in KEEPERS:
        if names and kind.name not in names:
            continue
        if kind.needs and importlib.util.find_spec(kind.needs) is None:
            print(f"{kind.name:<12s}skipped: {kind.needs} is not installed")
            continue
        measure(kind, first, more)
    if not names or "engine" in names:
        compare(first, more)
        compute()


@contextmanager
def folder() -> Iterator[Path]:
    """A folder that goes."""
    place = Path(tempfile.mkdtemp(prefix="store-"))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def measure(kind: type[Keeper], first: Array, more: Array) -> None:
    """Print a line of the table; for ours, a second one of the same values compressed."""
    with folder() as place:
        bulk = [timed(lambda: kind(place).add(first, 0))] if kind is not QlibBin else []
    while bulk and bulk[0] < 5 and len(bulk) < 3 and kind.name != "chdb":  # one session a process
        with folder() as place:
            keeper = kind(place)
            bulk.append(timed(lambda: keeper.add(first, 0)))  # noqa: B023
    with folder() as place:
        keeper = kind(place)
        bulk.append(timed(lambda: keeper.add(first, 0)))
        days = [timed(lambda t=t: keeper.add(more[:, t : t + 1], T + t)) for t in range(kind.days)]
        if kind.days < MORE:
            keeper.add(more[:, kind.days :], T + kind.days)
        keeper.finish()
        reads = read(keeper, first, more)
        line = f"{kind.name:<12s}{min(bulk):8.1f}{statistics.median(days) * 1e3:10.1f}"
        print(f"{line}{max(days) * 1e3:8.0f}{reads}{size(place):7.0f}", flush=True)
        if isinstance(keeper, Ours):
            compact(keeper, place, first, more)


def read(keeper: Keeper, first: Array, more: Array) -> str:
    """Time the reads, and stop where one is not what was written."""
    expect(keeper.factor(7), np.concatenate([first[7], more[7]]))
    expect(keeper.date(100), first[:, 100])
    expect(keeper.date(T + 9), more[:, 9])
    expect(keeper.part(20, 2000, 2063), first[:20, 2000:2063])
    factor = often(lambda: keeper.factor(7))
    old, new = often(lambda: keeper.date(100)), often(lambda: keeper.date(T + 9))
    part = often(lambda: keeper.part(20, 2000, 2063))
    return f"{factor:11.2f}{old:9.2f}{new:8.2f}{part:9.2f}"


def compact(keeper: Ours, place: Path, first: Array, more: Array) -> None:
    """The same store, compressed: what a first read costs, and later ones."""
    seconds = timed(keeper.store.compact)
    keeper.finish()
    keeper.date(T + 9)  # what was mapped is let go
    cold = [1e3 * timed(work) for work in (lambda: keeper.factor(8), lambda: keeper.date(900))]
    reads = read(keeper, first, more)
    print(f"{'  compacted':<12s}{seconds:8.1f}{'':18s}{reads}{size(place):7.0f}", flush=True)
    print(f"{'':30s}first read:{cold[0]:8.1f}{cold[1]:9.1f}")


def compare(first: Array, more: Array) -> None:
    """Our targets, with the yardstick read in turn: one array in one file of numpy's."""
    with folder() as place:
        whole = np.concatenate([first, more], axis=1)
        np.save(place / "whole.npy", whole)
        keeper = Ours(place / "store")
        keeper.add(first, 0)
        for t in range(MORE):
            keeper.add(more[:, t : t + 1], T + t)
        keeper.factor(3)
        ours, theirs = [], []
        for k in range(F):
            ours.append(timed(lambda: keeper.factor(k)))  # noqa: B023
            theirs.append(timed(lambda: load(place / "whole.npy", k)))  # noqa: B023
        ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
        print(
            f"\nfactor / np.load(mmap)[f].copy(), in turn: {ratio:.2f} in the median, "
            f"{min(ours) / min(theirs):.2f} of the best ({1e3 * min(ours):.2f} ms)"
        )
        keeper.store.compact()
        keeper.finish()
        table = {key: whole[k].ravel() for k, key in enumerate(KEYS)}
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table(table), place / "whole.parquet", compression="zstd")
        cold, peer = size(place / "store"), size(place / "whole.parquet")
        print(
            f"size after compact / parquet with zstd: {cold:.0f} / {peer:.0f} = {cold / peer:.2f}"
        )


def load(file: Path, k: int) -> Array:
    """A factor of a file of numpy's."""
    return np.load(file, mmap_mode="r")[k].copy()


def compute() -> None:
    """What a run asks of its store: 27 factors of 500 × 2520, computed, mapped, copied."""
    bars = Bars.simulated(N, T)
    job = Formulas(bars, threads=0).job("core_ta_price")
    values = job.values(job.run())
    keys, names = tuple(values), tuple(f"S{i:04d}" for i in range(N))
    dates = pd.bdate_range("2010-01-04", periods=T, tz="UTC")
    with folder() as place:
        store = LocalStore(place)
        store.write([Block(keys, dates, names, np.stack([*values.values()]))])
        expect(store.read(keys).values, np.stack([*values.values()]))
        working, mapped, copied = [], [], []
        for _ in range(5):
            working.append(timed(job.run))
            mapped.append(timed(lambda: store.read_each(keys)))
            copied.append(timed(lambda: np.array(store.read(keys).values)))
        best = [1e3 * min(each) for each in (working, mapped, copied)]
        print(
            f"{len(keys)} factors of {T} x {N}, float64: computed in {best[0]:.0f} ms, mapped in "
            f"{best[1]:.2f} ({best[1] / best[0]:.2%}), copied in {best[2]:.0f} "
            f"({best[2] / best[0]:.0%})"
        )


def size(place: Path) -> float:
    """MB of a file, or of all files of a folder."""
    files = [place] if place.is_file() else [f for f in place.rglob("*") if f.is_file()]
    return sum(file.stat().st_size for file in files) / 1e6


def expect(found: Array, written: Array) -> None:
    """Stop where what was read is not what was written."""
    if not np.array_equal(found, written.astype(found.dtype), equal_nan=True):
        raise SystemExit("values differ")


def timed(work: Callable[[], Any]) -> float:
    """Seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def often(work: Callable[[], object]) -> float:
    """Best of many, in ms; a read of seconds is done three times."""
    first = timed(work)
    return 1e3 * min(timed(work) for _ in range(READS if first < 0.5 else 3))


if __name__ == "__main__":
    main()
