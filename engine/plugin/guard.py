"""Strangers' code is called here: under its name, and kept away from what others see.

1. Its stage and name go into the run's lock file: a process that dies in it leaves them there.
2. It gets sealed arrays and twins (`lend`); what it returns is copied (`take_over`).
3. What it prints is told in a warning; numpy's error state is its own; a call that takes longer
   than `plugins.timeout_s` ends.
4. What it raises becomes one line with its name and stage.
5. What it patched is put back, and ends the run; settings are put back, and told; so are threads.
6. At the end of the stage, the arrays that it could see must hold what they held.

A method that is asked at each close, or for each block, is looked at (5, 6) each `EACH` calls.
"""

from __future__ import annotations

import copy
import faulthandler
import io
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeVar, cast

import numpy as np

from engine.core.errors import ConfigError, EngineError, PluginError
from engine.core.panel import Panel
from engine.core.sealed import seal_all, sums
from engine.core.universe import Universe
from engine.plugin.patches import OWN, Before

T = TypeVar("T")
EACH = 250  # calls of a method that is asked again and again
HARD = 5.0  # seconds after its time that a call may go on before the process is ended
log = logging.getLogger(__name__)


@dataclass
class Guard:
    """What is known of strangers' code in one run.

    Parameters
    ----------
    say : callable
        Takes the text for the lock file.
    timeout : float, optional
        Seconds that one call may take.
    """

    say: Callable[[str], None] = lambda where: None
    timeout: float | None = None
    stage: str = ""
    inside: str = ""  # whose code runs
    _callers: dict[str, int] = field(default_factory=dict)  # how often, in this stage
    _noisy: set[str] = field(default_factory=set)
    _held: dict[str, Any] = field(default_factory=dict)
    _sums: dict[str, bytes] = field(default_factory=dict)
    _before: Before | None = None

    def hold(self, name: str, value: Any) -> None:
        """Remember what a stage made, to see at the end of later ones whether it is the same."""
        self._held[name] = value

    def drop(self, name: str) -> None:
        """Forget what a stage made: nobody reads it any more."""
        self._held.pop(name, None)
        for place in [each for each in self._sums if each.split(".")[0] == name]:
            del self._sums[place]

    @contextmanager
    def on_stage(self, name: str) -> Iterator[None]:
        """Name the stage; at its end see what strangers' code left behind."""
        self.stage, self._before = name, None
        self._callers.clear()
        self._noisy.clear()
        yield
        self.look()
        self.stage, self._before = "", None
        self._callers.clear()

    def enter(self, who: str, cls: type, often: bool) -> None:
        """Note a call before it is made."""
        if not self._callers and (self.stage or not often):
            self._before = Before.now()
            self._sums = sums(self._held) | self._sums
        self._callers[who] = self._callers.get(who, 0) + 1
        where = f"{self.place}{who} ({cls.__module__}.{cls.__qualname__})"
        if where != self.inside:
            self.say(where)
        self.inside = where

    def leave(self, who: str, often: bool) -> None:
        """See what a call left behind."""
        if not often:
            self.inside = ""
            self.say("")
            self._compare()
        elif self._callers[who] % EACH == 0:
            self.look(("bars",))

    def look(self, only: tuple[str, ...] = ()) -> None:
        """See whether strangers' code changed anything; PluginError names who could have."""
        if not self._callers or self._before is None:
            return
        self._compare()
        held = {name: self._held[name] for name in only or self._held if name in self._held}
        now = sums(held)
        changed = sorted(name for name, each in now.items() if self._sums.get(name, each) != each)
        if changed:
            raise PluginError(
                f"{self.place}{self._who()} changed {_few(changed)}, which others read: "
                "a plugin works on a copy of its own"
            )
        if not only and self.inside:
            self.inside = ""
            self.say("")

    def put_back(self, error: BaseException) -> None:
        """Put back what a call changed that ended in an error; Ctrl-C leaves its name."""
        if self._before is not None:
            self._before.undo(), self._before.settings()
        if not isinstance(error, KeyboardInterrupt):
            self.inside = ""

    def _compare(self) -> None:
        assert self._before is not None
        patched, settings = self._before.undo(), self._before.settings()
        who = self.place + self._who()
        for name in self._before.find_threads():
            self.warn(f"{who} left a thread running, {name}; end it before you return")
        if settings:
            self.warn(f"{who} changed {_few(settings)}: put back; take that out")
        if patched:
            raise PluginError(f"{who} changed {_few(patched)}, which others use: take that out")

    def tell(self, who: str, text: str) -> None:
        """Tell what was printed: the first line of it, and once a stage."""
        lines = text.strip().splitlines()
        if lines and who not in self._noisy:
            self._noisy.add(who)
            line = lines[0][:200]
            self.warn(f"{self.place}{who} printed {line!r}: a plugin logs, and never prints")
        for line in lines:
            log.info("%s printed: %s", who, line)

    def warn(self, text: str) -> None:
        """Log a line, once a stage."""
        if text not in self._noisy:
            self._noisy.add(text)
            log.warning("%s", text)

    @property
    def place(self) -> str:
        """Which stage it is, for the beginning of a line; "" outside of a run."""
        return f"stage {self.stage}: " if self.stage else ""

    def _who(self) -> str:
        names = list(self._callers)
        return names[0] if len(names) == 1 else f"one of {', '.join(names)}"


_guard: ContextVar[Guard | None] = ContextVar("guard", default=None)


@contextmanager
def guarding(guard: Guard) -> Iterator[None]:
    """Have strangers' code called under this guard."""
    token = _guard.set(guard)
    try:
        yield
    finally:
        _guard.reset(token)


def seconds(value: Any) -> float | None:
    """``plugins.timeout_s``; ConfigError unless it is a number."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if value is not None and not (number and 0 < value < threading.TIMEOUT_MAX):
        raise ConfigError(f"plugins.timeout_s={value}: write seconds above 0, or null for no limit")
    return None if value is None else float(value)


def is_ours(plugin: object) -> bool:
    """Whether a plugin, or its class, is the engine's or a built-in."""
    cls = plugin if isinstance(plugin, type) else type(plugin)
    return cls.__module__.split(".")[0] == OWN


def lend(value: T, plugin: object) -> T:
    """What a plugin is handed: to a stranger a twin, so that what it sets stays in it."""
    if is_ours(plugin):
        return value
    if isinstance(value, Panel):
        twin: Any = value.twin()
    else:
        twin = copy.deepcopy(value) if isinstance(value, Universe) else seal_all(value)
    return cast(T, twin)


def take_over(value: T, plugin: object) -> T:
    """What a plugin returned: of a stranger's array a copy, for it may keep and change its own."""
    if isinstance(value, np.ndarray) and not is_ours(plugin):
        return value.copy()
    return value


def calling(
    plugin: object, who: str, *, often: bool = False
) -> AbstractContextManager[None, bool | None]:
    """Whatever a plugin raises inside becomes one line that names it.

    Strangers are watched as is said above where a guard is set, as in a run. `often` marks a
    method that is asked again and again.
    """
    guard = _guard.get()
    if guard is None or is_ours(plugin):
        return _Blame(who)
    return _watching(guard, plugin, who, often)


@contextmanager
def _watching(guard: Guard, plugin: object, who: str, often: bool) -> Iterator[None]:
    cls = plugin if isinstance(plugin, type) else type(plugin)
    guard.enter(who, cls, often)
    printed = io.StringIO()
    try:
        with _Blame(who, guard), _limit(guard.timeout), np.errstate(), _hearing(printed):
            yield
    except BaseException as error:
        guard.put_back(error)
        raise
    finally:
        guard.tell(who, printed.getvalue())
    guard.leave(who, often)


@dataclass(frozen=True, eq=False)
class _Blame(AbstractContextManager[None, bool | None]):
    """One line for what is raised; of a stranger's also the engine's own errors, and the stage."""

    who: str
    guard: Guard | None = None

    def __exit__(
        self, kind: object, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        who, guard = self.who, self.guard
        if error is None or isinstance(error, KeyboardInterrupt):
            return
        if isinstance(error, (EngineError, OSError)):
            if guard is None:
                return
            if isinstance(error, OSError):
                raise PluginError(_describe_failure(who, error, guard)) from error
            named = str(error) if str(error).startswith(who) else f"{who}: {error}"
            error.args = (guard.place + named,)
            return
        # a stranger's code may raise anything, SystemExit too
        raise PluginError(
            _describe_failure(who, error, guard or _guard.get() or Guard())
        ) from error


def _describe_failure(who: str, error: BaseException, guard: Guard) -> str:
    what = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return f"{guard.place}{who} failed: {what}; --debug shows where"


@contextmanager
def _hearing(printed: io.StringIO) -> Iterator[None]:
    """Catch what this thread prints; the screen is everybody's, so only in the main one."""
    if not _is_main():
        yield
        return
    with redirect_stdout(printed):
        yield


@contextmanager
def _limit(limit: float | None) -> Iterator[None]:
    """End what takes too long: by an exception and, where that is not heard, by the process."""
    if limit is None or not _is_main():
        yield
        return

    def late(number: int, frame: object) -> None:
        raise TimeoutError(f"it took longer than plugins.timeout_s={limit:g}")

    before = signal.signal(signal.SIGALRM, late)
    faulthandler.dump_traceback_later(limit + HARD, exit=True, file=2)
    signal.setitimer(signal.ITIMER_REAL, limit, 1.0)  # again, where it was swallowed
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)


def _is_main() -> bool:
    return threading.current_thread() is threading.main_thread()


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
