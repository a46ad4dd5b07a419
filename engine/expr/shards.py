"""Pieces of the dates worked on by other processes: joblib's on this machine, Dask's, or Ray's.

1. The panel is written once, field by field, into a folder that every worker can read.
2. A task is the folder, the formulas and a span of dates. A worker maps the fields into memory,
   so that it reads only the rows of its span and of the lookback before it.
3. It writes its values into the folder, under their last name when they are complete; so a task
   that a dead worker left is done again by another one.
4. The values are handed on in the order of the dates, and their file is deleted.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.lib.format import open_memmap

from engine.core.errors import ConfigError, EngineError, did_you_mean
from engine.core.groups import Grouping
from engine.core.orphans import end_with
from engine.core.panel import FloatArray, Panel
from engine.expr.nodes import Node
from engine.expr.pieces import Plan, make_plan
from engine.expr.spanning import spans

AHEAD = 2  # tasks a worker that are under way, or done and waiting for their turn
PACKAGES = {"local": "joblib", "dask": "distributed", "ray": "ray"}
EXTRAS = {"dask": "scale", "ray": "ray"}


@dataclass(frozen=True)
class Shared:
    """A plan as workers get it: small, for its arrays lie in the files of a folder."""

    folder: Path
    formulas: Mapping[str, Node]
    lookback: int
    files: Mapping[str, Path]
    dates: pd.DatetimeIndex
    symbols: tuple[str, ...]
    groups: Mapping[str, Grouping]
    periods_per_year: float
    quorum: float
    dtype: str

    @classmethod
    def of(cls, plan: Plan, folder: Path) -> Shared:
        """Write what is not yet in a file."""
        panel, files = plan.panel, dict(plan.files)
        for number, (name, array) in enumerate(panel.fields.items()):
            if name not in files:
                files[name] = folder / f"field-{number}.npy"
                np.save(files[name], array)
        np.save(folder / "member.npy", panel.member)
        return cls(
            folder=folder,
            formulas=plan.formulas,
            lookback=plan.lookback,
            files=files,
            dates=panel.dates,
            symbols=panel.symbols,
            groups=panel.groups,
            periods_per_year=panel.periods_per_year,
            quorum=panel.quorum,
            dtype=plan.dtype,
        )

    def plan(self) -> Plan:
        """The plan again, on arrays mapped into memory."""
        fields = {name: np.load(path, mmap_mode="r") for name, path in self.files.items()}
        member = np.load(self.folder / "member.npy", mmap_mode="r")
        panel = Panel(
            self.dates,
            self.symbols,
            fields,
            self.groups,
            member=member,
            periods_per_year=self.periods_per_year,
            quorum=self.quorum,
        )
        return Plan(self.formulas, panel, self.lookback, 0, self.files, (), self.dtype)


def evaluate_shards(
    formulas: Mapping[str, str | Node],
    panel: Panel,
    rows: int,
    *,
    start: int = 0,
    parallel: str = "local",
    workers: int = 2,
) -> Iterator[tuple[slice, dict[str, FloatArray]]]:
    """Compute formulas on a panel, in other processes.

    Parameters
    ----------
    formulas, panel, rows, start
        As for `engine.expr.pieces.evaluate_pieces`.
    parallel : {"local", "dask", "ray"}
        Processes of joblib; Dask's, of the cluster that its settings name
        (``DASK_SCHEDULER_ADDRESS``, with a folder for temporary files that all of it can read)
        or else of one made for this; Ray's.
    workers : int
        How many processes.

    Yields
    ------
    slice
        Rows of the panel, in order.
    dict of str to float array, shape (rows, N)
        Their values: the bytes that `engine.evaluate` gives.

    Raises
    ------
    ConfigError
        No such way to work in parallel, or its package is not installed.
    EngineError
        The workers failed.
    """
    with make_plan(formulas, panel) as plan:
        yield from from_processes(plan, rows, start=start, parallel=parallel, workers=workers)


def from_processes(
    plan: Plan, rows: int, *, start: int, parallel: str, workers: int
) -> Iterator[tuple[slice, dict[str, FloatArray]]]:
    """The pieces of a plan, in order, from other processes."""
    refuse_parallel(parallel)
    todo = spans(start, plan.panel.shape[0], rows)
    with TemporaryDirectory(prefix="formulas-") as folder:
        done = BACKENDS[parallel](Shared.of(plan, Path(folder)), todo, workers)
        for span, file in zip(todo, _tell_failures(done, parallel), strict=True):
            values = np.load(file, mmap_mode="r")
            yield span, dict(zip(plan.formulas, values, strict=True))
            Path(file).unlink()


def refuse_parallel(parallel: str) -> None:
    """Raise ConfigError unless there is such a way to work in parallel, and it is installed."""
    if parallel not in BACKENDS:
        raise ConfigError(f"--parallel {parallel}: {did_you_mean(parallel, BACKENDS)}")
    if find_spec(PACKAGES[parallel]) is None:
        raise ConfigError(
            f"--parallel {parallel}: not installed; "
            f"type: pip install 'alpha-engine[{EXTRAS[parallel]}]'"
        )


def work(shared: Shared, span: slice) -> str:
    """Compute some dates in a worker; return the file of their values, shape (K, rows, N).

    It gets its name when it is complete: whoever does the work again finds none, or all of it.
    """
    shape = len(shared.formulas), span.stop - span.start, len(shared.symbols)
    done = shared.folder / f"rows-{span.start}.npy"
    with TemporaryDirectory(dir=shared.folder) as folder:
        part = Path(folder) / "part.npy"
        out = open_memmap(part, "w+", shared.dtype, shape)
        numbers = {name: number for number, name in enumerate(shared.formulas)}
        for name, values in shared.plan().each(span, threads=1):
            out[numbers[name]] = values
        out.flush()
        part.replace(done)
    return str(done)


def _tell_failures(done: Iterator[str], parallel: str) -> Iterator[str]:
    """The same; what workers and their managers raise becomes one line."""
    try:
        yield from done
    except (EngineError, OSError):
        raise
    except Exception as error:
        what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise EngineError(f"--parallel {parallel}: {what}; try fewer --workers") from error


def _local(shared: Shared, todo: Sequence[slice], workers: int) -> Iterator[str]:
    from joblib import Parallel, delayed

    pool = Parallel(n_jobs=workers, return_as="generator", pre_dispatch=AHEAD * workers)
    yield from pool(delayed(_work_below)(os.getpid(), shared, span) for span in todo)


def _work_below(parent: int, shared: Shared, span: slice) -> str:
    """The work, in a process that ends with its parent."""
    if os.getpid() != parent:  # one worker is no process of its own
        end_with(parent)
    return work(shared, span)


def _dask(shared: Shared, todo: Sequence[slice], workers: int) -> Iterator[str]:
    import dask
    from dask.distributed import Client

    address = dask.config.get("scheduler-address", None)
    own: dict[str, Any] = {
        "n_workers": workers,
        "threads_per_worker": 1,
        "processes": True,
        "dashboard_address": None,
        "memory_limit": 0,  # mapped files count as memory, and would have workers ended
        "local_directory": shared.folder,
    }
    opened: Any = Client  # untyped
    with opened(**({"address": address} if address else own)) as client:
        submit = client.submit
        yield from _in_order(
            lambda span: submit(work, shared, span, pure=False),
            lambda future: future.result(),
            todo,
            AHEAD * workers,
        )


def _ray(shared: Shared, todo: Sequence[slice], workers: int) -> Iterator[str]:
    import ray

    with ray.init(num_cpus=workers, include_dashboard=False):
        task, there = ray.remote(work), ray.put(shared)
        yield from _in_order(lambda span: task.remote(there, span), ray.get, todo, AHEAD * workers)


def _in_order(
    begin: Callable[[slice], Any],
    result: Callable[[Any], str],
    todo: Sequence[slice],
    ahead: int,
) -> Iterator[str]:
    """Results in the order of the spans, of which a few are begun ahead."""
    rest = iter(todo)
    begun = deque(begin(span) for span in islice(rest, ahead))
    while begun:
        done = result(begun.popleft())
        begun.extend(begin(span) for span in islice(rest, 1))
        yield done


BACKENDS = {"local": _local, "dask": _dask, "ray": _ray}
