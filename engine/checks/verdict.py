"""What a check says, and how a plugin is called so that nothing it does escapes notice."""

from __future__ import annotations

import io
import logging
import os
import random
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass

import numpy as np

from engine.core.errors import PluginError
from engine.core.kinds import Kind
from engine.plugin import record


@dataclass(frozen=True)
class Verdict:
    """The outcome of one property.

    Parameters
    ----------
    property : str
        What was asked, such as ``"blindness"``.
    ok : bool
        Whether the plugin has it.
    message : str
        What is wrong, in one line; "" when ok.
    """

    property: str
    ok: bool
    message: str = ""


class Broken(Exception):  # noqa: N818  # a finding, not an error
    """A property does not hold; the text says where."""


Check = tuple[str, Callable[[], None]]


def judge(check: Check) -> Verdict:
    """Run one check; whatever the plugin raises becomes the verdict. Ctrl-C passes."""
    name, test = check
    try:
        test()
    except Broken as error:
        return Verdict(name, False, str(error))
    except SystemExit as error:
        return Verdict(name, False, f"calls sys.exit({error.code!r}): raise engine.ConfigError")
    except Exception as error:  # a stranger's code may raise anything
        return Verdict(name, False, describe(error))
    return Verdict(name, True)


def judge_all(plugin: Kind, checks: Sequence[Check]) -> list[Verdict]:
    """Run checks; a class that passes them all is noted as sound, for the manifests of runs."""
    verdicts = [judge(check) for check in checks]
    if all(verdict.ok for verdict in verdicts):
        record(type(plugin))
    return verdicts


def refuse_broken(plugin: Kind, verdicts: Sequence[Verdict]) -> None:
    """Raise PluginError that names every property which does not hold, one a line."""
    failed: dict[str, list[str]] = {}
    for verdict in verdicts:
        if not verdict.ok:
            failed.setdefault(verdict.message, []).append(verdict.property)
    if failed:
        who = getattr(plugin, "name", None) or type(plugin).__name__
        lines = [f"  {', '.join(names)}: {message}" for message, names in failed.items()]
        raise PluginError("\n".join([f"{who!r} does not keep its contract:", *lines]))


def describe(error: Exception) -> str:
    """Type and first line of an exception."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


@dataclass
class Noise:
    """What a call left behind besides its result."""

    printed: str = ""
    random: tuple[object, ...] = ()  # state of the global random generators afterwards


@contextmanager
def watch(seed: int = 1) -> Iterator[Noise]:
    """Catch what is printed, by Python or below it; log records and warnings are not prints.

    The global random generators start from `seed` and are put back afterwards: a call that
    ends in one state from two seeds has seeded them itself.
    """
    noise = Noise()
    saved = np.random.get_state(), random.getstate()
    np.random.seed(seed)
    random.seed(seed)
    stream = _Own()
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            _descriptors(noise),
            redirect_stdout(stream),
            redirect_stderr(stream),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield noise
    finally:
        logging.disable(level)
        noise.printed = stream.getvalue() + noise.printed
        noise.random = _random_state()
        np.random.set_state(saved[0])
        random.setstate(saved[1])


class _Own(io.StringIO):
    """Keeps what its own thread writes; a progress bar of another thread is none of it."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def write(self, text: str) -> int:
        return super().write(text) if threading.get_ident() == self._thread else len(text)


def _random_state() -> tuple[object, ...]:
    return repr(np.random.get_state(legacy=False)), random.getstate()


@contextmanager
def _descriptors(noise: Noise) -> Iterator[None]:
    """Catch what C code writes to the file descriptors 1 and 2."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    with tempfile.TemporaryFile() as file:
        saved = {number: os.dup(number) for number in (1, 2)}
        try:
            for number in saved:
                os.dup2(file.fileno(), number)
            yield
        finally:
            for number, copy in saved.items():
                os.dup2(copy, number)
                os.close(copy)
            file.seek(0)
            noise.printed += file.read().decode("utf-8", "replace")
