"""One run at a time in a folder."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from engine.errors import ConfigError

NAME = ".lock"


@dataclass(frozen=True)
class Lock:
    """A folder taken by this process, until `release` or its end.

    The lock is the system's on an open file, so that of a process that died holds nobody up;
    the file itself tells others who has it.
    """

    file: Path
    handle: int

    @classmethod
    def taken(cls, folder: Path) -> Lock:
        """Take a folder.

        Raises
        ------
        ConfigError
            A run is at work in it; the message names its process.
        OSError
            The folder cannot be written.
        """
        file = folder / NAME
        while True:
            handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_still(file, handle):
                    os.ftruncate(handle, 0)
                    os.write(handle, f"{os.getpid()}\n".encode())
                    return cls(file, handle)
            except BlockingIOError as error:
                owner = os.pread(handle, 32, 0).decode().strip() or "another one"
                os.close(handle)
                raise ConfigError(
                    f"hydra.run.dir={folder}: a run is at work in it (process {owner}); wait for "
                    "it, or choose another folder with hydra.run.dir=…"
                ) from error
            except OSError:
                os.close(handle)
                raise
            os.close(handle)  # its owner took the file away just now: once more

    def release(self) -> None:
        """Let the folder go; the file goes first, so that nobody locks what is not there."""
        self.file.unlink(missing_ok=True)
        os.close(self.handle)


def _is_still(file: Path, handle: int) -> bool:
    """Whether the open file is the one that now bears the name."""
    try:
        return os.path.samestat(file.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
