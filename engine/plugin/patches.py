"""What strangers' code may leave changed in a process: functions of others, settings, threads."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from engine.kernels.threads import PREFIX

LIBRARIES = ("builtins", "math", "numpy", "numpy.fft", "numpy.linalg", "numpy.random", "pandas")
OWN = "engine"  # the name that all our modules begin with
DESCRIPTORS = (property, cached_property, staticmethod, classmethod)
# What scikit-learn and pandera set when they are imported, in whosever call that is.
SET_BY_IMPORTS = ("KMP_", "PYARROW_IGNORE_TIMEZONE", "SPARK_LOCAL_IP")
GRACE = 0.1  # seconds that a thread has to end
POOLS = (PREFIX, "QueueFeederThread", "ExecutorManagerThread")  # names of threads that idle


@dataclass(frozen=True)
class Before:
    """What stood in the process before strangers' code ran."""

    names: list[tuple[Any, str, dict[str, Any]]]  # each owner, its name, and its callables
    environment: Mapping[str, str]
    folder: str
    threads: frozenset[threading.Thread]

    @classmethod
    def now(cls) -> Before:
        """What stands in the process."""
        return cls(
            names=[(owner, name, _callables(owner)) for owner, name in _owners()],
            environment=dict(os.environ),
            folder=os.getcwd(),
            threads=frozenset(threading.enumerate()),
        )

    def undo(self) -> list[str]:
        """Put functions and classes of others back; return which had been exchanged."""
        found = []
        for owner, place, names in self.names:
            now = vars(owner)
            for name, value in names.items():
                if now.get(name) is not value:
                    setattr(owner, name, value)
                    found.append(f"{place}.{name}")
        return found

    def settings(self) -> list[str]:
        """Put the environment and the working directory back; return which had been changed."""
        found = []
        for name in sorted({*os.environ, *self.environment}):
            before = self.environment.get(name)
            if os.environ.get(name) == before or name.startswith(SET_BY_IMPORTS):
                continue
            if before is None:
                del os.environ[name]
            else:
                os.environ[name] = before
            found.append(f"the environment variable {name}")
        if os.getcwd() != self.folder:
            os.chdir(self.folder)
            found.append("the working directory")
        return found

    def find_threads(self) -> list[str]:
        """Names of threads that were not there, and do not end."""
        left = [t for t in threading.enumerate() if _counts(t) and t not in self.threads | STRAYS]
        for thread in left:
            thread.join(GRACE)
        alive = [thread for thread in left if thread.is_alive()]
        STRAYS.update(alive)
        return [thread.name for thread in alive]


STRAYS: set[threading.Thread] = set()  # those that plugins have left; nobody waits for them


def _counts(thread: threading.Thread) -> bool:
    own = thread is threading.current_thread()
    return not own and not thread.name.startswith(POOLS)


def _owners() -> Iterator[tuple[Any, str]]:
    """Modules that others rely on, and the classes in them, with what these inherit from."""
    seen: set[type] = set()
    for place, module in sorted(sys.modules.items()):
        if module is None or not (place in LIBRARIES or place.split(".")[0] == OWN):
            continue
        yield module, place
        for value in list(vars(module).values()):
            for cls in value.__mro__ if isinstance(value, type) else ():
                if cls not in seen and _may_change(cls):
                    seen.add(cls)
                    yield cls, f"{cls.__module__}.{cls.__qualname__}"


def _may_change(cls: type) -> bool:
    """Whether Python lets one set attributes of the class: it is no C type."""
    return bool(cls.__flags__ & (1 << 9)) and not cls.__flags__ & (1 << 8)  # heap, not immutable


def _callables(owner: Any) -> dict[str, Any]:
    return {
        name: value
        for name, value in list(vars(owner).items())
        if callable(value) or isinstance(value, DESCRIPTORS)
    }
