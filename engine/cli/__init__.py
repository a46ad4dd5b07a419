"""The command line; one module or room a command.

Rooms that stand above the command line's own hand in theirs: see `engine.__main__`.
"""

from __future__ import annotations

from engine.cli.command import OWN
from engine.cli.prompt import main

__all__ = ["OWN", "main"]
