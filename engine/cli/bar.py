"""A line on a terminal for what takes long: how far it has come, and how long it will take."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

Show = Callable[[str, int, int], None]
_screens: list[Progress] = []  # of this process: rich has one at a time


@contextmanager
def bar() -> Iterator[Show]:
    """Yield what shows a part's name, how much of it is done, and of how much (0: unknown).

    Nothing is shown where the output is a file or a pipe.
    """
    if not sys.stderr.isatty():
        yield lambda name, done, total: None
        return
    if _screens:  # a sweep's: its jobs have a line below its own
        yield from _show(_screens[-1])
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description:12s}"),
        BarColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),  # else what is printed would not reach a pipe
    ) as screen:
        _screens.append(screen)
        try:
            yield from _show(screen)
        finally:
            _screens.remove(screen)


def _show(screen: Progress) -> Iterator[Show]:
    """A line of the screen, which goes when it is no longer needed."""
    task = screen.add_task("", total=None)
    shown = ""

    def show(name: str, done: int, total: int) -> None:
        nonlocal shown
        if name != shown and done == 0:  # the time left goes by this part's speed alone
            screen.reset(task)
        shown = name
        screen.update(task, description=name, completed=done, total=total or None)

    try:
        yield show
    finally:
        screen.remove_task(task)
