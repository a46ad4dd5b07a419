"""A line on a terminal for what takes long: how far it has come, and how long it will take."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Show = Callable[[str, int, int], None]


@contextmanager
def bar() -> Iterator[Show]:
    """Yield what shows a part's name, how much of it is done, and of how much (0: unknown).

    Nothing is shown where the output is a file or a pipe.
    """
    if not sys.stderr.isatty():
        yield lambda name, done, total: None
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
        task = screen.add_task("", total=None)
        shown = ""

        def show(name: str, done: int, total: int) -> None:
            nonlocal shown
            if name != shown:  # the time that is left goes by this part's speed alone
                screen.reset(task, description=name)
                shown = name
            screen.update(task, completed=done, total=total or None)

        yield show
