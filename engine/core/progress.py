"""How far a long piece of work has come: told by whoever does it, heard by whoever asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Hear = Callable[[int, int], None]
_hear: ContextVar[Hear] = ContextVar("hear", default=lambda done, total: None)


def progress(done: int, total: int) -> None:
    """Tell how much of a long piece of work is done, of how much in all.

    A plugin may call it too; a terminal then shows how far a stage has come, and what is left.
    """
    _hear.get()(done, total)


@contextmanager
def hearing(hear: Hear) -> Iterator[None]:
    """Have `hear` called with what `progress` is told inside."""
    token = _hear.set(hear)
    try:
        yield
    finally:
        _hear.reset(token)
