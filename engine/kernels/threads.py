"""Blocks of rows, shared among the threads of one pool: kernels run without Python's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import cache

PREFIX = "engine-kernels"  # of the names of threads that idle
CELLS = 64 * 1024  # a block of fewer is not worth a thread's start
_limit: ContextVar[int | None] = ContextVar("limit", default=None)


@contextmanager
def limiting(threads: int | None) -> Iterator[None]:
    """Have kernels inside run on this many threads; None leaves it as it is."""
    token = _limit.set(threads if threads is not None else _limit.get())
    try:
        yield
    finally:
        _limit.reset(token)


def cores() -> int:
    """How many threads this process may run at once."""
    limit = _limit.get()
    if limit is not None:
        return limit
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def blocks_of(rows: int, columns: int) -> list[slice]:
    """Cut an array's rows into blocks for `share`; those of a small array are one."""
    step = max(CELLS // max(columns, 1), 1)
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]


def share(
    blocks: Sequence[slice], work: Callable[[slice], object], threads: int | None = None
) -> None:
    """Do `work` on every block; whichever thread is free takes the next one.

    Parameters
    ----------
    blocks : sequence of slice
    work : callable
        Writes a block's results where no other block writes.
    threads : int, optional
        How many work at once, this one among them; by default one a core.
    """
    threads = threads or cores()
    waiting = iter(blocks)

    def take() -> None:
        for block in waiting:
            work(block)

    rest = blocks[1:threads]  # as many helpers as there are blocks beside the first
    helpers = [_pool(threads - 1).submit(copy_context().run, take) for _ in rest]
    try:
        take()
    finally:
        started = [helper for helper in helpers if not helper.cancel()]
        wait(started)  # none still writes when an error leaves here
    for helper in started:
        helper.result()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix=PREFIX)
