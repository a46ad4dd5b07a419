"""Which plugin classes the conformance kit has found sound on this machine, and what audits said.

An empty name per file of code, in the user's cache folder: the SHA-256 of the file that the class
stands in, with the version of the engine that checked it in it. Code that changes is another
file, so it is unchecked until the kit has seen it again. What an audit says of a class is kept in
the same way; a leak stays one, whatever later audits on other dates say.
"""

from __future__ import annotations

from pathlib import Path

from engine.core.kinds import Kind
from engine.core.places import user_cache
from engine.core.version import VERSION
from engine.plugin.admission import code_hash
from engine.plugin.patches import OWN


def record(cls: type[Kind]) -> None:
    """Note that all properties of a class's kind hold; where that cannot be kept, it is not."""
    if cls.__module__.split(".")[0] == OWN:
        return
    try:
        file = _file(cls)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(VERSION, "utf-8")
    except (OSError, RuntimeError, TypeError):  # no home, no room, or a class of no file
        return


def find_checker(cls: type[Kind]) -> str | None:
    """Return the version of the engine whose kit found a class sound; None if none did."""
    try:
        return _file(cls).read_text("utf-8").strip()
    except (OSError, RuntimeError, TypeError):
        return None


def record_audit(cls: type[Kind], verdict: str, worst: str) -> None:
    """Note an audit's verdict on a class, unless one before it was the `worst`."""
    if cls.__module__.split(".")[0] == OWN or find_audit(cls) == worst:
        return
    try:
        file = _file(cls, "audited")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(verdict, "utf-8")
    except (OSError, RuntimeError, TypeError):  # as above
        return


def find_audit(cls: type[Kind]) -> str | None:
    """Return what audits have said of a class; None if it was in none."""
    try:
        return _file(cls, "audited").read_text("utf-8").strip()
    except (OSError, RuntimeError, TypeError):
        return None


def _file(cls: type[Kind], folder: str = "checked") -> Path:
    return user_cache() / folder / f"{cls.__qualname__}-{code_hash(cls)}"
