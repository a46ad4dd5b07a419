"""One run at a time in a folder, and whose code it is in."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.core.errors import ConfigError

NAME = ".lock"
LENGTH = 4096  # bytes of a lock file that are read


@dataclass
class Lock:
    """A folder taken by this process, until `release` or its end.

    The lock is the system's on an open file, so that of a process that died holds nobody up;
    the file itself tells others who has it: the process, and below it what `say` was told.
    """

    file: Path
    handle: int
    left: str = ""  # whose code a run ended in that died in this folder

    @classmethod
    def take(cls, folder: Path, key: str = "hydra.run.dir") -> Lock:
        """Take a folder, that `key` of the configuration names.

        Raises
        ------
        ConfigError
            A run is at work in it; the message names its process.
        OSError
            The folder cannot be written.
        """
        file = folder / NAME
        try:
            handle = hold(file)
        except BlockingIOError as error:
            raise ConfigError(
                f"{key}={folder}: a run is at work in it (process {_text(file)[0]}); wait "
                f"for it, or choose another folder with {key}=…"
            ) from error
        lock = cls(file, handle, left=_text(file)[1])
        lock.say("")
        return lock

    def say(self, where: str) -> None:
        """Write down whose code runs; "" is the engine's own. A process that dies leaves it."""
        text = f"{os.getpid()}\n{where}\n".encode()[:LENGTH]
        os.pwrite(self.handle, text, 0)
        os.ftruncate(self.handle, len(text))

    def release(self, *, leave: bool = False) -> None:
        """Let the folder go, once; the file goes first: nobody locks what is not there."""
        if self.handle < 0:
            return
        if not leave:
            self.file.unlink(missing_ok=True)
        os.close(self.handle)
        self.handle = -1


def hold(file: Path) -> int:
    """Create and lock a file; return its handle. BlockingIOError: another process holds it."""
    while True:
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(file, handle):
                return handle
        except OSError:
            os.close(handle)
            raise
        os.close(handle)  # its owner took the file away just now: once more


def is_held(file: Path) -> bool:
    """Whether a living process holds a file."""
    try:
        handle = os.open(file, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def find_culprit(folder: Path) -> str:
    """Whose code a run in a folder ended in without a word; "" where it did not."""
    file = folder / NAME
    try:
        return "" if not file.is_file() or is_held(file) else _text(file)[1]
    except OSError:  # somebody else's, or gone by now
        return ""


def find_culprits(folder: Path) -> Iterator[tuple[Path, str]]:
    """The same of a folder and those beside it; beside a sweep's job are those of other sweeps."""
    home = folder.parent
    if (home / "multirun.yaml").is_file():  # what died in this sweep, the sweep itself tells
        beside = [f for f in home.parent.glob(f"*/*/{NAME}") if f.parent.parent != home]
    else:
        beside = list(home.glob(f"*/{NAME}"))
    for file in sorted({folder / NAME, *beside}):
        where = find_culprit(file.parent)
        if where:
            yield file.parent, where


def _text(file: Path) -> tuple[str, str]:
    """The process and the words in a lock file."""
    with file.open("rb") as opened:
        owner, _, rest = opened.read(LENGTH).decode("utf-8", "replace").partition("\n")
    known = owner.isdecimal() and rest.endswith("\n")  # else it is none of ours
    return owner.strip() or "another one", rest.strip() if known else ""


def _is_still(file: Path, handle: int) -> bool:
    """Whether the open file is the one that now bears the name."""
    try:
        return os.path.samestat(file.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
