"""What a check says, and how a plugin is called so that nothing it does escapes notice."""

from __future__ import annotations

import io
import logging
import os
import random
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass

import numpy as np


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


class Broken(Exception):
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
        return Verdict(name, False, told(error))
    return Verdict(name, True)


def told(error: Exception) -> str:
    """Type and first line of an exception."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


@dataclass
class Noise:
    """What a call left behind besides its result."""

    printed: str = ""
    drew: bool = False  # numbers from, or a seed into, a global random generator


@contextmanager
def watched() -> Iterator[Noise]:
    """Catch what is printed, by Python or below it; log records and warnings are not prints."""
    noise = Noise()
    before = _random_state()
    stream = io.StringIO()
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
        noise.drew = _random_state() != before


def _random_state() -> tuple[object, ...]:
    state = np.random.get_state(legacy=False)
    assert isinstance(state, dict)
    return state["state"]["key"].tobytes(), state["state"]["pos"], random.getstate()


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
