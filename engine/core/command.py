"""A command of ``engine``: what is typed, where its work is done, and what the help says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from engine.core.errors import PluginError


@dataclass(frozen=True)
class Command:
    """A command, as a row: its code is imported when it is typed.

    Parameters
    ----------
    name : str
        What is typed after ``engine``: lower-case letters, digits and hyphens.
    target : str
        ``module:name`` of a ``click.Command`` or ``click.Group``. What its function returns is
        the exit code; None is 0.
    help : str
        Its lines in ``engine --help``. Each is the words that follow the name, two spaces, and
        what they do; or what the command does alone.

    Raises
    ------
    PluginError
        One of the three is written otherwise.
    """

    name: str
    target: str
    help: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]*", self.name):
            raise PluginError(f"command {self.name!r}: name it as in 'my-command'")
        if not re.fullmatch(r"[\w.]+:\w+", self.target):
            wanted = "write module:name, where name is a click.Command"
            raise PluginError(f"command {self.name}: target {self.target!r}: {wanted}")
        if not self.help.strip():
            raise PluginError(f"command {self.name}: help is empty: say what it does")

    @property
    def lines(self) -> list[tuple[str, str]]:
        """What is typed, and what it does, a pair for each line of the help."""
        parts = [line.strip().partition("  ") for line in self.help.strip().splitlines()]
        return [
            (f"engine {self.name} {words}", meaning.strip())
            if meaning
            else (f"engine {self.name}", words)
            for words, _, meaning in parts
        ]

    def load(self) -> Any:
        """Import what the target names."""
        module, _, name = self.target.partition(":")
        return getattr(import_module(module), name)
